"""How a column of a page moved: the cheapest sequence of shifts from its top to its bottom.

This is the alignment of two sequences of pixel rows (Needleman and Wunsch, 1970) restricted to a few known shifts,
which makes it exact and fast: rows are matched under one of the shifts, skipped in the after image (inserted) or in
the before image (removed). Order is kept and no before row is used twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import Array, FloatArray

_MAX_SWITCHES: Final = 12
_SLIDE: Final = 64  # rows that a seam without a gap may slide


class Segment(NamedTuple):
    """After rows y0 to y1 that follow shift number `shift`."""

    y0: int
    y1: int
    shift: int


@dataclass(frozen=True, kw_only=True)
class ColumnCosts:
    """What alignment of one column can cost.

    Attributes:
        dy: (K,) row shift of each candidate; number 0 is "in place".
        rows: (K, H) cost of matching each after row under each candidate.
        insert: (H,) cost of leaving an after row unmatched.
        remove: (H_before,) cost of leaving a before row unmatched.
        steps: (H,) how strong the edge above each after row is; gaps begin at strong edges.
        switch: cost of changing from one shift to another.
    """

    dy: Sequence[int]
    rows: FloatArray
    insert: FloatArray
    remove: FloatArray
    steps: FloatArray
    switch: float


class _Step(NamedTuple):
    """One round of the recursion: best cost with one more switch, and how each cell was reached."""

    cost: FloatArray  # (K, H + 1)
    arrived: Array  # (K, H + 1) row at which the current shift began, -1 where the earlier round is as good
    origin: Array  # (K, H + 1) shift before that


def segments(costs: ColumnCosts) -> tuple[float, list[Segment]]:
    """The cheapest path, from the top to the bottom.

    Args:
        costs: see `ColumnCosts`.

    Returns:
        Its cost, and its segments in order; after rows between two of them are inserted.
    """
    paths = _Paths(costs)
    rounds = [paths.start()]
    while len(rounds) <= _MAX_SWITCHES:
        following = paths.extend(rounds[-1].cost)
        if not (following.arrived >= 0).any():
            break
        rounds.append(following)
    total, found = paths.trace(rounds)
    return total, [segment for segment in paths.slide(found) if segment.y1 > segment.y0]


class _Paths:
    def __init__(self, costs: ColumnCosts) -> None:
        self.costs = costs
        self.count, self.height = costs.rows.shape
        self.matched = np.concatenate([np.zeros((self.count, 1)), np.cumsum(costs.rows, axis=1)], axis=1)
        self.inserted = np.concatenate([[0.0], np.cumsum(costs.insert)])
        removed = np.concatenate([[0.0], np.cumsum(costs.remove)])
        # removed_to[k, y]: cost of all before rows above the partner of after row y under shift k
        rows = np.arange(self.height + 1)
        self.removed_to = np.stack([removed[np.clip(rows + dy, 0, removed.size - 1)] for dy in costs.dy])
        self.removed_all = removed[-1]

    def start(self) -> _Step:
        """Paths without a switch: the top of the page is its top, a shifted start pays for what it skips."""
        cost = np.full((self.count, self.height + 1), np.inf)
        for k, dy in enumerate(self.costs.dy):
            y = min(max(-dy, 0), self.height)
            entry = self.inserted[y] + self.removed_to[k, y] + (self.costs.switch if k else 0.0)
            cost[k, y:] = entry + self.matched[k, y:] - self.matched[k, y]
        never = np.full(cost.shape, -1)
        return _Step(cost, never, never)

    def extend(self, cost: FloatArray) -> _Step:
        """The best paths with one more switch."""
        best = cost.copy()
        arrived = np.full(cost.shape, -1)
        origin = np.full(cost.shape, -1)
        rows = np.arange(self.height + 1)
        for k in range(self.count):
            entry = np.full(self.height + 1, np.inf)
            source = np.zeros(self.height + 1, dtype=np.int64)
            for j in range(self.count):
                if j == k:
                    continue
                arrival = self._arrival(cost, j, k)
                better = arrival < entry
                entry[better], source[better] = arrival[better], j
            entry -= self.matched[k]
            lowest = np.minimum.accumulate(entry)
            begun = np.maximum.accumulate(np.where(entry == lowest, rows, 0))
            reached = lowest + self.matched[k]
            better = reached < cost[k] - 1e-9
            best[k, better] = reached[better]
            arrived[k, better] = begun[better]
            origin[k, better] = source[begun[better]]
        return _Step(best, arrived, origin)

    def gap(self, j: int, k: int) -> int:
        """After rows that a switch from shift j to shift k leaves without a partner."""
        return max(self.costs.dy[j] - self.costs.dy[k], 0)

    def _arrival(self, cost: FloatArray, j: int, k: int) -> FloatArray:
        """Cost of standing at each row in shift k, just switched from j."""
        gap = self.gap(j, k)
        arrival = np.full(self.height + 1, np.inf)
        if gap > self.height:
            return arrival
        left = cost[j, : self.height + 1 - gap]
        skipped = self.inserted[gap:] - self.inserted[: self.height + 1 - gap]
        # Before rows between the two partners; none when rows were inserted.
        lost = np.maximum(self.removed_to[k, gap:] - self.removed_to[j, : self.height + 1 - gap], 0)
        arrival[gap:] = left + skipped + lost + self.costs.switch
        return arrival

    def trace(self, rounds: Sequence[_Step]) -> tuple[float, list[Segment]]:
        """The cheapest path, back from the bottom."""
        end = rounds[-1].cost[:, -1] + self.removed_all - self.removed_to[:, -1]
        k, y, step = int(end.argmin()), self.height, len(rounds) - 1
        found = []
        while step > 0:
            begun = int(rounds[step].arrived[k, y])
            if begun < 0:
                step -= 1
                continue
            previous = int(rounds[step].origin[k, y])
            found.append(Segment(begun, y, k))
            y, k, step = begun - self.gap(previous, k), previous, step - 1
        found.append(Segment(min(max(-self.costs.dy[k], 0), y), y, k))
        return float(end.min()), found[::-1]

    def slide(self, found: list[Segment]) -> list[Segment]:
        """Move each switch among equally good rows to the strongest edge: an inserted row begins at its border."""
        done = list(found)
        for index in range(1, len(done)):
            upper, lower = done[index - 1], done[index]
            gap = lower.y0 - upper.y1
            reach = max(gap, _SLIDE)
            first = max(upper.y0, upper.y1 - reach)
            rows = np.arange(first, min(lower.y1 - gap, upper.y1 + reach) + 1)
            total = self.matched[upper.shift, rows] - self.matched[lower.shift, rows + gap]
            good = rows[total <= total.min() + self.costs.switch / 50]
            edges = self.costs.steps[np.minimum(good, self.height - 1)]
            at = int(good[np.lexsort((np.abs(good - upper.y1), -edges))[0]])
            done[index - 1] = upper._replace(y1=at)
            done[index] = lower._replace(y0=at + gap)
        return done
