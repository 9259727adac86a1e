"""Scaling and radiometric normalisation."""

from dataclasses import replace

import numpy as np
import pytest

from onediff_plugins import ImagePair
from onediff_satellite.preprocess import preprocess_pair
from onediff_satellite.settings import SatelliteSettings

PLAIN = SatelliteSettings(normalise=False)


def aligned(frame, before, after, valid=None):
    first, second = frame(before, valid), frame(after, valid)
    return ImagePair(before=first, after=second, before_on_after=first)


def prepared(pair, settings=PLAIN, overview=None):
    return preprocess_pair(pair, overview or pair, settings)


def test_eight_bits_become_zero_to_one(frame):
    pixels = np.array([[[0, 255], [51, 102]]], dtype=np.uint8)
    out = prepared(aligned(frame, pixels, pixels)).after.pixels
    assert out.dtype == np.float32
    assert out.ravel().tolist() == pytest.approx([0, 1, 0.2, 0.4])


def test_sixteen_bit_colour_has_one_scale_for_all_bands_and_both_images(frame):
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 1000, (2, 3, 50, 50)).astype(np.uint16)
    after[0] = rng.integers(0, 4000, (50, 50))
    out = prepared(aligned(frame, before, after))
    ratio = out.after.pixels[0].mean() / out.after.pixels[1].mean()
    assert ratio == pytest.approx(after[0].mean() / after[1].mean(), rel=1e-2)
    assert out.aligned.pixels.mean() == pytest.approx(before.mean() / 4000, rel=2e-2)
    assert 0 <= out.after.pixels.min() <= out.after.pixels.max() <= 1


def test_reflectances_stay_and_other_bands_keep_their_units(frame):
    rng = np.random.default_rng(0)
    pixels = np.stack([*rng.random((3, 20, 20)), 250 + 50 * rng.random((20, 20))]).astype(np.float32)
    pair = aligned(frame, pixels, pixels)
    pair = replace(
        pair,
        **{
            name: replace(getattr(pair, name), bands=("red", "green", "blue", "lwir11"))
            for name in ("before", "after", "before_on_after")
        },
    )
    assert np.allclose(prepared(pair).after.pixels, pixels)


def test_negative_values_are_inside_the_scale(frame):
    pixels = np.linspace(-2000, 8000, 400).reshape(1, 20, 20).astype(np.int16)
    out = prepared(aligned(frame, pixels, pixels)).after.pixels
    assert (out.min(), out.max()) == pytest.approx((0, 1), abs=1e-3)


def test_gain_and_offset_between_the_dates_are_removed(frame, texture):
    after = texture(120, 120)
    before = np.clip(after * 0.7 + 12, 0, 255).astype(np.uint8)
    pair = aligned(frame, before, after)
    plain, fitted = prepared(pair), prepared(pair, SatelliteSettings())
    apart = [np.abs(p.aligned.pixels - p.after.pixels).mean() for p in (plain, fitted)]
    assert apart[1] < 0.1 * apart[0]
    assert (fitted.after.pixels == plain.after.pixels).all()
    assert np.allclose(fitted.before.pixels, fitted.aligned.pixels)


def test_a_change_does_not_pull_the_fit(frame, texture):
    after = texture(120, 120)
    before = after.copy()
    after = after.copy()
    after[:, :40] = 250
    fitted = prepared(aligned(frame, before, after), SatelliteSettings())
    assert np.abs(fitted.aligned.pixels - fitted.after.pixels)[:, 40:].mean() < 0.01


def test_statistics_come_from_the_overview_alone(frame, texture):
    scene = aligned(frame, (texture(80, 80) * 0.6).astype(np.uint8), texture(80, 80))
    part = aligned(frame, scene.before.pixels[:, :20, :20].copy(), scene.after.pixels[:, :20, :20].copy())
    whole, window = (prepared(pair, SatelliteSettings(), scene) for pair in (scene, part))
    assert (window.aligned.pixels == whole.aligned.pixels[:, :20, :20]).all()


def test_identical_images_stay_identical(frame, texture):
    same = aligned(frame, texture(60, 60), texture(60, 60))
    out = prepared(same, SatelliteSettings())
    assert (out.aligned.pixels == out.after.pixels).all()


def test_invalid_pixels_are_zero_and_count_for_nothing(frame, texture):
    pixels = texture(40, 40).astype(np.float32) / 255
    valid = np.ones((40, 40), dtype=bool)
    valid[:10] = False
    dirty = np.where(valid, pixels, 1e9).astype(np.float32)
    out = prepared(aligned(frame, dirty, dirty, valid), SatelliteSettings())
    assert not out.after.pixels[:, :10].any()
    assert np.allclose(out.after.pixels[:, 10:], pixels[:, 10:])


@pytest.mark.parametrize("fill", [0, 7])
def test_nothing_valid_or_nothing_to_see_is_taken(frame, fill):
    pixels = np.full((3, 5, 5), fill, dtype=np.uint16)
    for valid in (np.zeros((5, 5), dtype=bool), np.ones((5, 5), dtype=bool)):
        out = prepared(aligned(frame, pixels, pixels, valid), SatelliteSettings())
        assert np.isfinite(out.aligned.pixels).all()


def test_the_input_is_not_changed_and_the_answer_is_the_same_twice(frame, texture):
    pair = aligned(frame, texture(50, 50, seed=1), texture(50, 50))
    before = pair.after.pixels.copy()
    first, second = prepared(pair, SatelliteSettings()), prepared(pair, SatelliteSettings())
    assert (pair.after.pixels == before).all()
    assert (first.aligned.pixels == second.aligned.pixels).all()
