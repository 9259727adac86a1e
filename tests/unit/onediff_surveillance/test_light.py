from __future__ import annotations

import numpy as np
import pytest

from onediff_surveillance.light import explained_beside, light_field, local_gain
from onediff_surveillance.noise import Roughness, texture
from onediff_surveillance.preprocess import colourless, photometric_fit, preprocess_pair

ALL = np.ones((320, 480), np.bool_)


@pytest.fixture
def planes(view):
    """(3, H, W) float32 in [0, 1]."""
    return np.moveaxis(view().astype(np.float32) / 255, 2, 0).copy()


@pytest.fixture
def noisy():
    def add(image, seed=0):
        return np.clip(image + np.random.default_rng(seed).normal(size=image.shape) * 0.008, 0, 1).astype(np.float32)

    return add


def analysed(before, after):
    return local_gain(before, after, Roughness(texture(before.mean(axis=0), after.mean(axis=0)), ALL))


def test_one_gain_explains_a_shadow_and_is_its_depth(planes, noisy):
    after = planes.copy()
    after[:, :, 200:] *= 0.5
    local = analysed(noisy(planes, 1), noisy(after, 2))
    assert local.explained[:, :190].mean() > 0.95
    assert local.explained[:, 210:].mean() > 0.95
    assert local.gain[:, 210:].mean() == pytest.approx(0.5, abs=0.02)


def test_no_gain_explains_another_colour(planes, noisy):
    after = planes.copy()
    after[:, 100:200, 100:200] = after[::-1, 100:200, 100:200] * np.float32(1.1)
    after[0, 100:200, 100:200] *= 0.5
    local = analysed(noisy(planes, 1), noisy(after, 2))
    assert local.explained[110:190, 110:190].mean() < 0.1


def test_no_gain_explains_another_texture(planes, noisy):
    after = planes.copy()
    after[:, 100:200, 100:200] *= np.where(np.arange(100) // 4 % 2, np.float32(0.6), np.float32(1))
    local = analysed(noisy(planes, 1), noisy(after, 2))
    assert local.explained[110:190, 110:190].mean() < 0.5
    assert local.explained[:, :90].mean() > 0.95


def test_more_contrast_than_light_has_is_not_explained(noisy):
    before = np.full((3, 320, 480), 0.15, np.float32)
    after = before.copy()
    after[:, 100:200, 100:200] = 0.7
    local = analysed(noisy(before, 1), noisy(after, 2))
    assert not local.explained[110:190, 110:190].any()


def test_the_light_of_the_view_follows_a_shadow_and_no_thing(planes, noisy):
    after = planes.copy()
    after[:, :, 240:] *= 0.6
    after[:, 150:190, 60:100] = after[::-1, 150:190, 60:100] * np.float32(0.5)
    field = light_field(analysed(noisy(planes, 1), noisy(after, 2)))
    assert field[:, 270:].mean() == pytest.approx(0.6, abs=0.03)
    assert field[150:190, 60:100].mean() == pytest.approx(1, abs=0.03)


def test_even_light_has_no_field(planes, noisy):
    assert light_field(analysed(noisy(planes, 1), noisy(planes, 2))) is None


def test_the_edge_of_a_shadow_is_explained_from_its_sides(planes, noisy):
    after = planes.copy()
    after[:, :, 240:] *= 0.5
    before, after = noisy(planes, 1), noisy(after, 2)
    local = analysed(before, after)
    rows, columns = np.mgrid[20:300, 237:243].reshape(2, -1)
    assert local.explained[rows, columns].mean() < 0.5
    assert explained_beside(local, before, after, rows, columns).mean() > 0.9


def test_the_photometric_fit_is_that_of_what_stayed(planes, noisy):
    after = planes * np.array([0.7, 0.75, 0.8], np.float32)[:, None, None] + np.float32(0.05)
    after[:, 100:260, 100:300] = 0.95  # a fifth of the view is something else
    gain, offset = photometric_fit(noisy(planes, 1), noisy(after, 2), ALL)
    assert gain == pytest.approx([0.7, 0.75, 0.8], abs=0.03)
    assert gain * 0.4 + offset == pytest.approx([0.33, 0.35, 0.37], abs=0.01)


def test_with_nothing_valid_there_is_nothing_to_fit(planes):
    gain, offset = photometric_fit(planes, planes, ~ALL)
    assert (gain.tolist(), offset.tolist()) == ([1, 1, 1], [0, 0, 0])


def test_preprocessing_takes_exposure_away_and_changes_nothing_it_was_given(view, pair):
    loaded = pair(view(), (view() * 0.6).astype(np.uint8))
    warped = type(loaded)(before=loaded.before, after=loaded.after, before_on_after=loaded.before)
    done = preprocess_pair(warped, warped)
    assert np.abs(done.aligned.pixels - done.after.pixels).mean() < 0.01
    assert (warped.aligned.pixels == np.moveaxis(view(), 2, 0)).all()


def test_an_image_of_one_tone_per_pixel_is_colourless(view, pair):
    grey = view().mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    loaded = pair(grey, view())
    frames = [
        type(frame)(pixels=(frame.pixels / 255), valid=frame.valid, bands=frame.bands)
        for frame in (loaded.before, loaded.after)
    ]
    assert [colourless(frame) for frame in frames] == [True, False]


def test_what_is_usual_goes_by_roughness_and_not_by_what_changed():
    rng = np.random.default_rng(0)
    rough = np.repeat(np.linspace(0, 1, 480, dtype=np.float32)[None], 320, axis=0)
    values = (np.abs(rng.normal(size=rough.shape)) * (0.01 + 0.1 * rough)).astype(np.float32)
    values[:80, :] += 0.5  # a quarter of the view changed
    found = Roughness(rough, ALL).usual(values)
    assert 0.005 < found[:, 20].mean() < 0.04
    assert 0.06 < found[:, 460].mean() < 0.16
