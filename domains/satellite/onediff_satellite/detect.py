"""Stage 5: the detector "ir-mad".

IR-MAD finds the pixels that did not change and the linear relation between the two images over them. What of the after
image that relation does not explain is the alteration, in the image's own units. Its size over a neighbourhood is the
score. (The method's own chi-square, per pixel and without units, calls a twentieth of any pair changed and weighs faint
colour noise as much as a building: `benchmarks/quality.py` scores both.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.errors import MismatchedPairError
from onediff_plugins.types import ChangeMap
from onediff_satellite.irmad import MadTransform, fit, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.types import BoolArray, FloatArray, ImagePair
    from onediff_satellite.settings import SatelliteSettings

    FloatImage = NDArray[np.float32]

# Mean alteration of values in [0, 1] that is called a change. Chosen on half of levir_val's groups, where F1 is highest
# at 0.12, and half of dsifn_val, at 0.10 (`benchmarks/irmad.py`); `benchmarks/quality.py` reports the other halves.
OPERATING_POINT: Final = 0.11
# A quiet scene shows fainter changes: there the point is so many times the median alteration, but at least 13 grey
# levels of 255. Few pairs of those sets are that quiet, so their scores hardly tell these two apart.
_QUIET_FACTOR: Final = 4.0
_QUIET_FLOOR: Final = 0.05
# A neighbourhood the size of a small building, in metres and, where the scale is not known, in pixels (a deviation).
_NEIGHBOURHOOD_M: Final = 3.5
_NEIGHBOURHOOD_PX: Final = 7.0
_LEAST_PX: Final = 1.5
# The place itself must be altered too, at half the size, so that a region ends where the change does.
_EDGE_SHARE: Final = 0.5
_ROWS: Final = 512


class IrMadDetector:
    """Change by iteratively reweighted multivariate alteration detection; keeps no state."""

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: SatelliteSettings
    ) -> list[ChangeMap]:
        """Change maps of preprocessed pairs.

        Args:
            pairs: warped, float32.
            overviews: each pair's scene, warped and preprocessed the same way: all statistics come from it.
            settings: none are used.

        Returns:
            Score 1 - 2^(-m / p) of the mean alteration m: 0 for identical images, 0.5 at the operating point p, which
            is 0.11, or less in a quiet scene.

        Raises:
            MismatchedPairError: the bands of a pair differ.
        """
        return [detect_pair(pair, overview) for pair, overview in zip(pairs, overviews, strict=True)]


def detect_pair(pair: ImagePair, overview: ImagePair) -> ChangeMap:
    """One change map; see `IrMadDetector.detect`."""
    if pair.aligned.bands != pair.after.bands:
        raise MismatchedPairError(
            f"ir-mad compares equal bands, got {', '.join(pair.aligned.bands)} before and "
            f"{', '.join(pair.after.bands)} after; give images of the same kind"
        )
    valid = pair.valid
    score = np.zeros(valid.shape, dtype=np.float32)
    samples = sample(overview.aligned.pixels, overview.after.pixels, overview.valid)
    if valid.any() and len(samples[0]):
        transform, _ = fit(*samples)
        spans = _band_spans(overview)
        strength = _strength(pair, transform, spans)
        scene = strength if overview is pair else _strength(overview, transform, spans)
        point = operating_point(scene[overview.valid])
        score = np.where(valid, 1 - np.exp2(-strength / point), 0).astype(np.float32)
    return ChangeMap(score=np.clip(score, 0, 1), valid=valid)


def operating_point(strength: NDArray[np.float32]) -> float:
    """The alteration that is called a change in this scene.

    Args:
        strength: (N,) alterations over the whole scene.

    Returns:
        Four times the median, within 0.05 and 0.11.
    """
    return float(np.clip(_QUIET_FACTOR * np.median(strength), _QUIET_FLOOR, OPERATING_POINT))


def _strength(pair: ImagePair, transform: MadTransform, spans: FloatArray) -> FloatImage:
    return neighbourhood_strength(_magnitude(pair, transform, spans), pair.valid, neighbourhood_px(pair.after.gsd_m))


def neighbourhood_px(gsd_m: float | None) -> float:
    """Deviation of the Gaussian neighbourhood in pixels: 3.5 m, within 1.5 and 7 px; 7 px without a known scale."""
    if gsd_m is None:
        return _NEIGHBOURHOOD_PX
    return float(np.clip(_NEIGHBOURHOOD_M / gsd_m, _LEAST_PX, _NEIGHBOURHOOD_PX))


def neighbourhood_strength(magnitude: FloatImage, valid: BoolArray, sigma: float) -> FloatImage:
    """Alteration of a place: of its neighbourhood, and at least half as much of the place itself.

    Args:
        magnitude: (H, W) float32, at least 0.
        valid: (H, W) bool; the rest does not count.
        sigma: deviation of the neighbourhood in pixels.

    Returns:
        (H, W) float32.
    """
    weight = valid.astype(np.float32)
    wide, near = (_masked_blur(magnitude * weight, weight, s) for s in (sigma, _LEAST_PX))
    strength: FloatImage = np.minimum(wide, near / np.float32(_EDGE_SHARE))
    return strength


def _masked_blur(values: FloatImage, weight: FloatImage, sigma: float) -> FloatImage:
    blurred = cv2.GaussianBlur(values, (0, 0), sigma)
    if weight.all():
        return np.asarray(blurred, dtype=np.float32)
    return np.asarray(blurred / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6), dtype=np.float32)


def _band_spans(overview: ImagePair) -> FloatArray:
    """(C,) what counts as 1 in each band: 1 for values in [0, 1], else the range of the overview."""
    spans = []
    for before, after in zip(overview.aligned.pixels, overview.after.pixels, strict=True):
        values = np.concatenate([before[overview.valid], after[overview.valid]])
        low, high = float(values.min()), float(values.max())
        if low >= -0.5 and high <= 1.5:
            spans.append(1.0)
            continue
        low, high = np.percentile(values, (0.5, 99.5))
        spans.append(max(float(high - low), 1e-12))
    return np.array(spans)


def _magnitude(pair: ImagePair, transform: MadTransform, spans: FloatArray) -> FloatImage:
    """(H, W) mean absolute alteration over the bands; in blocks of rows, to keep the memory low."""
    before, after = pair.aligned.pixels, pair.after.pixels
    weight = (1 / spans / len(spans)).astype(np.float32)
    out = np.empty(after.shape[1:], dtype=np.float32)
    for start in range(0, len(out), _ROWS):
        rows = slice(start, start + _ROWS)
        rest = np.abs(transform.alteration(before[:, rows], after[:, rows]))
        out[rows] = np.tensordot(weight, rest, axes=1)
    return out
