"""Columns that move alike share one path; bands that need no path of their own join their neighbour."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from onediff_ui.layout import ColumnCosts, Segment, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import FloatArray

Band = tuple[int, int]
_REACH: Final = 6  # strips
_PARTING: Final = 8.0  # mismatch per row on which neighbours disagree


class _Solved(NamedTuple):
    band: Band
    cost: float
    path: list[Segment]


class Columns:
    """The costs of a page by strips of columns, ready to be summed over any band of them."""

    def __init__(
        self,
        *,
        dy: Sequence[int],
        mismatch: FloatArray,
        insert: FloatArray,
        remove: FloatArray,
        steps: FloatArray,
        switch: float,
    ) -> None:
        """Cumulate over strips.

        Args:
            dy: (K,) row shifts, "in place" first.
            mismatch: (K, H, S).
            insert: (H, S), see `ColumnCosts`.
            remove: (H_before, S_before); strips beyond the after page are left out.
            steps: (H, S).
            switch: see `ColumnCosts`.
        """
        self.dy = list(dy)
        self.switch = switch
        self.height = mismatch.shape[1]
        self._mismatch = _cumulated(mismatch)
        self._insert = _cumulated(insert)
        self._remove = _cumulated(remove)
        self._steps = _cumulated(steps)

    def rows(self, first: int, last: int) -> FloatArray:
        """(K, H) mismatch of a band, row by row; a row that was replaced costs no more than both its versions."""
        rows = _between(self._mismatch, first, last).copy()
        insert, remove = _between(self._insert, first, last), _between(self._remove, first, last)
        for number, dy in enumerate(self.dy):
            y0, y1 = max(0, -dy), min(self.height, len(remove) - dy)
            if y1 > y0:
                rows[number, y0:y1] = np.minimum(rows[number, y0:y1], insert[y0:y1] + remove[y0 + dy : y1 + dy])
        return rows

    def paths(self, bands: Sequence[Band]) -> list[tuple[Band, list[Segment]]]:
        """The best path of each band, after bands have joined where one path explains both about as well."""
        done: list[_Solved] = []
        for band in bands:
            if done and self._fits(done[-1], band):
                done[-1] = self._solve((done[-1].band[0], band[1]))
            else:
                done.append(self._solve(band))
        joint = [self._join(*pair) for pair in itertools.pairwise(done)]
        while joint:
            # The pair that is easiest to join goes first, lest a side bar take half of the column beside it.
            at = min(range(len(joint)), key=lambda i: joint[i][0])
            loss, together = joint[at]
            if loss > 0:
                break
            done[at : at + 2] = [together]
            around = slice(max(at - 1, 0), at + 2)
            joint[around] = [self._join(*pair) for pair in itertools.pairwise(done[around])]
        cuts = [0, *(self._cut(*pair) for pair in itertools.pairwise(done)), bands[-1][1]]
        return [
            ((first, last), solved.path)
            for (first, last), solved in zip(itertools.pairwise(cuts), done, strict=True)
            if last > first
        ]

    def _cut(self, left: _Solved, right: _Solved) -> int:
        """The strip between two bands at which their paths part best, near where they were found to part."""
        cut = left.band[1]
        near = range(max(left.band[0] + 1, cut - _REACH), min(right.band[1], cut + _REACH + 1))
        strips = range(near.start, near.stop - 1)
        totals = [0.0]
        for strip in strips:  # giving one more strip to the left path
            totals.append(
                totals[-1] + self._along(left.path, strip, strip + 1) - self._along(right.path, strip, strip + 1)
            )
        return min(near, key=lambda x: (totals[x - near.start], abs(x - cut)))

    def _along(self, path: list[Segment], first: int, last: int) -> float:
        """What a band costs on a path."""
        rows, cost = self.rows(first, last), _between(self._insert, first, last)
        for y0, y1, number in path:
            cost[y0:y1] = rows[number, y0:y1]
        return float(cost.sum())

    def _solve(self, band: Band) -> _Solved:
        rows = self.rows(*band)
        still = float(rows[0].sum())
        if still <= self.switch:
            return _Solved(band, still, [Segment(0, rows.shape[1], 0)])
        costs = ColumnCosts(
            dy=self.dy,
            rows=rows,
            insert=_between(self._insert, *band),
            remove=_between(self._remove, *band),
            steps=_between(self._steps, *band),
            switch=self.switch,
        )
        return _Solved(band, *segments(costs))

    def _join(self, left: _Solved, right: _Solved) -> tuple[float, _Solved]:
        """Two neighbours on one path, and what that loses."""
        together = self._solve((left.band[0], right.band[1]))
        return together.cost - left.cost - right.cost - self._parting(left, right), together

    def _parting(self, left: _Solved, right: _Solved) -> float:
        """What it must save to let two neighbours go different ways: more, the longer they do."""
        ways = np.zeros((2, self.height), np.int64) - 1
        for side, solved in enumerate((left, right)):
            for y0, y1, number in solved.path:
                ways[side, y0:y1] = number
        return self.switch / 2 + _PARTING * float(np.count_nonzero(ways[0] != ways[1]))

    def _fits(self, solved: _Solved, band: Band) -> bool:
        """Whether a band can follow its neighbour's path at hardly more than the least that it can cost."""
        rows, insert = self.rows(*band), _between(self._insert, *band)
        least = np.minimum(rows.min(axis=0), insert).sum()
        return bool(self._along(solved.path, *band) - least <= self.switch / 16)


def _cumulated(strips: FloatArray) -> FloatArray:
    """(S + 1, ..., H): sums of all strips to the left."""
    last_first = np.moveaxis(strips, -1, 0)
    return np.concatenate([np.zeros_like(last_first[:1]), np.cumsum(last_first, axis=0)])


def _between(cumulated: FloatArray, first: int, last: int) -> FloatArray:
    end = len(cumulated) - 1
    total: FloatArray = cumulated[min(last, end)] - cumulated[min(first, end)]
    return total
