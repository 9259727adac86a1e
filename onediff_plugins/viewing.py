"""How a pair is shown to what looks at pictures: which bands, on which scale, and a place with its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.types import BBox, Frame, ImagePair

COLOURS: Final = ("red", "green", "blue")
# Values between these percentiles become [0, 1] where they are not colours but physical units.
_PERCENTILES: Final = (2.0, 98.0)
# Colours may leave [0, 1] by a little where one image's radiometry was fitted to the other's.
_SLACK: Final = 0.05
# A place is shown with this share of its side beyond it on each side.
_CONTEXT: Final = 0.5


class Scale(NamedTuple):
    """The value that becomes 0, and the span from there to what becomes 1."""

    low: float = 0.0
    span: float = 1.0


def shown_bands(bands: Sequence[str]) -> tuple[int, int, int]:
    """Which bands are shown as red, green and blue.

    Args:
        bands: names, at least one.

    Returns:
        Indices of red, green and blue where they are named, else of the first three, else thrice the first, as grey.
    """
    if set(COLOURS) <= set(bands):
        red, green, blue = (bands.index(colour) for colour in COLOURS)
        return red, green, blue
    return (0, 1, 2) if len(bands) >= 3 else (0, 0, 0)


def scale_of(scene: ImagePair) -> Scale:
    """How to scale values to [0, 1]: not at all where they are colours, else by the percentiles of both dates together.

    One scale for both, so that what looks brighter is brighter.

    Args:
        scene: its overview, preprocessed.
    """
    together = np.concatenate(
        [
            frame.pixels[band][frame.valid]
            for frame in (scene.aligned, scene.after)
            for band in sorted(set(shown_bands(frame.bands)))
        ]
    )
    together = together[np.isfinite(together)]
    if not together.size:
        return Scale()
    low, high = (float(value) for value in np.percentile(together, _PERCENTILES))
    if low >= -_SLACK and high <= 1 + _SLACK:
        return Scale()
    return Scale(low, high - low if high > low else 1.0)


def scaled_rgb(frame: Frame, box: Box, scale: Scale) -> NDArray[np.float32]:
    """A part of a frame as colours.

    Args:
        frame: any bands and dtype.
        box: within it.
        scale: of its values.

    Returns:
        (box.height, box.width, 3) float32 in [0, 1]; what is no number is 0.
    """
    rows, columns = box.slices
    bands = np.stack([frame.pixels[band, rows, columns] for band in shown_bands(frame.bands)], axis=-1)
    scaled = (bands.astype(np.float32) - np.float32(scale.low)) / np.float32(scale.span)
    return np.asarray(np.nan_to_num(scaled, copy=False).clip(0, 1), dtype=np.float32)


def whole_pixels(bounds: BBox, grid: Box) -> Box:
    """The whole pixels of a place, at least one, inside the image.

    Args:
        bounds: x0, y0, x1, y1.
        grid: the whole image.
    """
    x0, y0, x1, y1 = bounds
    left, top = (min(max(int(np.floor(low)), 0), most - 1) for low, most in ((x0, grid.x1), (y0, grid.y1)))
    return Box(left, top, min(max(int(np.ceil(x1)), left + 1), grid.x1), min(max(int(np.ceil(y1)), top + 1), grid.y1))


def with_surroundings(place: Box, grid: Box, least: int) -> Box:
    """The part of the image in which a place is looked at.

    Args:
        place: within the grid.
        grid: the whole image.
        least: pixels a side that are shown, where the image has so many.

    Returns:
        The place grown by half its side on each side, at least to `least`, moved to lie inside the image.
    """
    x0, x1 = _grown(place.x0, place.x1, grid.x1, least)
    y0, y1 = _grown(place.y0, place.y1, grid.y1, least)
    return Box(x0, y0, x1, y1)


def _grown(start: int, stop: int, length: int, least: int) -> tuple[int, int]:
    side = stop - start
    wanted = min(max(side + 2 * round(_CONTEXT * side), least), length)
    begin = min(max((start + stop - wanted) // 2, 0), length - wanted)
    return begin, begin + wanted
