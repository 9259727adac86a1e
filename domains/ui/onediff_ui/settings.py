"""What a user can tell the UI domain."""

from __future__ import annotations

from pydantic import Field

from onediff_plugins.settings import DomainSettings


class UiSettings(DomainSettings):
    """Settings of UI screenshots; the thresholds are in levels of an 8-bit screen, whatever the depth of the files."""

    layout: bool = Field(default=True, description="look for content that moved; off compares pixels in place")
    min_move: int = Field(
        default=1, ge=1, description="shortest move in px that is reported; shorter ones are absorbed as drift"
    )
    edge_tolerance: float = Field(
        default=18.0,
        gt=0,
        description="levels by which a pixel may leave the range of its neighbours",
    )
    flat_tolerance: float = Field(
        default=1.4, gt=0, description="perceptual difference from which a plain area counts as recoloured"
    )
    drift: int = Field(
        default=3, ge=0, le=8, description="px by which the same word may lie elsewhere in another renderer"
    )
    ignore_caret: bool = Field(default=True, description="a single text cursor that came or went is no change")
    ignore_scroll_bar: bool = Field(
        default=True, description="a scroll bar's handle along the right edge that came or went is no change"
    )
    edge_slack: int = Field(
        default=2, ge=0, description="px of a page's border that may come or go, as when sizes are rounded"
    )
