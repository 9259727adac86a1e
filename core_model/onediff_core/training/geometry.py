"""Where a training crop is cut: one view for both images and all masks, and misregistration of the before image.

Views are matrices that carry pixels of a sample to pixels of the crop, (0, 0) the outer corner of the first pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MAX_ROTATION_DEGREES: Final = 15.0
MAX_SHIFT_PX: Final = 2.0
# How far each corner of a misregistered image may be off, as a share of the crop's side.
MAX_WARP: Final = 0.01

# OpenCV's own pixels are counted from their centres.
_TO_CENTRES: Final = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
_FROM_CENTRES: Final = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])


def random_view(
    rng: np.random.Generator,
    shape: tuple[int, int],
    focus: tuple[float, float],
    scale: tuple[float, float],
    side: int,
    *,
    upright: bool = False,
) -> Matrix:
    """A view with the focus somewhere in it: any of eight orientations, a rotation, a magnification.

    Args:
        rng: where chance comes from.
        shape: (H, W) of the sample.
        focus: x, y in the sample.
        scale: smallest and largest magnification, drawn evenly in the logarithm.
        side: of the crop.
        upright: neither turned nor mirrored, for pictures that have an upper side.

    Returns:
        (3, 3), sample pixels -> crop pixels.
    """
    zoom = scale[0] * (scale[1] / scale[0]) ** rng.random()
    reach = side / zoom / 2
    centre = [
        _inside(place + rng.uniform(-0.7, 0.7) * reach, reach, length)
        for place, length in zip(focus, shape[::-1], strict=True)
    ]
    angle = np.deg2rad(90 * rng.integers(4) + rng.uniform(-MAX_ROTATION_DEGREES, MAX_ROTATION_DEGREES))
    mirror = rng.choice([-1.0, 1.0])
    if upright:
        angle, mirror = 0.0, 1.0
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
    view = np.eye(3)
    view[:2, :2] = linear
    view[:2, 2] = side / 2 - linear @ np.array(centre)
    return view


def misregistration(rng: np.random.Generator, side: int) -> Matrix:
    """A small shift and homography: (3, 3), crop pixels -> crop pixels."""
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    moved = corners + rng.uniform(-MAX_SHIFT_PX, MAX_SHIFT_PX, 2) + rng.uniform(-MAX_WARP, MAX_WARP, (4, 2)) * side
    return np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), np.float64)


def cut_image(image: NDArray[np.uint8], view: Matrix, side: int) -> NDArray[np.uint8]:
    """(H, W, C) or (H, W) -> (side, side, C) or (side, side), bilinear; beyond its edge an image is mirrored."""
    matrix = _TO_CENTRES @ view @ _FROM_CENTRES
    warped = cv2.warpPerspective(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.uint8)


def cut_mask(mask: NDArray[np.bool_], view: Matrix, side: int) -> NDArray[np.bool_]:
    """(H, W) -> (side, side): where more than half of a pixel is in the mask."""
    if not mask.any():
        return np.zeros((side, side), np.bool_)
    return cut_image(mask.view(np.uint8) * np.uint8(255), view, side) > 127


def _inside(centre: float, reach: float, length: int) -> float:
    """A centre from which a crop stays within the image where it can."""
    return length / 2 if 2 * reach >= length else float(np.clip(centre, reach, length - reach))
