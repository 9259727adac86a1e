"""Screenshots as frames: three colour bands over white, in the depth of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins import images
from onediff_plugins.errors import MismatchedPairError, UnsupportedSourceError
from onediff_plugins.types import Box, Frame, ImagePair, SourceGrid
from onediff_plugins.windows import reduce_frame

if TYPE_CHECKING:
    from onediff_plugins.types import Array, PairRequest
    from onediff_ui.settings import UiSettings

BANDS: Final = ("red", "green", "blue")


def load_pair(request: PairRequest, settings: UiSettings) -> ImagePair:
    """Stage 1: both screenshots as read, alpha composited over white; different sizes are data.

    Args:
        request: paths, PIL images, arrays or frames. `window` is a box of the after image: the same box of the before
            image, clipped to it, is read beside it, so content that moved in from outside the window is not found.
            `max_side` reduces both by area averaging.
        settings: `max_pixels` refuses larger files from their header.

    Returns:
        Frames with the bands red, green, blue; the pixels are a (3, H, W) view of (H, W, 3) memory.

    Raises:
        UnsupportedSourceError: see `onediff_plugins.images.decode`.
        MismatchedPairError: the window lies outside an image.
    """
    before = _cropped(_frame(request.before, settings, "before"), request.window)
    after = _cropped(_frame(request.after, settings, "after"), request.window)
    if request.max_side is not None:
        before, after = _reduced(before, request.max_side), _reduced(after, request.max_side)
    return ImagePair(before=before, after=after, domain="ui", id=request.id)


def over_white(colour: Array, alpha: Array) -> Array:
    """Composite over a white page, rounded to the nearest value of the same dtype.

    Args:
        colour: (H, W, C), not premultiplied.
        alpha: (H, W) of the same dtype, 0 transparent.

    Returns:
        (H, W, C), same dtype.
    """
    white = images.full_range(colour, "image")
    cover = alpha[:, :, None]
    if colour.dtype.kind == "f":
        blend: Array = (colour * cover + white * (1 - cover)).astype(colour.dtype)
        return blend
    wide = np.dtype(f"u{min(2 * colour.dtype.itemsize, 8)}")  # the product of two values fits, with room to round
    mixed = colour.astype(wide) * cover + wide.type(white) * (wide.type(white) - cover.astype(wide))
    rounded: Array = ((mixed + wide.type(white // 2)) // wide.type(white)).astype(colour.dtype)
    return rounded


def _frame(source: object, settings: UiSettings, side: str) -> Frame:
    if isinstance(source, Frame):
        return _in_colour(source)
    name = images.source_name(source)
    decoded = images.decode(
        source, max_pixels=settings.max_pixels, name=f"{side} {name}" if name == "<array>" else None
    )
    pixels = decoded.array
    white = images.full_range(pixels, decoded.source)
    if pixels.dtype.kind == "f" and (pixels.min() < 0 or pixels.max() > white):
        raise UnsupportedSourceError(
            f"{decoded.source}: float pixels must lie in [0, 1], got [{pixels.min():g}, {pixels.max():g}]; "
            "divide by the largest value or pass uint8"
        )
    if decoded.alpha is not None:
        pixels = over_white(pixels, decoded.alpha)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return Frame(
        pixels=np.moveaxis(pixels, 2, 0),
        valid=np.ones(pixels.shape[:2], dtype=np.bool_),
        bands=BANDS,
        captured_at=decoded.captured_at,
        source=name,
    )


def _in_colour(frame: Frame) -> Frame:
    """A frame that somebody else made, reduced to the three bands of a screen."""
    if frame.bands == BANDS:
        return frame
    if set(BANDS) <= set(frame.bands):
        chosen = [frame.bands.index(band) for band in BANDS]
    elif len(frame.bands) == 1:
        chosen = [0, 0, 0]
    else:
        raise UnsupportedSourceError(
            f"{frame.source}: a screenshot has the bands red, green and blue, or one grey band; "
            f"got {', '.join(frame.bands)}"
        )
    return replace(frame, pixels=frame.pixels[chosen], bands=BANDS)


def _cropped(frame: Frame, window: Box | None) -> Frame:
    if window is None:
        return frame
    box = Box(*window).intersection(frame.box)
    if not box.area:
        raise MismatchedPairError(
            f"{frame.source}: the window {tuple(window)} lies outside this image of {frame.width}x{frame.height}; "
            "choose a window inside both"
        )
    grid = SourceGrid(width=frame.width, height=frame.height, window=box)
    return replace(
        frame, pixels=frame.pixels[(slice(None), *box.slices)], valid=frame.valid[box.slices], source_grid=grid
    )


def _reduced(frame: Frame, max_side: int) -> Frame:
    small = reduce_frame(frame, max_side)
    if small is frame or frame.pixels.dtype.kind == "f":
        return small
    return replace(small, pixels=np.rint(small.pixels).astype(frame.pixels.dtype))


def to_screen(frame: Frame) -> Array:
    """What a screen shows of a frame.

    Args:
        frame: uint8, uint16, ..., or float in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB, contiguous; finer steps than 1/255 are below what anybody can see.
    """
    pixels = np.ascontiguousarray(frame.hwc)
    if pixels.dtype == np.uint8:
        return pixels
    white = images.full_range(pixels, frame.source)
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize > 2:
        pixels = (pixels / white).astype(np.float32)
        white = 1
    return cv2.convertScaleAbs(pixels, alpha=255 / white)
