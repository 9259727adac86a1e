"""IR-MAD on arrays."""

import numpy as np
import pytest

from onediff_satellite.irmad import MAX_SAMPLES, fit, no_change_probability, sample


@pytest.fixture
def land():
    """(N, 3) correlated samples."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(5000, 3)) @ np.array([[1, 0.8, 0.6], [0, 0.5, 0.3], [0, 0, 0.4]])


def noisy(samples, size, seed=1):
    return samples + np.random.default_rng(seed).normal(0, size, samples.shape)


def test_unchanged_samples_follow_the_chi_square_distribution(land):
    transform, _ = fit(noisy(land, 0.1), noisy(land, 0.1, seed=2))
    squares = transform.chi_square(noisy(land, 0.1), noisy(land, 0.1, seed=2))
    assert squares.mean() == pytest.approx(3, abs=0.5)


def test_changed_samples_stand_out_and_lose_their_weight(land):
    after = noisy(land, 0.1)
    after[:500] += [2, -2, 1]
    _, unchanged = fit(land, after)
    assert unchanged[:500].max() < 0.01
    assert unchanged[500:].mean() > 0.4


def test_reweighting_brings_the_relation_of_the_unchanged_nearer(land):
    relation = np.array([[0.9, 0.1, 0], [0, 1.1, 0], [0.1, 0, 0.8]])
    after = noisy(land @ relation + 3, 0.05)
    after[:1500] = 4 * noisy(np.zeros((1500, 3)), 1, seed=5)
    transform, _ = fit(land, after)
    plain = np.linalg.lstsq(np.c_[land, np.ones(len(land))], after, rcond=None)[0][:3]
    assert np.abs(transform.prediction - relation).max() < 0.1 < np.abs(plain - relation).max()


def test_gain_and_offset_of_each_band_are_not_change(land):
    after = noisy(land, 0.1) * [2, 0.5, 1.3] + [10, -3, 0]
    first, _ = fit(land, noisy(land, 0.1))
    second, _ = fit(land, after)
    assert np.allclose(first.chi_square(land, noisy(land, 0.1)), second.chi_square(land, after), rtol=1e-3)
    assert np.allclose(first.correlation, second.correlation)


def test_identical_images_have_nothing_left(land):
    transform, unchanged = fit(land, land)
    assert transform.chi_square(land, land).max() < 1e-12
    assert unchanged.min() == 1
    pixels = land.T.reshape(3, 50, 100).astype(np.float32)
    assert np.abs(transform.alteration(pixels, pixels)).max() < 1e-5


def test_the_alteration_is_in_units_of_the_after_image(land):
    after = land * 2 + 5
    changed = after.copy()
    changed[7] += [0, 3, 0]
    transform, _ = fit(land, after)
    shape = (3, 50, 100)
    rest = transform.alteration(*(v.T.reshape(shape).astype(np.float32) for v in (land, changed)))
    assert rest.reshape(3, -1)[:, 7] == pytest.approx([0, 3, 0], abs=1e-3)


@pytest.mark.parametrize("case", ["constant band", "one band", "twice the same band", "four samples", "one sample"])
def test_degenerate_samples_are_taken(land, case):
    x, y = land, noisy(land, 0.1)
    if case == "constant band":
        x, y = x.copy(), y.copy()
        x[:, 1], y[:, 1] = 5, 7
    elif case == "one band":
        x, y = x[:, :1], y[:, :1]
    elif case == "twice the same band":
        x, y = np.c_[x, x[:, 0]], np.c_[y, y[:, 0]]
    elif case == "four samples":
        x, y = x[:4], y[:4]
    elif case == "one sample":
        x, y = x[:1], y[:1]
    transform, unchanged = fit(x, y)
    assert np.isfinite(unchanged).all()
    assert np.isfinite(transform.prediction).all()
    assert np.isfinite(transform.chi_square(x, y)).all()


def test_a_flat_image_falls_back_on_differences_against_their_median():
    flat = np.full((1000, 2), 50.0)
    after = flat + 1
    after[:50] = 90
    transform, unchanged = fit(flat, after)
    assert unchanged[:50].max() < 1e-3
    assert unchanged[50:].min() > 0.9
    assert np.isfinite(transform.chi_square(flat, flat)).all()


def test_a_sample_is_limited_valid_and_the_same_every_time():
    pixels = np.arange(2 * 300 * 300, dtype=np.float32).reshape(2, 300, 300)
    valid = np.ones((300, 300), dtype=bool)
    valid[:100] = False
    first, _ = sample(pixels, pixels, valid)
    second, _ = sample(pixels, pixels, valid)
    assert first.shape == (MAX_SAMPLES, 2)
    assert (first == second).all()
    assert first[:, 0].min() >= 100 * 300
    few, _ = sample(pixels, pixels, np.eye(300, dtype=bool))
    assert len(few) == 300


def test_the_tail_of_the_chi_square_distribution_is_the_tabulated_one():
    assert no_change_probability(np.array([0.0, 3.841, 7.815]), 1)[:2] == pytest.approx([1, 0.05], abs=1e-4)
    assert no_change_probability(np.array([7.815]), 3) == pytest.approx([0.05], abs=1e-4)


def test_reweighting_does_not_shrink_until_nothing_is_unchanged(land):
    rng = np.random.default_rng(4)
    heavy = land + 0.2 * rng.standard_t(3, land.shape)  # differences with heavy tails, as real scenes have
    _, unchanged = fit(land, heavy)
    assert unchanged.mean() > 0.3
