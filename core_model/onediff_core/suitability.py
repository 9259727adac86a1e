"""Whether OneDiff can look at a pair, told from bands and scale alone: no weights are loaded to refuse a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_plugins.viewing import COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.specs import HeadSpec
    from onediff_plugins.types import Frame, ImagePair

# An image that would have to be enlarged by more does not show what the head was trained to see.
MOST_ENLARGED: Final = 4.0


def why_unsuited(pair: ImagePair, heads: Sequence[HeadSpec]) -> str | None:
    """Why no head can look at a pair, or None.

    Args:
        pair: as loaded.
        heads: those that are to look.
    """
    for frame in (pair.before, pair.after):
        if missing := missing_colours(frame):
            return f"{frame.source} has no {' and no '.join(missing)}"
    gsd = pair.after.gsd_m
    scales = [head.gsd_range_m for head in heads if head.task == "mask"]
    if scales and all(enlargement(gsd, scale) > MOST_ENLARGED for scale in scales):
        return f"{pair.after.source} has {gsd:g} m a pixel, and the heads are for finer images"
    return None


def missing_colours(frame: Frame) -> list[str]:
    """Which of red, green and blue a frame lacks; a single band stands for all three."""
    if len(frame.bands) == 1:
        return []
    return [colour for colour in COLOURS if colour not in frame.bands]


def enlargement(gsd_m: float | None, scale: tuple[float, float] | None) -> float:
    """How many times as large heads have to see an image.

    Args:
        gsd_m: metres a pixel of the image, or None.
        scale: ground sample distances in metres that they were trained for, or None.

    Returns:
        Above 1 for images that are too coarse, under 1 for those that are too fine, 1 where either is not known.
    """
    if gsd_m is None or scale is None:
        return 1.0
    low, high = scale
    return gsd_m / min(max(gsd_m, low), high)
