"""Containers that grew because content beside them moved: a side bar that now reaches further down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box
from onediff_ui.labelling import connected_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import Array, BoolArray, Piece

_SAME: Final = 3  # levels
_SLACK: Final = 3  # pixels by which the extent of the growth may miss the shift
_MOSTLY: Final = 0.95


def stretched(seeds: BoolArray, pieces: Sequence[Piece], before: Array, after: Array) -> BoolArray:
    """Changed places where a plain area only reaches as much further as content beside it moved.

    Such a place is constant along the shift, as long as the shift, and shows what the before page shows one shift
    earlier: its container was stretched, nothing was added to it.

    Args:
        seeds: (H, W) bool, evidence of change.
        pieces: of the registration.
        before: (Hb, Wb, 3) uint8 RGB, on its own grid.
        after: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) bool.
    """
    found = np.zeros(seeds.shape, np.bool_)
    shifts = {(piece.dx, piece.dy) for piece in pieces if piece.dx or piece.dy}
    if not shifts or not seeds.any():
        return found
    joined = cv2.morphologyEx(seeds.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 5), np.uint8))
    for box, pixels in connected_parts(joined.view(np.bool_)):
        for dx, dy in shifts:
            extent, shift = (box.height, abs(dy)) if dy else (box.width, abs(dx))
            if abs(extent - shift) <= _SLACK and _continues(before, after, box, dx, dy):
                found[box.slices] |= pixels
    return found


def _continues(before: Array, after: Array, box: Box, dx: int, dy: int) -> bool:
    """Whether a box is constant along the shift and equal to the before page at the shift."""
    source = box.shifted(dx, dy)
    if source.intersection(Box(0, 0, before.shape[1], before.shape[0])) != source:
        return False
    here, there = after[box.slices].astype(np.int16), before[source.slices].astype(np.int16)
    along = np.diff(here, axis=0 if dy else 1)
    constant = (np.abs(along).max(axis=2, initial=0) <= _SAME).mean() if along.size else 1.0
    equal = (np.abs(here - there).max(axis=2) <= _SAME).mean()
    return bool(constant >= _MOSTLY and equal >= _MOSTLY)
