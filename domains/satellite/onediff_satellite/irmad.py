"""Iteratively reweighted multivariate alteration detection (IR-MAD), on arrays.

Two images of one place, taken as many-dimensional samples, are turned into pairs of variates that correlate as well
as any linear combination of their bands can. What is left between them is change, whatever gain and offset each band
has; pixels that look changed lose their weight, and the transform is estimated again.

Source: Nielsen, "The regularized iteratively reweighted MAD method for change detection in multi- and hyperspectral
data", IEEE Transactions on Image Processing 16(2), 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray, FloatArray

# As stable as the 65,000 that the statistics would bear, at a quarter of the time.
MAX_SAMPLES: Final = 16_000
_ITERATIONS: Final = 30
_CONVERGED: Final = 1e-3  # largest step of a canonical correlation
# Directions with less than this share of the strongest one's variance are noise of the arithmetic.
_RANK_TOLERANCE: Final = 1e-6
# The finest difference that counts, as a share of a band's deviation: identical images have no spread to compare with.
_FLOOR: Final = 0.02
# Reweighting stops before fewer than this share of the samples carries the estimate.
_MIN_WEIGHT: Final = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class MadTransform:
    """Linear combinations of bands whose difference is change.

    Attributes:
        before_mean: (P,) mean of the unchanged samples.
        after_mean: (P,).
        before_axes: (P, K) one column per variate.
        after_axes: (P, K).
        deviation: (K,) standard deviation of each difference over unchanged samples.
        correlation: (K,) canonical correlations; 1 where the images agree up to a linear transform.
        prediction: (P, P) what the before image says about the after image: each canonical variate counts as much as
            it correlates.
    """

    before_mean: FloatArray
    after_mean: FloatArray
    before_axes: FloatArray
    after_axes: FloatArray
    deviation: FloatArray
    correlation: FloatArray
    prediction: FloatArray

    def alteration(self, before: Array, after: Array) -> Array:
        """What of the after image its unchanged relation to the before image does not explain.

        Args:
            before: (P, H, W) float32.
            after: (P, H, W) float32.

        Returns:
            (P, H, W) float32 in units of the after bands.
        """
        bands = len(before)
        offset = (self.after_mean - self.before_mean @ self.prediction).astype(np.float32)
        explained = self.prediction.T.astype(np.float32) @ before.reshape(bands, -1)
        rest: Array = after - offset[:, None, None] - explained.reshape(before.shape)
        return rest

    def variates(self, before: Array, after: Array) -> FloatArray:
        """Standardised MAD variates.

        Args:
            before: (N, P) samples.
            after: (N, P) samples of the same places.

        Returns:
            (N, K), each about N(0, 1) where nothing changed.
        """
        difference = (before - self.before_mean) @ self.before_axes - (after - self.after_mean) @ self.after_axes
        standardised: FloatArray = difference / self.deviation
        return standardised

    def chi_square(self, before: Array, after: Array) -> FloatArray:
        """(N,) sum of squared variates: chi-square with K degrees of freedom where nothing changed."""
        total: FloatArray = (self.variates(before, after) ** 2).sum(axis=1)
        return total


def sample(pixels_before: Array, pixels_after: Array, valid: BoolArray) -> tuple[FloatArray, FloatArray]:
    """At most 16,000 valid pixels of both images, the same ones every time.

    Args:
        pixels_before: (C, H, W) on the after grid.
        pixels_after: (C, H, W).
        valid: (H, W) bool.

    Returns:
        (N, C) float64 each.
    """
    places = np.flatnonzero(valid)
    if len(places) > MAX_SAMPLES:
        places = np.sort(np.random.default_rng(0).choice(places, MAX_SAMPLES, replace=False))
    before, after = (image.reshape(len(image), -1)[:, places].T for image in (pixels_before, pixels_after))
    return before.astype(np.float64), after.astype(np.float64)


def fit(before: FloatArray, after: FloatArray) -> tuple[MadTransform, FloatArray]:
    """Estimate the transform and how likely each sample is unchanged.

    Samples weighted by their probability of no change spread less than unchanged samples do. Left alone, that shrinks
    the deviations from one iteration to the next and ends with hardly anything unchanged; here each is divided by the
    shrinkage that the chi-square distribution itself would show.

    Args:
        before: (N, P) samples, finite.
        after: (N, P) samples of the same places.

    Returns:
        The transform, and (N,) probabilities of no change. Bands without variance take no part; where one image has
        none at all, plain band differences against their median stand in for the variates.
    """
    transform = _canonical(before, after, np.ones(len(before)), shrinkage=1.0)
    for _ in range(_ITERATIONS):
        freedom = len(transform.deviation)
        weights = no_change_probability(transform.chi_square(before, after), freedom)
        if weights.mean() < _MIN_WEIGHT:
            break
        following = _canonical(before, after, weights, shrinkage=_shrinkage(freedom))
        settled = len(following.correlation) == freedom and (
            np.abs(following.correlation - transform.correlation).max(initial=0) < _CONVERGED
        )
        transform = following
        if settled:
            break
    return transform, no_change_probability(transform.chi_square(before, after), len(transform.deviation))


def _shrinkage(freedom: int) -> float:
    """Variance of standard normal variates weighted by their chi-square tail, E[min(X, Y)] / K for X, Y ~ chi2(K)."""
    step = 0.02
    roots = np.arange(step / 2, np.sqrt(4 * freedom + 60), step)  # over the square root the integrand is smooth
    return float((no_change_probability(roots**2, freedom) ** 2 * 2 * roots).sum() * step) / freedom


def no_change_probability(chi_square: FloatArray, freedom: int) -> FloatArray:
    """Upper tail of the chi-square distribution.

    Args:
        chi_square: any shape, at least 0.
        freedom: degrees of freedom.
    """
    from scipy.special import gammaincc  # type: ignore[import-untyped]  # scipy ships no types

    tail: FloatArray = gammaincc(freedom / 2, chi_square / 2)
    return tail


def _canonical(before: FloatArray, after: FloatArray, weights: FloatArray, shrinkage: float) -> MadTransform:
    """Weighted canonical correlation analysis, by whitening and a singular value decomposition."""
    share = weights / weights.sum()
    before_mean, after_mean = share @ before, share @ after
    x, y = before - before_mean, after - after_mean
    whiten_x = _whitening((x * share[:, None]).T @ x, before_mean)
    whiten_y = _whitening((y * share[:, None]).T @ y, after_mean)
    if not whiten_x.shape[1] or not whiten_y.shape[1]:
        return _band_differences(before, after)
    covariance = (x * share[:, None]).T @ y
    u, correlation, vt = np.linalg.svd(whiten_x.T @ covariance @ whiten_y, full_matrices=False)
    correlation = np.minimum(correlation, 1.0)
    before_axes, after_axes = whiten_x @ u, whiten_y @ vt.T
    spread_x, spread_y = np.sqrt(share @ x**2), np.sqrt(share @ y**2)
    floor = _FLOOR**2 * ((before_axes * spread_x[:, None]) ** 2 + (after_axes * spread_y[:, None]) ** 2).sum(axis=0)
    return MadTransform(
        before_mean=before_mean,
        after_mean=after_mean,
        before_axes=before_axes,
        after_axes=after_axes,
        deviation=np.sqrt(np.maximum(2 * (1 - correlation) / shrinkage, floor)),
        correlation=correlation,
        prediction=whiten_x @ (whiten_x.T @ covariance),
    )


def _whitening(covariance: FloatArray, mean: FloatArray) -> FloatArray:
    """(P, R) axes of unit variance, without the directions that have none beside the size of the values."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    used = scale > np.maximum(1e-6 * np.abs(mean), 1e-12)
    safe = np.where(used, scale, 1.0)
    values, vectors = np.linalg.eigh(np.where(np.outer(used, used), covariance / np.outer(safe, safe), 0))
    kept = values > _RANK_TOLERANCE * max(values.max(initial=0), 1e-12)
    if not used.any():
        kept[:] = False
    axes: FloatArray = vectors[:, kept] / np.sqrt(values[kept]) / safe[:, None]
    return axes


def _band_differences(before: FloatArray, after: FloatArray) -> MadTransform:
    """Differences of bands against their median, for an image without texture."""
    bands = before.shape[1]
    difference = after - before
    centre = np.median(difference, axis=0)
    spread = 1.4826 * np.median(np.abs(difference - centre), axis=0)
    size = np.maximum(np.abs(before).max(axis=0), np.abs(after).max(axis=0))
    return MadTransform(
        before_mean=np.zeros(bands),
        after_mean=centre,
        before_axes=np.eye(bands),
        after_axes=np.eye(bands),
        deviation=np.maximum(np.maximum(spread, _FLOOR * size), 1e-12),
        correlation=np.zeros(bands),
        prediction=np.eye(bands),
    )
