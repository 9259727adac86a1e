"""Stage 6: connected components that are large enough, and whether something came or went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onediff_plugins.regions import components, direction

if TYPE_CHECKING:
    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import ChangeMap, ImagePair
    from onediff_satellite.settings import SatelliteSettings


def extract_regions(change: ChangeMap, pair: ImagePair, settings: SatelliteSettings) -> list[ChangeRegion]:
    """Regions of a score map.

    Args:
        change: score and valid on the after grid.
        pair: preprocessed.
        settings: `threshold`, and `min_area_px` and `min_area_m2`, the larger of which decides.

    Returns:
        One region per 8-connected component of at least the least area; kind "added" or "removed" where its outline
        is clearly stronger in one image, else "changed".
    """
    least = settings.min_area_px
    if settings.min_area_m2 and pair.after.gsd_m:
        least = max(least, math.ceil(settings.min_area_m2 / pair.after.gsd_m**2))
    found = components(change, settings.threshold, least)
    return [region.replace(kind=direction(region, pair)) for region in found]
