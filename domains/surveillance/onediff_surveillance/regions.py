"""Stage 6: connected components that are large enough, and whether something came or went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onediff_plugins.regions import components, direction

if TYPE_CHECKING:
    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import ChangeMap, Frame, ImagePair
    from onediff_surveillance.settings import SurveillanceSettings


def extract_regions(change: ChangeMap, pair: ImagePair, settings: SurveillanceSettings) -> list[ChangeRegion]:
    """Regions of a score map.

    Args:
        change: score and valid on the after grid.
        pair: preprocessed.
        settings: `threshold`, and `min_area` and `min_area_px`, the larger of which decides.

    Returns:
        One region per 8-connected component of at least the least area; kind "added" or "removed" where its outline
        is clearly stronger in one image, else "changed".
    """
    least = max(settings.min_area_px, math.ceil(settings.min_area * _view_area(pair.after)))
    found = components(change, settings.threshold, least)
    return [region.replace(kind=direction(region, pair)) for region in found]


def _view_area(frame: Frame) -> float:
    """Pixels of the whole view, of which the frame may be a window, at the frame's own scale."""
    grid = frame.grid
    if grid.window is None:
        return float(frame.width * frame.height)
    return frame.width * frame.height * grid.width * grid.height / grid.window.area
