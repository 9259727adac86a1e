"""What the satellite domain can be told."""

from __future__ import annotations

from pydantic import Field

from onediff_plugins.settings import DomainSettings


class SatelliteSettings(DomainSettings):
    """Settings of the satellite domain; see `DomainSettings` for those that every domain has."""

    refine: bool = Field(default=True, description="refine the georeference, or the assumed grid, by image content")
    max_shift_px: float = Field(
        default=64, gt=0, description="furthest that refinement may move any after pixel, in pixels of the scene"
    )
    normalise: bool = Field(
        default=True,
        description="fit the before image's radiometry to the after image's over unchanged pixels; "
        "unless set, off for detectors that look past light, such as onediff",
    )
    min_area_px: int = Field(default=16, ge=1, description="smallest region that is kept, in after pixels")
    min_area_m2: float = Field(
        default=0, ge=0, description="smallest region that is kept, in square metres, where the scale is known"
    )
