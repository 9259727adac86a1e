"""How sure a figure is: its interval over resamples of the groups of pairs that it was measured on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES: Final = 500
LEVEL: Final = 0.95


def resampled(groups: Sequence[str], times: int = RESAMPLES) -> list[list[int]]:
    """Numbers of pairs: all of them, then as a bootstrap draws them: as many groups as there are, with replacement.

    Args:
        groups: of each pair; pairs of one group show the same place, and stay together.
        times: how many resamples.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993; groups as Cameron et al., 2008.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    places = list(members.values())
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(places), size=(times, len(places))) if places else np.zeros((0, 0), int)
    return [list(range(len(groups))), *([number for at in row for number in places[at]] for row in drawn)]


@dataclass(frozen=True)
class Measured:
    """A figure with the interval that a bootstrap over groups gives it.

    Attributes:
        value: of the pairs as they are.
        low: 2.5 % of the resamples lie below.
        high: 2.5 % lie above.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Measured:
        """A figure of all pairs, and after it of each resample."""
        # One of the values: a ratio to nothing is infinite, and nothing lies between that and another.
        low, high = np.quantile(values[1:], ((1 - LEVEL) / 2, (1 + LEVEL) / 2), method="inverted_cdf")
        return cls(float(values[0]), float(low), float(high))

    def cell(self, digits: int) -> str:
        """As a table has it."""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"
