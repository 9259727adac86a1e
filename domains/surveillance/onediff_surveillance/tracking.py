"""Motion of a whole view between two stills, from corners that are followed from one to the other.

Corners on things that move by themselves do not agree with the rest and drop out. Everything here is in the
outer-corner convention; OpenCV's pixel centres are converted where its results come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray, FloatArray


# Corners: enough to cover a view, and apart from one another. Windows of 15 px on 4 levels follow them some 50 px.
_CORNERS: Final = 200
_QUALITY: Final = 0.01
_SPACING: Final = 7
_WINDOW: Final = (15, 15)
_PYRAMID: Final = 3
_CRITERIA: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.01)
# A corner that does not come back to where it started was not followed.
_RETURNS_PX: Final = 0.5
_RANSAC_PX: Final = 1.0
# Fewer corners than this agree by chance.
_MIN_INLIERS: Final = 12
# Corners that stayed in place are the fixed view even when more of them ride on one large thing that moved.
_STEADY_PX: Final = 1.5
_STEADY_SHARE: Final = 0.4
# A homography has to explain this many times the corners of a similarity, and have enough of them.
_HOMOGRAPHY_GAIN: Final = 1.1
_HOMOGRAPHY_INLIERS: Final = 40
_MAX_SCALE: Final = 1.1
# Rotation and scale that move no corner of the image by more than this are measurement noise.
_NOTICEABLE_PX: Final = 0.2

# Local contrast: deviation from the mean of a neighbourhood, over its deviation. In pixels, and in grey levels.
_NEIGHBOURHOOD: Final = 25
_SOFT: Final = 4.0
_SPREAD: Final = 48.0


def local_contrast(grey: Array) -> Array:
    """Grey values against their neighbourhood, so that light that changed slowly across the view drops out.

    Args:
        grey: (H, W) float32 in [0, 255].

    Returns:
        (H, W) uint8; 128 where a pixel is as its neighbourhood, or where there is no contrast.
    """
    size = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
    mean = cv2.blur(grey, size)
    variance = cv2.blur(grey * grey, size) - mean * mean
    scaled = (grey - mean) * (_SPREAD / (np.sqrt(np.maximum(variance, 0)) + _SOFT))
    contrast: Array = np.clip(scaled + 128, 0, 255).astype(np.uint8)
    return contrast


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracks:
    """Corners of the after image that were found in the before image.

    Attributes:
        after: (N, 2) float64.
        before: (N, 2) float64.
        corners: how many corners were looked for; N of them were found.
    """

    after: FloatArray
    before: FloatArray
    corners: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """How the view moved.

    Attributes:
        matrix: (3, 3) after pixel -> before pixel.
        model: "steady", "translation", "similarity" or "homography".
        inliers: how many corners agree.
        residual_px: their median distance from the model.
    """

    matrix: FloatArray
    model: str
    inliers: int
    residual_px: float


def follow(before: Array, after: Array, shift: tuple[float, float] = (0.0, 0.0)) -> Tracks:
    """Follow corners of the after image into the before image and back.

    Args:
        before: (H, W) uint8 local contrast.
        after: (H, W) uint8 local contrast, same shape.
        shift: (dx, dy) from after to before, to start from.

    Source: Lucas and Kanade 1981 in the pyramidal form of Bouguet 2001; corners after Shi and Tomasi, "Good features
    to track", CVPR 1994; the way back after Kalal et al., "Forward-backward error", ICPR 2010.
    """
    found = cv2.goodFeaturesToTrack(after, _CORNERS, _QUALITY, _SPACING)
    if found is None:
        nothing = np.zeros((0, 2))
        return Tracks(after=nothing, before=nothing, corners=0)
    start = found + np.array(shift, dtype=np.float32)
    there, seen = _flow(after, before, found, start)
    back, seen_back = _flow(before, after, there, found.copy())
    astray = np.hypot(*(back - found).reshape(-1, 2).T)
    good = (seen.ravel() > 0) & (seen_back.ravel() > 0) & (astray < _RETURNS_PX)
    # + 0.5: from pixel centres to the outer-corner convention
    return Tracks(
        after=found.reshape(-1, 2)[good].astype(np.float64) + 0.5,
        before=there.reshape(-1, 2)[good].astype(np.float64) + 0.5,
        corners=len(found),
    )


def _flow(one: Array, other: Array, points: Array, start: Array) -> tuple[Array, Array]:
    moved, seen, _ = cv2.calcOpticalFlowPyrLK(
        one,
        other,
        points,
        start,
        winSize=_WINDOW,
        maxLevel=_PYRAMID,
        criteria=_CRITERIA,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return moved, seen


def fit_motion(tracks: Tracks, width: int, height: int) -> Motion | None:
    """The simplest motion that the corners agree on.

    Args:
        tracks: corners that were followed.
        width: columns of the image.
        height: rows of the image.

    Returns:
        None when fewer than twelve corners agree, or only on a scale that no shaking camera has.
    """
    steady = np.hypot(*(tracks.before - tracks.after).T) < _STEADY_PX
    agreed = _similarity(tracks.after, tracks.before)
    stayed = _similarity(tracks.after[steady], tracks.before[steady])
    if stayed is not None and (agreed is None or stayed[1].sum() >= _STEADY_SHARE * agreed[1].sum()):
        after, before = tracks.after[steady], tracks.before[steady]
        agreed = stayed
    else:
        after, before = tracks.after, tracks.before
    if agreed is None:
        return None
    matrix, inliers = agreed
    model = "similarity"
    homography = _homography(after, before)
    if homography is not None and homography[1].sum() >= _HOMOGRAPHY_GAIN * inliers.sum():
        (matrix, inliers), model = homography, "homography"
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    shift = np.median(before[inliers] - after[inliers], axis=0)
    if np.abs(_mapped(matrix, corners) - corners - shift).max() < _NOTICEABLE_PX:
        model, matrix = "translation", np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]])
        if np.abs(shift).max() < _NOTICEABLE_PX:
            model, matrix = "steady", np.eye(3)
    astray = np.hypot(*(_mapped(matrix, after[inliers]) - before[inliers]).T)
    return Motion(matrix=matrix, model=model, inliers=int(inliers.sum()), residual_px=float(np.median(astray)))


def furthest(matrix: FloatArray, width: int, height: int) -> float:
    """How far a matrix moves the corner of the image that it moves most, in pixels."""
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
    return float(np.hypot(*(_mapped(matrix, corners) - corners).T).max())


def _similarity(after: FloatArray, before: FloatArray) -> tuple[FloatArray, BoolArray] | None:
    if len(after) < _MIN_INLIERS:
        return None
    cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's global generator: the same pair gives the same answer
    affine, inliers = cv2.estimateAffinePartial2D(after, before, method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX)
    if affine is None or int(inliers.sum()) < _MIN_INLIERS:
        return None
    if not 1 / _MAX_SCALE < float(np.hypot(affine[0, 0], affine[1, 0])) < _MAX_SCALE:
        return None
    return np.vstack([affine, [0, 0, 1]]).astype(np.float64), inliers.ravel() > 0


def _homography(after: FloatArray, before: FloatArray) -> tuple[FloatArray, BoolArray] | None:
    cv2.setRNGSeed(0)
    matrix, inliers = cv2.findHomography(after, before, cv2.RANSAC, _RANSAC_PX)
    if matrix is None or int(inliers.sum()) < _HOMOGRAPHY_INLIERS:
        return None
    return np.asarray(matrix / matrix[2, 2], dtype=np.float64), inliers.ravel() > 0


def _mapped(matrix: FloatArray, points: FloatArray) -> FloatArray:
    return np.asarray(cv2.perspectiveTransform(points[:, None], matrix)[:, 0], dtype=np.float64)
