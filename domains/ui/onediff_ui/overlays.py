"""Stage 9: where parts of the page went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_plugins.types import Overlay

if TYPE_CHECKING:
    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import ImagePair


def layout_overlays(result: ChangeResult, pair: ImagePair) -> list[Overlay]:
    """Parts that moved, on the after image, and what has no counterpart, on both.

    Args:
        result: with the registration's pieces.
        pair: aligned.

    Returns:
        "moved-parts" boxes and the masks "inserted" and "gone"; nothing for a page that stayed in place.
    """
    moved = [piece.after_box for piece in result.registration.pieces or () if piece.dx or piece.dy]
    overlays = [Overlay(name="moved-parts", kind="boxes", slice="after", data=moved)] if moved else []
    if pair.unmatched_after is not None and pair.unmatched_after.any():
        overlays.append(Overlay(name="inserted", kind="mask", slice="after", data=pair.unmatched_after))
    if pair.unmatched_before is not None and pair.unmatched_before.any():
        overlays.append(Overlay(name="gone", kind="mask", slice="before", data=pair.unmatched_before))
    return overlays
