"""The detector "ir-mad" on warped pairs."""

import numpy as np
import pytest

from onediff_plugins import ImagePair
from onediff_plugins.errors import MismatchedPairError
from onediff_satellite.detect import IrMadDetector, neighbourhood_px
from onediff_satellite.preprocess import preprocess_pair
from onediff_satellite.settings import SatelliteSettings


def detected(frame, before, after, valid=None, overview=None, **fields):
    options = SatelliteSettings()
    first, second = frame(before, valid, **fields), frame(after, valid, **fields)
    raw = ImagePair(before=first, after=second, before_on_after=first)
    pair = preprocess_pair(raw, overview or raw, options)
    scene = pair if overview is None else preprocess_pair(overview, overview, options)
    (change,) = IrMadDetector().detect([pair], [scene], options)
    return change


def with_rectangle(pixels, value=240):
    out = pixels.copy()
    out[:, 60:100, 80:130] = value
    truth = np.zeros(pixels.shape[1:], dtype=bool)
    truth[60:100, 80:130] = True
    return out, truth


def iou(change, truth):
    found = change.score >= 0.5
    return (found & truth).sum() / (found | truth).sum()


def test_identical_images_score_zero(frame, texture):
    change = detected(frame, texture(120, 100), texture(120, 100))
    assert change.score.max() < 1e-4


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_an_inserted_rectangle_is_found_where_it_is(frame, texture, bands):
    before = texture(220, 180, bands=bands)
    after, truth = with_rectangle(before)
    assert iou(detected(frame, before, after), truth) > 0.7


def test_a_removed_rectangle_is_found_too(frame, texture):
    after = texture(220, 180)
    before, truth = with_rectangle(after)
    assert iou(detected(frame, before, after), truth) > 0.7


def test_gain_and_offset_are_not_change(frame, texture):
    before = texture(160, 160)
    after = np.clip(before * 0.6 + 40, 0, 255).astype(np.uint8)
    assert detected(frame, before, after).score.max() < 0.2


def test_noise_is_not_change(frame, texture):
    before = texture(160, 160)
    noise = np.random.default_rng(1).normal(0, 8, before.shape)
    after = np.clip(before + noise, 0, 255).astype(np.uint8)
    assert detected(frame, before, after).score.max() < 0.4


def test_a_constant_band_is_no_trouble(frame, texture):
    before = texture(220, 180)
    before[1] = 80
    after, truth = with_rectangle(before)
    assert iou(detected(frame, before, after), truth) > 0.6


def test_a_rectangle_on_a_flat_image_is_found(frame):
    before = np.full((3, 180, 220), 90, dtype=np.uint8)
    after, truth = with_rectangle(before)
    assert iou(detected(frame, before, after), truth) > 0.7


def test_physical_units_do_not_change_the_answer(frame, texture):
    before = texture(220, 180, bands=2)
    after, truth = with_rectangle(before)
    kelvin = [(250 + 0.2 * pixels).astype(np.float32) for pixels in (before, after)]
    assert iou(detected(frame, *kelvin, bands=("lwir11", "lwir12")), truth) > 0.6


def test_what_is_not_valid_scores_zero_and_does_not_shine_into_its_surroundings(frame, texture):
    before = texture(160, 160)
    after = before.copy()
    valid = np.ones((160, 160), dtype=bool)
    valid[40:80, 40:80] = False
    after[:, ~valid] = 255
    change = detected(frame, before, after, valid)
    assert not change.score[~valid].any()
    assert change.score.max() < 1e-3
    assert (change.valid == valid).all()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_tiny_images_are_taken(frame, size):
    pixels = np.full((3, size, size), 50, dtype=np.uint8)
    assert detected(frame, pixels, pixels).score.max() == 0


def test_nothing_valid_scores_zero(frame, texture):
    nothing = np.zeros((40, 40), dtype=bool)
    assert not detected(frame, texture(40, 40), texture(40, 40, seed=2), nothing).score.any()


def test_a_window_gets_its_statistics_from_the_scene(frame, texture):
    before = texture(220, 180)
    after, _ = with_rectangle(np.clip(before * 0.8 + 20, 0, 255).astype(np.uint8))
    scene = ImagePair(before=frame(before), after=frame(after), before_on_after=frame(before))
    whole = detected(frame, before, after)
    window = np.s_[:, 20:160, 30:200]
    part = detected(frame, *(np.ascontiguousarray(p[window]) for p in (before, after)), overview=scene)
    inner = np.s_[30:-30, 30:-30]  # beyond the reach of the window's edges
    assert np.abs(part.score - whole.score[20:160, 30:200])[inner].max() < 1e-4


def test_the_neighbourhood_follows_the_scale_on_the_ground():
    assert neighbourhood_px(None) == 7
    assert neighbourhood_px(0.2) == 7
    assert neighbourhood_px(1.0) == 3.5
    assert neighbourhood_px(30) == 1.5


def test_bands_that_differ_are_refused(frame, texture):
    before, after = frame(texture(20, 20)), frame(texture(20, 20, bands=1))
    pair = ImagePair(before=before, after=after, before_on_after=before)
    with pytest.raises(MismatchedPairError, match="red, green, blue before and gray after"):
        IrMadDetector().detect([pair], [pair], SatelliteSettings())
