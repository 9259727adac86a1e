"""Stage 2: how the page lies in each scan.

A plugin only says where each after pixel lies in the before image; the host does the warping. Found on reduced scans,
where a page is quick to search and paper noise is averaged out: local features find the skew, the shift and the scale
from anywhere, and ECC, which needs a good start, brings that down to a fraction of a pixel.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from onediff_documents.preprocess import darkest_band, paper
from onediff_plugins import Registration
from onediff_plugins.errors import RegistrationError
from onediff_plugins.plain import overlap_share
from onediff_plugins.warp import inside, warp_array
from onediff_plugins.windows import OVERVIEW_SIDE, reduce_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_documents.settings import DocumentsSettings
    from onediff_plugins import Frame, ImagePair
    from onediff_plugins.types import Array, FloatArray

    FloatImage = NDArray[np.float32]

# Correlation of strokes from which two scans show one page. A rescan reaches 0.99, a page of which a fifth is as it was
# 0.5; other words on the same lines stay under 0.35.
_SAME_PAGE: Final = 0.45
# What a found alignment must gain on the scans as they lie, so that noise does not move a page that fits.
_MIN_GAIN: Final = 0.002
# Strokes that paper noise does not reach: a page without any more has nothing to be aligned by.
_WRITTEN: Final = 0.1
# Share of the after scan that the before scan must cover: a corner alone may agree by chance.
_LEAST_COMMON: Final = 0.25
_MIN_MATCHES: Final = 12
_FEATURE_RATIO: Final = 0.8
_RANSAC_PX: Final = 2.0
_ECC_CRITERIA: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-5)


def align_pair(pair: ImagePair, settings: DocumentsSettings) -> Registration:
    """Skew, shift and scale between two scans of a page.

    Args:
        pair: as read, of any two sizes.
        settings: `align`.

    Returns:
        The matrix from after pixels to before pixels, and `method`, such as "features+ecc". Scans of one size are
        compared as they lie, `method` "assumed", where that fits as well as anything, and where one of them is empty.

    Raises:
        RegistrationError: nothing says that the scans show one page. Comparing them all the same would report every
            word of both as a change.
    """
    before, after = pair.before, pair.after
    equal = (before.width, before.height) == (after.width, after.height)
    if not settings.align:
        if equal:
            return Registration(method="assumed")
        raise _refusal(before, after, "their sizes differ and align is off: set align=true")

    small_before, small_after = reduce_frame(before, OVERVIEW_SIDE), reduce_frame(after, OVERVIEW_SIDE)
    seen_before, seen_after = _strokes(small_before), _strokes(small_after)
    if equal and min(seen_before.max(), seen_after.max()) < _WRITTEN:  # one of them is empty: nothing says otherwise
        return Registration(method="assumed")
    best = _best(seen_before, seen_after, equal=equal)
    if best is None or best.agreement < _SAME_PAGE:
        raise _refusal(before, after, "no alignment shows one page on both: compare two scans of the same page")
    matrix = np.linalg.inv(_scaling(before, small_before)) @ best.matrix @ _scaling(after, small_after)
    return Registration(matrix=matrix, method=best.method, overlap=overlap_share(matrix, before, after))


def _refusal(before: Frame, after: Frame, why: str) -> RegistrationError:
    sizes = (f"{frame.source} ({frame.width} x {frame.height} px)" for frame in (before, after))
    return RegistrationError(f"{' and '.join(sizes)} cannot be laid over each other: {why}")


class _Candidate(NamedTuple):
    """(3, 3) after pixel -> before pixel of the reduced scans, and how well their strokes agree under it."""

    agreement: float
    matrix: FloatArray
    method: str


def _best(before: FloatImage, after: FloatImage, *, equal: bool) -> _Candidate | None:
    """The candidate under which the strokes of the scans agree best, or None where there is none."""

    def judged(matrix: FloatArray, method: str) -> _Candidate:
        gain = 0 if method == "assumed" else _MIN_GAIN
        return _Candidate(_agreement(before, after, matrix) - gain, matrix, method)

    candidates = [judged(np.eye(3), "assumed")] if equal else []
    if (similarity := _from_features(before, after)) is not None:
        candidates.append(judged(similarity, "features"))
    if not candidates:
        return None
    start = max(candidates, key=attrgetter("agreement"))
    if (affine := _ecc(before, after, start.matrix)) is not None:
        candidates.append(judged(affine, f"{start.method}+ecc"))
    return max(candidates, key=attrgetter("agreement"))


def _strokes(frame: Frame) -> FloatImage:
    """(H, W) float32 about 0: what tells letters apart.

    Smoothed a little, so that strokes which nearly meet overlap and ECC feels a slope. Without its wider surroundings,
    in which any two pages with the same lines of text look alike.
    """
    ink = np.where(frame.valid, 1 - np.clip(darkest_band(frame) / paper(frame), 0, 1), 0).astype(np.float32)
    strokes: FloatImage = cv2.GaussianBlur(ink, (0, 0), 1.5) - cv2.GaussianBlur(ink, (0, 0), 4)
    return strokes


def _scaling(frame: Frame, small: Frame) -> FloatArray:
    return np.diag([small.width / frame.width, small.height / frame.height, 1.0])


def _agreement(before: FloatImage, after: FloatImage, matrix: FloatArray) -> float:
    """Correlation of the strokes under a matrix, in [-1, 1]; -1 where the scans have too little in common."""
    height, width = after.shape
    both = inside((before.shape[0], before.shape[1]), matrix, width, height)
    if both.mean() < _LEAST_COMMON:
        return -1.0
    one, other = warp_array(before, matrix, width, height)[both], after[both]
    spread = float(one.std() * other.std())
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread if spread else -1.0


def _from_features(before: FloatImage, after: FloatImage) -> FloatArray | None:
    """Rotation, scale and shift on which enough matched features agree, (3, 3) after pixel -> before pixel.

    Source: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; Fischler and Bolles, "Random
    sample consensus", CACM 1981.
    """
    sift = cv2.SIFT.create(2000)
    (points_before, words_before), (points_after, words_after) = (
        sift.detectAndCompute(np.clip(128 + 255 * strokes, 0, 255).astype(np.uint8), None)
        for strokes in (before, after)
    )
    if min(len(points_before), len(points_after)) < _MIN_MATCHES:
        return None
    nearest = cv2.BFMatcher().knnMatch(words_after, words_before, k=2)
    matches = [best for best, second in nearest if best.distance < _FEATURE_RATIO * second.distance]
    if len(matches) < _MIN_MATCHES:
        return None
    origin = np.array([points_after[match.queryIdx].pt for match in matches])
    target = np.array([points_before[match.trainIdx].pt for match in matches])
    cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's global generator; the same pair must give the same answer
    affine, agreeing = cv2.estimateAffinePartial2D(origin, target, method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX)
    if affine is None or int(agreeing.sum()) < _MIN_MATCHES:
        return None
    return _to_corners(affine)


def _ecc(before: FloatImage, after: FloatImage, start: FloatArray) -> FloatArray | None:
    """An affine transform that fits better than `start`, or None: a sheet feeder stretches pages a little.

    Source: Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization",
    IEEE TPAMI 2008.
    """
    centres = (_move(-0.5) @ start @ _move(0.5))[:2].astype(np.float32)
    try:
        _, affine = cv2.findTransformECC(after, before, centres, cv2.MOTION_AFFINE, _ECC_CRITERIA)
    except cv2.error:  # it does not converge: the start was no good
        return None
    return _to_corners(affine) if np.isfinite(np.asarray(affine)).all() else None


def _to_corners(affine: Array) -> FloatArray:
    """OpenCV's (2, 3) between pixel centres as (3, 3) in our convention, (0, 0) at the first pixel's outer corner."""
    corners: FloatArray = _move(0.5) @ np.vstack([affine, [0, 0, 1]]).astype(np.float64) @ _move(-0.5)
    return corners


def _move(by: float) -> FloatArray:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1]], dtype=np.float64)
