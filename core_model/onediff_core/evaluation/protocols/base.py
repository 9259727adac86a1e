"""What a protocol is: a name, what it needs, and how it scores each method of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from onediff_core.evaluation.study import Study

    Values = Sequence[float] | NDArray[Any]

Pairs = Sequence[int]


class LeftOutError(Exception):
    """A protocol cannot be scored; the message says what is lacking."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One figure.

    Attributes:
        name: as the tables have it.
        of: numbers of pairs, each as often as it counts -> the figure, or None where it is not defined.
        digits: that are shown.
        undefined: why the figure of all pairs is None, where it is.
        count: how many pairs or regions it is of, where that is not the number of pairs.
    """

    name: str
    of: Callable[[Pairs], float | None]
    digits: int = 3
    undefined: str = ""
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a protocol found of a method.

    Attributes:
        pairs: numbers, in the study, of the pairs that it is about; measures count within these.
        measures: figures.
        columns: name -> one value a pair of `pairs`, for the table of samples.
        notes: what a reader of the figures should know.
        extra: more for the JSON.
    """

    pairs: Sequence[int]
    measures: Sequence[Measure]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A way to score.

    Attributes:
        name: as it is asked for.
        title: of its table.
        needs: what of references and answers it reads.
        score: a study -> method -> scores; LeftOutError where something is lacking.
    """

    name: str
    title: str
    needs: str
    score: Callable[[Study], Mapping[str, Scores | LeftOutError]]


def ratio_of(name: str, parts: Values, wholes: Values, *, undefined: str, digits: int = 3) -> Measure:
    """A measure that is a sum over pairs by another.

    Args:
        name: of the measure.
        parts: of each pair.
        wholes: of each pair.
        undefined: why there is none where the wholes are nothing together.
        digits: that are shown.
    """
    part, whole = np.asarray(parts, float), np.asarray(wholes, float)

    def of(pairs: Pairs) -> float | None:
        total = float(whole[pairs].sum())
        return float(part[pairs].sum()) / total if total else None

    return Measure(name=name, of=of, digits=digits, undefined=undefined, count=int(whole.sum()))


def mean_of(name: str, values: Values, *, undefined: str, digits: int = 3) -> Measure:
    """A measure that is a mean over pairs; NaN where a pair has none."""
    known = np.asarray(values, float)
    has = ~np.isnan(known)
    return ratio_of(name, np.where(has, known, 0.0), has.astype(float), undefined=undefined, digits=digits)


def numbers_where(flags: Sequence[bool | None]) -> list[int]:
    """Numbers of those that are True."""
    return [number for number, flag in enumerate(flags) if flag]
