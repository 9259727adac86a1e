"""Pictures for people: previews of any frame, and the overlay that shows what was found.

All pictures are (H, W, 3) uint8 RGB and new arrays; nothing that comes in is written to.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import shapely

from onediff_plugins.drawing import (
    DRAWN_ORDER,
    KIND_COLOURS,
    blend,
    draw_numbers,
    draw_outline,
    grown_boxes,
    rings,
    stroke,
    tinted,
)
from onediff_plugins.errors import ExportError
from onediff_plugins.viewing import shown_bands
from onediff_plugins.windows import reduce_frame

if TYPE_CHECKING:
    from onediff_plugins.drawing import Picture
    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import Array, BoolArray, FloatArray, Frame, ImagePair, Overlay

PREVIEW_SIDE: Final = 2048
# Larger after images are drawn reduced: 16 megapixels hold a page of 1280 x 13,000 or a scene of 4096 x 4096.
OVERLAY_PIXELS: Final = 4096 * 4096

_CHECKER: Final = (196, 8)  # grey of the darker squares, and their side in pixels
_STRETCH: Final = (2.0, 98.0)  # percentiles shown as black and white
_SAMPLE: Final = 250_000  # pixels that the percentiles are taken from, at most


def to_rgb8(frame: Frame, max_side: int | None = None) -> Picture:
    """A frame as a picture that any browser shows.

    Args:
        frame: any bands and dtype. Shown are red, green and blue where the frame names them, else its first three
            bands, else its first as grey.
        max_side: reduce to at most this many pixels a side, or None for full size.

    Returns:
        (H, W, 3) uint8. uint8 pixels are shown as they are, bool as black and white; other dtypes are stretched
        between the 2nd and 98th percentile of the valid pixels of the shown bands together, which keeps their hue.
        What is not valid is a grey checker.
    """
    channels = list(dict.fromkeys(shown_bands(frame.bands)))  # grey but once
    first, last = channels[0], channels[-1]
    # Neighbouring bands are a view; anything else is copied.
    pixels = frame.pixels[first : last + 1] if channels == [*range(first, last + 1)] else frame.pixels[channels]
    shown = replace(frame, pixels=pixels, bands=tuple(frame.bands[c] for c in channels))
    if frame.pixels.dtype == np.bool_:
        shown = replace(shown, pixels=shown.pixels.astype(np.uint8) * np.uint8(255))
    is_uint8 = shown.pixels.dtype == np.uint8
    if max_side is not None:
        shown = reduce_frame(shown, max_side)
    if shown.pixels.dtype == np.uint8:
        planes = shown.pixels
    elif is_uint8:  # reduced: the average of bytes
        planes = np.rint(shown.pixels).clip(0, 255).astype(np.uint8)
    else:
        planes = _stretched(shown.pixels, shown.valid)
    picture = np.empty((shown.height, shown.width, 3), dtype=np.uint8)
    picture[...] = np.moveaxis(planes, 0, 2)  # one band becomes grey
    return picture if shown.valid.all() else _with_checker(picture, shown.valid)


def preview(frame: Frame) -> Picture:
    """`to_rgb8` of at most 2048 pixels a side."""
    return to_rgb8(frame, PREVIEW_SIDE)


def reduced_map(grey: Array) -> Array:
    """A map of at most 2048 pixels a side, as large as a preview of its image.

    Args:
        grey: (H, W) uint8.

    Returns:
        (h, w) uint8; a pixel is the highest of those that it stands for, so that no small place is lost.
    """
    height, width = grey.shape
    scale = min(1.0, PREVIEW_SIDE / max(height, width))
    if scale == 1.0:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    reach = math.ceil(1 / scale)
    highest = cv2.dilate(grey, np.ones((reach, reach), np.uint8))
    return cv2.resize(highest, size, interpolation=cv2.INTER_NEAREST)


def overlay(result: ChangeResult) -> Picture:
    """The after image with every region outlined in its kind's colour, tinted and numbered.

    Args:
        result: as the host returned it, with its pair.

    Returns:
        (H, W, 3) uint8 on the after grid, or reduced to 16 megapixels. Numbers are the regions' ids; where they would
        cover each other, the weaker region goes without.

    Raises:
        ExportError: the result was read from JSON and has no images.
    """
    picture, shrink = _canvas(pair_of(result).after)
    line, font_size = stroke(picture)
    ordered = sorted(result.regions, key=lambda region: (DRAWN_ORDER.index(region.kind), -region.id))
    outlines = [[ring * shrink for ring in rings(region.geometry)] for region in ordered]
    picture = tinted(picture, [region.kind for region in ordered], outlines, result.mask)
    for region, outline in zip(ordered, outlines, strict=True):
        draw_outline(picture, grown_boxes(outline, line / 2 + 1), region.kind, line)
    draw_numbers(picture, result.regions, shrink, line, font_size)
    return picture


def overlay_image(drawn: Overlay, result: ChangeResult) -> Picture:
    """A plugin's overlay as a picture on the image that it lies on.

    Args:
        drawn: of kind mask, heatmap, boxes or polygons, on the grid of its slice.
        result: as the host returned it, with its pair.

    Returns:
        (H, W, 3) uint8, as large as `overlay` would be: the image in pale grey, and on it the mask in blue, the
        heatmap from transparent to dark red, or the outlines in blue.

    Raises:
        ExportError: the result has no images, the kind has no picture (scalar, text), or the data do not fit the grid.
    """
    frame = pair_of(result).before if drawn.slice == "before" else pair_of(result).after
    picture, shrink = _canvas(frame)
    picture = _pale(picture)
    if drawn.kind in ("mask", "heatmap"):
        values = np.asarray(drawn.data)
        if values.shape != frame.valid.shape:
            raise ExportError(
                f"overlay {drawn.name!r} of pair {result.id!r} has shape {values.shape}, but the {drawn.slice} image "
                f"is {frame.valid.shape}; the plugin that made it must use that grid"
            )
        values = cv2.resize(values.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        return _masked(picture, values >= 0.5) if drawn.kind == "mask" else _heated(picture, values)
    if drawn.kind not in ("boxes", "polygons"):
        raise ExportError(f"overlay {drawn.name!r} of pair {result.id!r} is a {drawn.kind}, which has no picture")
    shapes = drawn.data if drawn.kind == "polygons" else [shapely.box(*box) for box in drawn.data]
    for shape in shapes:
        draw_outline(picture, [ring * shrink for ring in rings(shape)], "changed", stroke(picture)[0])
    return picture


def pair_of(result: ChangeResult) -> ImagePair:
    """The images of a result.

    Raises:
        ExportError: it was read from JSON and has none.
    """
    if result.pair is None:
        raise ExportError(
            f"pair {result.id!r}: the result was read from a record and holds no images; "
            "compare the pair again to write pictures"
        )
    return result.pair


# --- frames to pictures -----------------------------------------------------------------------------------------


def _stretched(pixels: Array, valid: BoolArray) -> Picture:
    step = max(1, int((valid.size / _SAMPLE) ** 0.5))
    sample = pixels[:, ::step, ::step][:, valid[::step, ::step]].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, _STRETCH) if sample.size else (0.0, 0.0)
    if high <= low:  # flat: more than 96 % of it is one value
        low, high = (float(sample.min()), float(sample.max())) if sample.size else (0.0, 1.0)
    if high <= low:
        return np.full(pixels.shape, 128, dtype=np.uint8)
    shares = (pixels.astype(np.float32) - np.float32(low)) * np.float32(255.0 / (high - low))
    bytes_: Picture = np.nan_to_num(shares, posinf=255.0, neginf=0.0).clip(0, 255).round().astype(np.uint8)
    return bytes_


def _with_checker(picture: Picture, valid: BoolArray) -> Picture:
    dark, side = _CHECKER
    rows, columns = np.ogrid[: valid.shape[0], : valid.shape[1]]
    checker = np.where((rows // side + columns // side) % 2, 255, dark).astype(np.uint8)
    return np.where(valid[:, :, None], picture, checker[:, :, None])


def _pale(picture: Picture) -> Picture:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.repeat((128 + grey // 2).astype(np.uint8)[:, :, None], 3, axis=2)


def _masked(picture: Picture, mask: BoolArray) -> Picture:
    return np.where(mask[:, :, None], blend(picture, KIND_COLOURS["changed"], 0.6), picture)


def _heated(picture: Picture, heat: Array) -> Picture:
    share = np.nan_to_num(heat.astype(np.float32)).clip(0, 1)
    # From yellow to dark red, and the more opaque the hotter, so that the image shows where nothing is.
    cool, hot = np.array([255, 200, 60], np.float32), np.array([140, 0, 20], np.float32)
    colour = cool + (hot - cool) * share[:, :, None]
    alpha = (0.85 * np.sqrt(share))[:, :, None]
    mixed: Picture = (picture * (1 - alpha) + colour * alpha).round().astype(np.uint8)
    return mixed


def _canvas(frame: Frame) -> tuple[Picture, FloatArray]:
    """The frame as a picture to draw on, and the scale of x and y that carries the frame's points onto it."""
    scale = min(1.0, (OVERLAY_PIXELS / (frame.width * frame.height)) ** 0.5)
    picture = to_rgb8(frame, None if scale == 1.0 else max(1, int(max(frame.width, frame.height) * scale)))
    height, width = picture.shape[:2]
    return picture, np.array([width / frame.width, height / frame.height])
