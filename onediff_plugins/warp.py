"""The one resampler: plugins estimate where after pixels lie in the before image, this module fetches them.

The corner convention of `onediff_plugins.types` is converted to OpenCV's pixel centres in `_to_centres`, and nowhere
else. Identity and whole-pixel shifts are copies, bit for bit. Everything else is bilinear; OpenCV rounds positions to
1/32 px, so values agree with an exact bilinear warp to within 1/64 px times the local gradient.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box, Frame, Piece, Registration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import Array, BoolArray, FloatArray, ImagePair

# OpenCV's remap breaks at 32,767 px a side; stay well below it on both sides of the warp.
BLOCK: Final = 8192
MAX_SOURCE: Final = 16_000

_UNSEEN: Final = 0.5  # pixels by which two images may lie apart before an eye sees it

# What OpenCV resamples natively; other types go through the next larger float and are rounded back.
_NATIVE: Final = frozenset({"uint8", "uint16", "int16", "float32", "float64"})


def whole_pixel_shift(matrix: FloatArray) -> tuple[int, int] | None:
    """(dx, dy) of a matrix that moves by whole pixels and does nothing else, or None.

    Args:
        matrix: (3, 3) after pixel -> before pixel.
    """
    normal = matrix / matrix[2, 2]
    dx, dy = round(float(normal[0, 2])), round(float(normal[1, 2]))
    pure = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], dtype=np.float64)
    # A millionth of a pixel over an image of 100,000 px: rounding noise of composed transforms, not a shift.
    return (dx, dy) if np.allclose(normal, pure, rtol=0, atol=[1e-11, 1e-11, 1e-6]) else None


def lies_on_grid(registration: Registration, before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether a before image lies on the after grid as it is, so that nobody would see a warp.

    Args:
        registration: after pixel -> before pixel, on these two grids.
        before: columns and rows of the before image.
        after: columns and rows of the after grid.

    Returns:
        True where the sizes are equal and no corner, and no piece, lies more than half a pixel off.
    """
    if before != after:
        return False
    if registration.pieces is not None:
        covered = sum(piece.after_box.area for piece in registration.pieces)
        return covered == after[0] * after[1] and not any(piece.dx or piece.dy for piece in registration.pieces)
    corners = np.array([(x, y) for x in (0, after[0]) for y in (0, after[1])], dtype=np.float64)
    return bool(np.abs(registration.to_before(corners) - corners).max() <= _UNSEEN)


def warp_array(image: Array, matrix: FloatArray, width: int, height: int, *, labels: bool = False) -> Array:
    """Resample one band onto the after grid.

    Args:
        image: (H_before, W_before), any real dtype or bool; finite.
        matrix: (3, 3) after pixel -> before pixel, outer-corner convention.
        width: columns of the after grid.
        height: rows of the after grid.
        labels: nearest neighbour instead of bilinear; always so for bool.

    Returns:
        (height, width), same dtype. Beyond the before image bilinear values repeat its edge and labels are 0; whether
        a pixel means anything is for `inside` to say.
    """
    if (shift := whole_pixel_shift(matrix)) is not None:
        return _copy_pieces(image, [Piece(Box(0, 0, width, height), *shift)], width, height)
    if image.dtype == np.bool_:
        return warp_array(image.astype(np.uint8), matrix, width, height, labels=True).astype(np.bool_)
    if image.dtype.name not in _NATIVE:
        wide = warp_array(image.astype(np.float64), matrix, width, height, labels=labels)
        return wide.astype(image.dtype) if image.dtype.kind == "f" else np.rint(wide).astype(image.dtype)
    out = np.zeros((height, width), dtype=image.dtype)
    for block in _blocks(Box(0, 0, width, height), matrix, (image.shape[1], image.shape[0])):
        out[block.slices] = _warp_block(image, matrix, block, labels=labels)
    return out


def inside(shape: tuple[int, int], matrix: FloatArray, width: int, height: int) -> BoolArray:
    """Which after pixels have their centre inside the before image.

    Args:
        shape: (H_before, W_before).
        matrix: (3, 3) after pixel -> before pixel.
        width: columns of the after grid.
        height: rows of the after grid.

    Returns:
        (height, width) bool.
    """
    return warp_array(np.ones(shape, dtype=np.bool_), matrix, width, height)


def warp_frame(frame: Frame, registration: Registration, after: Frame) -> Frame:
    """The before image on the after grid.

    Args:
        frame: the before image as read.
        registration: where each after pixel lies in it.
        after: the after image; its grid and georeference are taken over.

    Returns:
        A frame on the after grid, the before image's bands and dtype. Not valid: what lies outside, what touches an
        invalid pixel, and what no piece covers. Invalid pixels are 0.
    """
    width, height = after.width, after.height
    if registration.pieces is not None:
        pixels = _copy_pieces(frame.pixels, registration.pieces, width, height)
        valid = _copy_pieces(frame.valid, registration.pieces, width, height)
    else:
        pixels, valid = _warp_by_matrix(frame, registration.matrix, width, height)
    return replace(frame, pixels=pixels, valid=valid, georef=after.georef, gsd_m=after.gsd_m, source_grid=frame.grid)


