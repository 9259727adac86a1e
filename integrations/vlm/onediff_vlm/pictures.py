"""What a chat model is shown: the pair small and whole, and every place large and with its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np
from PIL import Image

from onediff_plugins.viewing import (
    COLOURS,
    Scale,
    scale_of,
    scaled_rgb,
    whole_pixels,
    with_surroundings,
)
from onediff_plugins.windows import overview, reduce_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import Box, Frame, ImagePair

    Picture = NDArray[np.uint8]

# A crop shows at least so many pixels a side.
LEAST_PX: Final = 96
# A crop is enlarged until its longer side has so many pixels, and reduced to so many pixels in all. A long one, such as
# a row of a table, keeps its letters readable that way.
CROP_SIDE: Final = 224
CROP_PIXELS: Final = 512 * 512
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
        scale = scale_of(seen)
        self._after, self._aligned = _Side(pair.after, scale), _Side(pair.aligned, scale)
        # What was removed or moved has its place in the before image as it was read, and a layout that moved in parts
        # leaves it out of the aligned one. Not for a window or a map, whose before image has another grid.
        native = pair.before.georef is None and pair.before.source_grid is None and _is_picture(pair.before)
        self._before = _Side(pair.before, Scale(0.0, _white(pair.before))) if native else self._aligned
        self._native, self._max_side = native, max_side

    def whole(self) -> tuple[Image.Image, Image.Image]:
        """Both images whole, each at most `max_side` px a side."""
        return self._before.whole(self._max_side), self._after.whole(self._max_side)

    def place(self, region: ChangeRegion) -> Shown:
        """A region and its surroundings.

        Args:
            region: of this pair.
        """
        here = whole_pixels(region.geometry.bounds, self._after.frame.box)
        there = self._aligned, here
        if self._native and region.kind in ("removed", "moved") and region.bbox_before is not None:
            there = self._before, whole_pixels(region.bbox_before, self._before.frame.box)
        before, after = (
            side.cut(with_surroundings(box, side.frame.box, LEAST_PX), self._max_side)
            for side, box in (there, (self._after, here))
        )
        on, (side, box) = ("before", there) if region.kind == "removed" else ("after", (self._after, here))
        shrink = min(1.0, self._max_side / max(side.frame.width, side.frame.height))
        x0, y0, x1, y1 = (round(value * shrink) for value in (box.x0, box.y0, box.x1, box.y1))
        return Shown(before, after, (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)), on)


class _Side(NamedTuple):
    """One image, and which of its values become black and white."""

    frame: Frame
    scale: Scale

    def whole(self, max_side: int) -> Image.Image:
        small = reduce_frame(self.frame, max_side)
        return Image.fromarray(_rgb(small, self.scale, small.box))

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


def _is_picture(frame: Frame) -> bool:
    """Whether values as they were read are colours of 8 or 16 bit."""
    return frame.pixels.dtype in (np.uint8, np.uint16) and (len(frame.bands) == 1 or set(COLOURS) <= set(frame.bands))


def _white(frame: Frame) -> float:
    return float(np.iinfo(frame.pixels.dtype).max) if _is_picture(frame) else 1.0


def _rgb(frame: Frame, scale: Scale, box: Box) -> Picture:
    """(H, W, 3) uint8 of a part of a frame."""
    picture: Picture = (scaled_rgb(frame, box, scale) * 255).round().astype(np.uint8)
    return np.where(frame.valid[box.slices][..., None], picture, np.uint8(_BLANK))
