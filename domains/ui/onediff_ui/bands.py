"""Which columns of a page move together: tiles choose a shift, neighbours are asked to agree.

The labelling is semi-global matching (Hirschmüller, IEEE TPAMI 2008) along the four axis directions, with one penalty
for every disagreement: coarse, but enough to tell a side bar from the column beside it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array, FloatArray

TILE_W: Final = 16
TILE_H: Final = 8
# Mean mismatch of a tile that a neighbour's shift is worth: about two tiles of lost text.
_PENALTY: Final = 16.0
# Blank tiles fit everywhere; they stay in place unless their neighbours pull.
_MOVE_BIAS: Final = 0.005
# A tile that costs more than this share of its own texture under every shift is lost rather than moved.
_LOST_SHARE: Final = 0.5
_LOST_FLOOR: Final = 0.2
# Columns part where at least so many rows in a row disagree.
_MIN_SPLIT: Final = 3


def strip_sums(cost: Array) -> FloatArray:
    """Sums over strips of `TILE_W` columns, row by row.

    Args:
        cost: (H, W) uint8.

    Returns:
        (H, strips) float64; the last strip may be narrower.
    """
    # A box filter anchored at its left end, read at every strip's first column, is the fastest sum there is.
    sums = cv2.boxFilter(cost, cv2.CV_32F, (TILE_W, 1), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return sums[:, ::TILE_W].astype(np.float64)


def column_bands(strips: FloatArray, texture: FloatArray) -> tuple[list[tuple[int, int]], list[int]]:
    """Ranges of strips whose content moves alike; where nothing fits, nothing is said.

    Args:
        strips: (K, H, S) mismatch per candidate shift, "in place" first, from `strip_sums`.
        texture: (H, S) what losing each pixel costs, from `strip_sums`.

    Returns:
        (first, last) ranges of strips, last exclusive, that cover all of them from left to right; and the numbers of
        the shifts that some tile follows, 0 always among them.
    """
    lost = _LOST_SHARE * texture + _LOST_FLOOR * TILE_W
    costs = np.stack([_tile_means(cost) for cost in (*strips, lost)], axis=2)
    labels = _label_tiles(costs)
    known = labels < len(strips)
    apart = _longest_run((labels[:, 1:] != labels[:, :-1]) & known[:, 1:] & known[:, :-1])
    cuts = [0, *(int(i + 1) for i in np.flatnonzero(apart >= _MIN_SPLIT)), strips.shape[2]]
    followed = sorted({0, *(int(label) for label in np.unique(labels[known]))})
    return list(itertools.pairwise(cuts)), followed


def _tile_means(strips: FloatArray) -> FloatArray:
    """(rows of tiles, S) mean cost of a pixel."""
    starts = np.arange(0, len(strips), TILE_H)
    means: FloatArray = np.add.reduceat(strips, starts, axis=0) / (TILE_H * TILE_W)
    return means


def _label_tiles(costs: FloatArray) -> Array:
    """(rows, columns) number of the shift that each tile follows, from (rows, columns, K) costs."""
    costs = costs.copy()
    costs[:, :, 1:] += _MOVE_BIAS
    total = _aggregate(costs) + _aggregate(costs[::-1])[::-1]
    across = costs.swapaxes(0, 1)
    total += (_aggregate(across) + _aggregate(across[::-1])[::-1]).swapaxes(0, 1)
    labels: Array = total.argmin(axis=2)
    return labels


def _aggregate(costs: FloatArray) -> FloatArray:
    """Path costs along the first axis."""
    paths = costs.copy()
    for index in range(1, len(costs)):
        before = paths[index - 1]
        lowest = before.min(axis=1, keepdims=True)
        paths[index] += np.minimum(before - lowest, _PENALTY)
    return paths


def _longest_run(flags: Array) -> Array:
    """Length of the longest run of True in each column."""
    run = np.zeros(flags.shape[1], dtype=np.int64)
    longest = run.copy()
    for row in flags:
        run = (run + 1) * row
        longest = np.maximum(longest, run)
    return longest
