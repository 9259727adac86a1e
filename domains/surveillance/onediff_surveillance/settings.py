"""What the surveillance domain can be told."""

from __future__ import annotations

from pydantic import Field

from onediff_plugins.settings import DomainSettings


class SurveillanceSettings(DomainSettings):
    """Settings of the surveillance domain; see `DomainSettings` for those that every domain has."""

    stabilise: bool = Field(default=True, description="find how far the camera shook; off compares pixels in place")
    max_drift: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="furthest that the view may shift, as a share of its longer side; beyond, the camera moved",
    )
    min_contrast: float = Field(
        default=30, gt=0, le=255, description="grey levels of 255 by which a place must differ in a quiet picture"
    )
    tolerate_light: bool = Field(
        default=True, description="shadows, sun patches and lamps that come and go are no change"
    )
    min_area: float = Field(default=0.0003, ge=0, le=1, description="smallest region, as a share of the image")
    min_area_px: int = Field(default=12, ge=1, description="smallest region in after pixels, whatever the image's size")
