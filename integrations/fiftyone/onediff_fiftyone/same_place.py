"""Which boxes of two lists are of one region: a run's and another's, or those of a record and of a newer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAME_PLACE: Final = 0.5  # intersection over union from which two boxes are of one region

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Regions of two runs on one pair.

    Attributes:
        pairs: (index in the first, index in the second) of the same regions, surest first.
        only_first: indices.
        only_second: indices.
    """

    pairs: tuple[tuple[int, int], ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    @property
    def agreement(self) -> float:
        """F1 of one run's regions with the other's, in [0, 1]; 1 where neither has any."""
        total = 2 * len(self.pairs) + len(self.only_first) + len(self.only_second)
        return 1.0 if total == 0 else 2 * len(self.pairs) / total


def match(first: Sequence[Box], second: Sequence[Box], least: float = SAME_PLACE) -> Matched:
    """The regions that two lists have in common: greedily, the largest overlap first, each region once.

    Args:
        first: boxes (x, y, width, height).
        second: the same.
        least: intersection over union from which two boxes are of one region.
    """
    overlaps = _overlaps(first, second)
    left, right = set(range(len(first))), set(range(len(second)))
    pairs = []
    for index in np.argsort(-overlaps, axis=None, kind="stable").tolist():
        i, j = divmod(index, len(second))
        if overlaps[i, j] < least:
            break
        if i in left and j in right:
            pairs.append((i, j))
            left.discard(i)
            right.discard(j)
    return Matched(pairs=tuple(pairs), only_first=tuple(sorted(left)), only_second=tuple(sorted(right)))


def _overlaps(first: Sequence[Box], second: Sequence[Box]) -> NDArray[np.float64]:
    """(len(first), len(second)) intersection over union."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    a, b = (np.array(side, np.float64) for side in (first, second))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    union = np.prod(a[:, 2:], axis=1)[:, None] + np.prod(b[:, 2:], axis=1)[None, :] - shared
    found: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return found
