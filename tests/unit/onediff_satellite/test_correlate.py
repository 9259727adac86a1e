"""Phase correlation, over whole images and tile by tile."""

import numpy as np
import pytest

from onediff_plugins.errors import MismatchedPairError
from onediff_satellite.correlate import SIGNIFICANT, agreement, phase_shift, tile_displacements


def shifted(image, dx, dy):
    """The image with its content (dx, dy) further, exact in the Fourier domain."""
    rows, columns = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None, :]
    phase = np.exp(-2j * np.pi * (columns * dx + rows * dy))
    return np.fft.irfft2(np.fft.rfft2(image) * phase, s=image.shape).astype(np.float32)


@pytest.fixture
def land(texture):
    image = texture(200, 160, bands=1)[0].astype(np.float32)
    return image - image.mean()


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (0.5, 0.5), (0.75, 0.25), (-2.75, 1.25), (17.3, -11.6)])
def test_a_known_shift_is_found_to_a_fiftieth_of_a_pixel(land, shift):
    found = phase_shift(shifted(land, *shift), land)
    assert (found.dx, found.dy) == pytest.approx(shift, abs=0.02)
    assert found.significance > SIGNIFICANT


def test_gain_offset_and_noise_do_not_move_the_shift(land):
    noise = np.random.default_rng(1).normal(0, 5, land.shape).astype(np.float32)
    found = phase_shift(shifted(land, 1.4, -0.6) * 0.7 + 20 + noise, land)
    assert (found.dx, found.dy) == pytest.approx((1.4, -0.6), abs=0.03)


def test_a_copy_answers_fully_and_an_unrelated_image_by_chance(land, texture):
    other = texture(200, 160, bands=1, seed=9)[0].astype(np.float32)
    assert phase_shift(land, land).response == pytest.approx(1, abs=1e-3)
    assert phase_shift(other, land).significance < SIGNIFICANT


def test_an_image_without_texture_answers_nothing(land):
    assert phase_shift(np.zeros_like(land), land) == (0, 0, 0, 0)


def test_the_inputs_are_left_as_they_were(land):
    before, after = shifted(land, 2, 1), land.copy()
    copies = before.copy(), after.copy()
    phase_shift(before, after)
    assert (before == copies[0]).all()
    assert (after == copies[1]).all()


def test_shapes_that_differ_are_refused(land):
    with pytest.raises(MismatchedPairError, match=r"\(160, 200\) and \(160, 199\)"):
        phase_shift(land, land[:, :-1])


def test_tiles_measure_what_is_left_between_two_images(land):
    everywhere = np.ones(land.shape, dtype=bool)
    near, far = (agreement(shifted(land, d, 0), land, everywhere) for d in (0.2, 2))
    assert near.residual_px == pytest.approx(0.2, abs=0.05)
    assert far.residual_px == pytest.approx(2, abs=0.1)
    assert near.cost < far.cost


def test_unrelated_images_leave_no_residual(land, texture):
    other = texture(200, 160, bands=1, seed=9)[0].astype(np.float32)
    assert agreement(other, land, np.ones(land.shape, dtype=bool)).residual_px is None


def test_tiles_that_are_not_valid_or_flat_are_left_out(land):
    half = np.ones(land.shape, dtype=bool)
    half[:, 100:] = False
    everywhere = np.ones(land.shape, dtype=bool)
    flat = np.where(half, land, 0)
    count = len(tile_displacements(land, land, everywhere))
    assert 0 < len(tile_displacements(land, land, half)) < count
    assert 0 < len(tile_displacements(flat, flat, everywhere)) < count
    assert len(tile_displacements(land, land, np.zeros_like(half))) == 0
