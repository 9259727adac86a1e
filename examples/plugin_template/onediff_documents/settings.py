"""What a user can tell this domain, with `--set documents.jitter_px=3`, a variable or `onediff.toml`."""

from __future__ import annotations

from pydantic import Field

from onediff_plugins import DomainSettings


class DocumentsSettings(DomainSettings):
    """Settings of scanned pages; lengths are in pixels of the after scan. See `DomainSettings` for what is shared."""

    align: bool = Field(default=True, description="find skew, shift and scale; off compares equal sizes as they lie")
    jitter_px: int = Field(default=2, ge=0, le=16, description="px by which a scanner may put the same word elsewhere")
    contrast: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="how much darker than paper a stroke must be to count, from 0 (paper) to 1 (black)",
    )
    join_px: int = Field(
        default=20,
        ge=1,
        description="gap in px between lines over which strokes are one region; along a line it is twice that",
    )
    min_ink_px: int = Field(default=12, ge=1, description="ink in px below which a region is dust")
