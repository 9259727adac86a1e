"""Alignment by local features and by enhanced correlation, in the outer-corner convention.

OpenCV speaks of pixel centres; `_centres_to_corners` is the one place where that is converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.types import BoolArray, FloatArray

    FloatImage = NDArray[np.float32]

_SIFT_SIDE: Final = 640
_SIFT_FEATURES: Final = 2000
_SIFT_RATIO: Final = 0.8
_RANSAC_PX: Final = 1.5
_MIN_INLIERS: Final = 10
_MAX_SCALE: Final = 1.2
_ECC_SIDE: Final = 512
_ECC_CRITERIA: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-5)


def sift_similarity(before: FloatImage, after: FloatImage) -> FloatArray | None:
    """Rotation, scale and shift between two images from matched SIFT features.

    Args:
        before: (H, W) float32, any range.
        after: (H, W) float32.

    Returns:
        (3, 3) after pixel -> before pixel, or None when fewer than ten matches agree, or only on a scale that no two
        images on nearly the same grid have.

    Source: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; Fischler and Bolles, "Random
    sample consensus", CACM 1981.
    """
    sift = cv2.SIFT.create(_SIFT_FEATURES, contrastThreshold=0.02, enable_precise_upscale=True)
    to_small, small_before, small_after = _reduced(before, after, _SIFT_SIDE)
    points_after, words_after = sift.detectAndCompute(_eight_bit(small_after), None)
    points_before, words_before = sift.detectAndCompute(_eight_bit(small_before), None)
    if len(points_after) < _MIN_INLIERS or len(points_before) < _MIN_INLIERS:
        return None
    nearest = cv2.BFMatcher().knnMatch(words_after, words_before, k=2)
    matches = [best for best, second in nearest if best.distance < _SIFT_RATIO * second.distance]
    if len(matches) < _MIN_INLIERS:
        return None
    origin = np.array([points_after[match.queryIdx].pt for match in matches])
    target = np.array([points_before[match.trainIdx].pt for match in matches])
    cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's global generator: the same pair gives the same answer
    affine, inliers = cv2.estimateAffinePartial2D(
        origin, target, method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX, maxIters=5000, confidence=0.999
    )
    if affine is None or int(inliers.sum()) < _MIN_INLIERS:
        return None
    scale = float(np.hypot(affine[0, 0], affine[1, 0]))
    if not 1 / _MAX_SCALE < scale < _MAX_SCALE:
        return None
    matrix: FloatArray = np.linalg.inv(to_small) @ _centres_to_corners(np.asarray(affine, np.float64)) @ to_small
    return matrix


def ecc_affine(before: FloatImage, after: FloatImage, valid: BoolArray, start: FloatArray) -> FloatArray | None:
    """Affine transform that maximises the enhanced correlation coefficient, from a start that is nearly right.

    Args:
        before: (H, W) float32, mean about 0.
        after: (H, W) float32, same shape.
        valid: (H, W) bool; the rest does not count.
        start: (3, 3) after pixel -> before pixel.

    Returns:
        (3, 3) after pixel -> before pixel, or None when the iteration does not converge.

    Source: Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization",
    IEEE TPAMI 2008.
    """
    to_small, small_before, small_after = _reduced(before, after, _ECC_SIDE)
    mask = cv2.resize(valid.astype(np.uint8), small_after.shape[::-1], interpolation=cv2.INTER_NEAREST)
    small_start = _corners_to_centres(to_small @ start @ np.linalg.inv(to_small)).astype(np.float32)
    try:
        _, affine = cv2.findTransformECC(
            small_after, small_before, small_start, cv2.MOTION_AFFINE, _ECC_CRITERIA, mask, 3
        )
    except cv2.error:  # it lost the overlap, or the images do not correlate
        return None
    matrix: FloatArray = np.linalg.inv(to_small) @ _centres_to_corners(np.asarray(affine, np.float64)) @ to_small
    return matrix if np.isfinite(matrix).all() else None


def _reduced(before: FloatImage, after: FloatImage, side: int) -> tuple[FloatArray, FloatImage, FloatImage]:
    """Both images at no more than `side` pixels a side, and the (3, 3) matrix that took them there."""
    height, width = after.shape
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    matrix = np.diag([size[0] / width, size[1] / height, 1.0])
    if scale == 1:
        return matrix, before, after
    small = [np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32) for image in (before, after)]
    return matrix, small[0], small[1]


def _centres_to_corners(affine: FloatArray) -> FloatArray:
    """(2, 3) between pixel centres -> (3, 3) between outer-corner coordinates."""
    matrix = np.vstack([affine, [0, 0, 1]]).astype(np.float64)
    return _shift(0.5) @ matrix @ _shift(-0.5)


def _corners_to_centres(matrix: FloatArray) -> FloatArray:
    """(3, 3) between outer-corner coordinates -> (2, 3) between pixel centres."""
    centres: FloatArray = (_shift(-0.5) @ matrix @ _shift(0.5))[:2]
    return centres


def _shift(by: float) -> FloatArray:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1]], dtype=np.float64)


def _eight_bit(image: FloatImage) -> NDArray[np.uint8]:
    low, high = np.percentile(image, (1, 99))
    span = high - low if high > low else 1.0
    grey: NDArray[np.uint8] = np.clip((image - low) / span * 255, 0, 255).astype(np.uint8)
    return grey