def warp_pair(pair: ImagePair, registration: Registration) -> ImagePair:
    """Stage 3: put the before image on the after grid and mark what has no counterpart.

    Args:
        pair: as loaded.
        registration: from stage 2.

    Returns:
        The pair with `before_on_after` and `registration`; for pieces also `unmatched_before` and `unmatched_after`.
    """
    pair = replace(pair, before_on_after=warp_frame(pair.before, registration, pair.after), registration=registration)
    if registration.pieces is None:
        return pair
    unmatched_after = np.ones((pair.after.height, pair.after.width), dtype=np.bool_)
    unmatched_before = np.ones((pair.before.height, pair.before.width), dtype=np.bool_)
    for piece in registration.pieces:
        unmatched_after[piece.after_box.intersection(pair.after.box).slices] = False
        unmatched_before[piece.before_box.intersection(pair.before.box).slices] = False
    return replace(pair, unmatched_before=unmatched_before, unmatched_after=unmatched_after)


def _warp_by_matrix(frame: Frame, matrix: FloatArray, width: int, height: int) -> tuple[Array, BoolArray]:
    if (shift := whole_pixel_shift(matrix)) is not None:
        pieces = [Piece(Box(0, 0, width, height), *shift)]
        return _copy_pieces(frame.pixels, pieces, width, height), _copy_pieces(frame.valid, pieces, width, height)
    all_valid = bool(frame.valid.all())
    pixels = np.stack(
        [
            # Nodata may be NaN or far from the data: it must not bleed into neighbours or break the arithmetic.
            warp_array(band if all_valid else np.where(frame.valid, band, 0), matrix, width, height)
            for band in frame.pixels
        ]
    )
    valid = inside((frame.height, frame.width), matrix, width, height)
    if not all_valid:
        share = warp_array(frame.valid.astype(np.float32), matrix, width, height)
        valid &= share > 1 - 1e-4  # every pixel that contributes is valid
    pixels[:, ~valid] = 0
    return pixels, valid


def _to_centres(matrix: FloatArray, block: Box, source: Box) -> FloatArray:
    """The matrix between pixel centres of a block of the after grid and of a crop of the before image."""
    to_corner = np.array([[1, 0, block.x0 + 0.5], [0, 1, block.y0 + 0.5], [0, 0, 1]], dtype=np.float64)
    to_centre = np.array([[1, 0, -source.x0 - 0.5], [0, 1, -source.y0 - 0.5], [0, 0, 1]], dtype=np.float64)
    moved: FloatArray = to_centre @ matrix @ to_corner
    return moved


def _source_box(block: Box, matrix: FloatArray, size: tuple[int, int]) -> Box:
    """The part of the before image that a block needs, one pixel more on each side; at least one pixel."""
    corners = np.array([[x, y] for x in (block.x0, block.x1) for y in (block.y0, block.y1)], dtype=np.float64)
    mapped = Registration(matrix=matrix).to_before(corners)
    low, high = np.floor(mapped.min(axis=0)) - 2, np.ceil(mapped.max(axis=0)) + 2
    x0, y0 = (int(np.clip(low[i], 0, size[i] - 1)) for i in (0, 1))
    x1, y1 = (int(np.clip(high[i], (x0, y0)[i] + 1, size[i])) for i in (0, 1))
    return Box(x0, y0, x1, y1)


def _blocks(box: Box, matrix: FloatArray, size: tuple[int, int]) -> list[Box]:
    """The box in blocks that OpenCV can take, on both sides of the warp."""
    source = _source_box(box, matrix, size)
    if max(box.width, box.height) <= BLOCK and max(source.width, source.height) <= MAX_SOURCE:
        return [box]
    if max(box.width, box.height) == 1:
        return [box]
    if box.width >= box.height:
        middle = (box.x0 + box.x1) // 2
        halves = (box._replace(x1=middle), box._replace(x0=middle))
    else:
        middle = (box.y0 + box.y1) // 2
        halves = (box._replace(y1=middle), box._replace(y0=middle))
    return [block for half in halves for block in _blocks(half, matrix, size)]


def _warp_block(image: Array, matrix: FloatArray, block: Box, *, labels: bool) -> Array:
    source = _source_box(block, matrix, (image.shape[1], image.shape[0]))
    crop = np.ascontiguousarray(image[source.slices])
    centres = _to_centres(matrix, block, source)
    flags = (cv2.INTER_NEAREST if labels else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_CONSTANT if labels else cv2.BORDER_REPLICATE
    size = (block.width, block.height)
    if np.allclose(centres[2], [0, 0, centres[2, 2]], rtol=0, atol=1e-15):
        affine = centres[:2] / centres[2, 2]
        return cv2.warpAffine(crop, affine, size, flags=flags, borderMode=border)
    return cv2.warpPerspective(crop, centres, size, flags=flags, borderMode=border)


def _copy_pieces(image: Array, pieces: Sequence[Piece], width: int, height: int) -> Array:
    """Whole-pixel copies of a (..., H, W) array; what no piece covers is 0. An identity is the array itself."""
    bounds = Box(0, 0, image.shape[-1], image.shape[-2])
    out_box = Box(0, 0, width, height)
    if bounds == out_box and any(piece == (out_box, 0, 0) for piece in pieces):
        return image
    if image.ndim == 3 and image.strides[0] < image.strides[2]:  # (H, W, C) memory stays (H, W, C) memory
        out = np.moveaxis(np.zeros((height, width, image.shape[0]), dtype=image.dtype), 2, 0)
    else:
        out = np.zeros((*image.shape[:-2], height, width), dtype=image.dtype)
    for piece in pieces:
        target = piece.after_box.intersection(out_box)
        source = target.shifted(piece.dx, piece.dy).intersection(bounds)
        target = source.shifted(-piece.dx, -piece.dy)
        out[(..., *target.slices)] = image[(..., *source.slices)]
    return out
