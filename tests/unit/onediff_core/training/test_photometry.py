import numpy as np
import pytest

from onediff_core.training import photometry


@pytest.fixture
def image(rng):
    return rng.integers(40, 200, (32, 48, 3), dtype=np.uint8)


def test_an_image_is_never_changed_in_place(rng, image):
    kept = image.copy()
    for _ in range(50):
        made = photometry.nuisance(rng, image, photometry.statistics(image))
        assert made.shape == image.shape
        assert made.dtype == np.uint8
    assert np.array_equal(image, kept)


def test_the_same_generator_makes_the_same_image(image):
    other = photometry.statistics(image)
    first, second = (photometry.nuisance(np.random.default_rng(3), image, other) for _ in range(2))
    assert np.array_equal(first, second)


def test_recolouring_reaches_the_wanted_mean_and_spread(image):
    wanted = np.array([[120, 100, 90], [20, 25, 30]], np.float32)
    found = photometry.statistics(photometry.recoloured(image, photometry.statistics(image), wanted))
    np.testing.assert_allclose(found, wanted, atol=1.0)


def test_half_of_the_strength_goes_half_of_the_way(image):
    own = photometry.statistics(image)
    wanted = own + np.array([[20, 20, 20], [0, 0, 0]], np.float32)
    found = photometry.statistics(photometry.recoloured(image, own, wanted, strength=0.5))
    np.testing.assert_allclose(found[0] - own[0], 10, atol=0.6)


def test_without_saturation_an_image_is_grey(image):
    grey = photometry.saturated(image, 0.0)
    assert np.ptp(grey, axis=2).max() <= 1
    assert np.abs(photometry.saturated(image, 1.0).astype(int) - image).max() <= 1


def test_noise_has_the_asked_deviation(rng):
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert abs(photometry.noisy(rng, flat, 6.0).std() - 6) < 0.5
