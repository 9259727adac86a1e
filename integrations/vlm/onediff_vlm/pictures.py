"""What a chat model is shown: the pair small and whole, and every place large and with its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np
from PIL import Image

from onediff_plugins.types import Box
from onediff_plugins.windows import overview, reduce_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import BBox, Frame, ImagePair

    Picture = NDArray[np.uint8]

COLOURS: Final = ("red", "green", "blue")
# A crop shows this share of the place's side beyond it on each side, and at least so many pixels in all.
_CONTEXT: Final = 0.5
_LEAST_PX: Final = 96
# A crop is enlarged until its longer side has so many pixels, and reduced to so many pixels in all. A long one, such as
# a row of a table, keeps its letters readable that way.
CROP_SIDE: Final = 224
CROP_PIXELS: Final = 512 * 512
# Values between these percentiles become black to white where they are not colours but physical units.
_PERCENTILES: Final = (2.0, 98.0)
# Colours may leave [0, 1] by a little where one image's radiometry was fitted to the other's.
_SLACK: Final = 0.05
_BLANK: Final = 128  # grey of what cannot be compared


class Shown(NamedTuple):
    """A place as it is shown.

    Attributes:
        before: its crop before.
        after: its crop after.
        box: the place as x0, y0, x1, y1 in pixels of the whole picture as shown.
        on: the side whose whole picture `box` lies on: "before" for what was removed.
    """

    before: Image.Image
    after: Image.Image
    box: tuple[int, int, int, int]
    on: str


class PairPictures:
    """An aligned pair as pictures that are made where they are looked at."""

    def __init__(self, pair: ImagePair, max_side: int) -> None:
        """Find out how to show the pair.

        Args:
            pair: warped and preprocessed.
            max_side: longest side of the whole pictures in px.
        """
        seen = overview(pair)
        scale = _scale_of(seen)
        self._after, self._aligned = _Side(pair.after, scale), _Side(pair.aligned, scale)
        # What was removed or moved has its place in the before image as it was read, and a layout that moved in parts
        # leaves it out of the aligned one. Not for a window or a map, whose before image has another grid.
        native = pair.before.georef is None and pair.before.source_grid is None and _is_picture(pair.before)
        self._before = _Side(pair.before, (0.0, _white(pair.before))) if native else self._aligned
        self._native, self._max_side = native, max_side

    def whole(self) -> tuple[Image.Image, Image.Image]:
        """Both images whole, each at most `max_side` px a side."""
        return self._before.whole(self._max_side), self._after.whole(self._max_side)

    def place(self, region: ChangeRegion) -> Shown:
        """A region and its surroundings.

        Args:
            region: of this pair.
        """
        here = _whole_pixels(region.geometry.bounds, self._after.frame.box)
        there = self._aligned, here
        if self._native and region.kind in ("removed", "moved") and region.bbox_before is not None:
            there = self._before, _whole_pixels(region.bbox_before, self._before.frame.box)
        before, after = (
            side.cut(with_context(box, side.frame.box), self._max_side) for side, box in (there, (self._after, here))
        )
        on, (side, box) = ("before", there) if region.kind == "removed" else ("after", (self._after, here))
        shrink = min(1.0, self._max_side / max(side.frame.width, side.frame.height))
        x0, y0, x1, y1 = (round(value * shrink) for value in (box.x0, box.y0, box.x1, box.y1))
        return Shown(before, after, (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)), on)


class _Side(NamedTuple):
    """One image, and the value that becomes black and the span from there to white."""

    frame: Frame
    scale: tuple[float, float]

    def whole(self, max_side: int) -> Image.Image:
        return Image.fromarray(_rgb(reduce_frame(self.frame, max_side), self.scale, None))

    def cut(self, box: Box, max_side: int) -> Image.Image:
        picture = _rgb(self.frame, self.scale, box)
        longest = max(box.width, box.height)
        zoom = max(CROP_SIDE / longest, min(1.0, (CROP_PIXELS / (box.width * box.height)) ** 0.5))
        zoom = min(zoom, max_side / longest)
        if zoom == 1:
            return Image.fromarray(picture)
        size = max(1, round(box.width * zoom)), max(1, round(box.height * zoom))
        method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        return Image.fromarray(cv2.resize(picture, size, interpolation=method).astype(np.uint8))


def with_context(place: Box, grid: Box) -> Box:
    """A place grown by half its side on each side and to at least 96 px, inside the image.

    Args:
        place: within the grid.
        grid: the whole image.
    """
    x0, x1 = _grown(place.x0, place.x1, grid.x1)
    y0, y1 = _grown(place.y0, place.y1, grid.y1)
    return Box(x0, y0, x1, y1)


def _grown(start: int, stop: int, length: int) -> tuple[int, int]:
    wanted = min(max(round((1 + 2 * _CONTEXT) * (stop - start)), _LEAST_PX), length)
    begin = min(max((start + stop - wanted) // 2, 0), length - wanted)
    return begin, begin + wanted


def _whole_pixels(bounds: BBox, grid: Box) -> Box:
    x0, y0, x1, y1 = bounds
    left, top = (min(max(int(np.floor(low)), 0), most - 1) for low, most in ((x0, grid.x1), (y0, grid.y1)))
    right, bottom = min(max(int(np.ceil(x1)), left + 1), grid.x1), min(max(int(np.ceil(y1)), top + 1), grid.y1)
    return Box(left, top, right, bottom)


def _is_picture(frame: Frame) -> bool:
    """Whether values as they were read are colours of 8 or 16 bit."""
    return frame.pixels.dtype in (np.uint8, np.uint16) and (len(frame.bands) == 1 or set(COLOURS) <= set(frame.bands))


def _white(frame: Frame) -> float:
    return float(np.iinfo(frame.pixels.dtype).max) if _is_picture(frame) else 1.0


def _bands(frame: Frame) -> list[int]:
    """Red, green and blue where the frame names them, else its first three bands, else its first as grey."""
    if set(COLOURS) <= set(frame.bands):
        return [frame.bands.index(colour) for colour in COLOURS]
    return [0, 1, 2] if len(frame.bands) >= 3 else [0, 0, 0]


def _scale_of(seen: ImagePair) -> tuple[float, float]:
    """One scale for both dates, so that what looks brighter is brighter; colours are not scaled at all."""
    values = np.concatenate(
        [frame.pixels[band][frame.valid] for frame in (seen.aligned, seen.after) for band in set(_bands(frame))]
    )
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _PERCENTILES))
    if low >= -_SLACK and high <= 1 + _SLACK:
        return 0.0, 1.0
    return low, high - low if high > low else 1.0


def _rgb(frame: Frame, scale: tuple[float, float], box: Box | None) -> Picture:
    """(H, W, 3) uint8 of a frame or a part of it."""
    rows, columns = (frame.box if box is None else box).slices
    bands = np.stack([frame.pixels[band, rows, columns] for band in _bands(frame)], axis=-1)
    low, span = scale
    shares = np.nan_to_num((bands.astype(np.float32) - np.float32(low)) / np.float32(span)).clip(0, 1)
    picture: Picture = (shares * 255).round().astype(np.uint8)
    return np.where(frame.valid[rows, columns][..., None], picture, np.uint8(_BLANK))
