"""The pieces of an aligned pair, read back from what has no counterpart."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from onediff_plugins.types import Box, Piece
from onediff_ui.registration import align_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import Array, BoolArray, ImagePair
    from onediff_ui.settings import UiSettings


def pieces_of(pair: ImagePair, before: Array, aligned: Array, settings: UiSettings) -> Sequence[Piece]:
    """The pieces that an aligned pair was put together from.

    Order is kept down each column, and no row is used twice: the matched rows of a column are, one after the other,
    the matched rows of the same column before. Where pieces also went sideways this does not hold, which the pixels
    tell; the pair is aligned again then.

    Args:
        pair: aligned by pieces.
        before: (Hb, Wb, 3) uint8, what a screen shows of `pair.before`.
        aligned: (H, W, 3) uint8, what a screen shows of `pair.before_on_after`.
        settings: those that the pair was aligned with.
    """
    if pair.unmatched_after is None or pair.unmatched_before is None:
        return ()
    found = _from_columns(~pair.unmatched_after, ~pair.unmatched_before)
    if found is not None and all(
        np.array_equal(before[piece.before_box.slices], aligned[piece.after_box.slices]) for piece in found
    ):
        return found
    return align_pair(pair, settings).pieces or ()


def _from_columns(matched_after: BoolArray, matched_before: BoolArray) -> list[Piece] | None:
    """Pieces under the assumption that nothing went sideways; None where the columns do not allow it."""
    width = max(matched_after.shape[1], matched_before.shape[1])
    after, before = _widened(matched_after, width), _widened(matched_before, width)
    breaks = (after[:, 1:] != after[:, :-1]).any(axis=0) | (before[:, 1:] != before[:, :-1]).any(axis=0)
    cuts = [0, *(int(x) + 1 for x in np.flatnonzero(breaks)), width]
    found = []
    for x0, x1 in itertools.pairwise(cuts):
        rows_after, rows_before = np.flatnonzero(after[:, x0]), np.flatnonzero(before[:, x0])
        if len(rows_after) != len(rows_before):
            return None
        if not len(rows_after):
            continue
        shift = rows_before - rows_after
        starts = np.flatnonzero((np.diff(shift, prepend=shift[0] - 1) != 0) | (np.diff(rows_after, prepend=-2) != 1))
        for first, last in itertools.pairwise([*(int(s) for s in starts), len(shift)]):
            box = Box(x0, int(rows_after[first]), x1, int(rows_after[last - 1]) + 1)
            found.append(Piece(box, 0, int(shift[first])))
    return found


def _widened(mask: BoolArray, width: int) -> BoolArray:
    return np.pad(mask, ((0, 0), (0, width - mask.shape[1])))
