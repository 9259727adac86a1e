"""What was found, as values: figures with their intervals, and one row a sample."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_core.evaluation.protocols.base import LeftOutError, Scores
from onediff_core.evaluation.resampling import LEVEL, Measured, resampled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onediff_core.evaluation.protocols.base import Measure, Protocol
    from onediff_core.evaluation.study import Study

SCHEMA: Final = "onediff.evaluation/1"
_PACKAGES: Final = ("onediff-plugins", "onediff-core", "pycocoevalcap", "numpy", "scipy")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of one method.

    Attributes:
        value: None where it is not defined.
        low: of its interval; None without one.
        high: likewise.
        count: how many pairs or regions it is of.
        digits: that are shown.
        reason: why it is not defined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    digits: int = 3
    reason: str = ""

    def cell(self) -> str:
        """As a table has it."""
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.{self.digits}f}"
        return Measured(self.value, self.low, self.high).cell(self.digits)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a protocol found.

    Attributes:
        protocol: which.
        figures: method -> measure -> figure.
        scores: method -> what it was made of.
        left_out: method -> why it was not scored; under "" why none was.
    """

    protocol: Protocol
    figures: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    scores: Mapping[str, Scores] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    study: Study,
    protocols: Sequence[str] = (),
    *,
    resamples: int = 1000,
    told: Callable[[str], None] | None = None,
) -> list[Result]:
    """Score a study.

    Args:
        study: what is scored.
        protocols: names; all unless given.
        resamples: of the intervals; 0 for none.
        told: called with the name of each protocol before it begins.

    Returns:
        In the order of the names.

    Raises:
        EvaluationError: a mask or a picture cannot be read or is of another size, or a tool in Java failed.
    """
    intervals = _Intervals(study.groups, resamples)
    results = []
    for name in protocols or PROTOCOLS:
        if told is not None:
            told(name)
        protocol = PROTOCOLS[name]
        try:
            found = protocol.score(study)
        except LeftOutError as error:
            results.append(Result(protocol=protocol, left_out={"": str(error)}))
            continue
        scores = {method: of for method, of in found.items() if isinstance(of, Scores)}
        results.append(
            Result(
                protocol=protocol,
                scores=scores,
                figures={
                    method: {measure.name: intervals.figure(of, measure) for measure in of.measures}
                    for method, of in scores.items()
                },
                left_out={method: str(why) for method, why in found.items() if isinstance(why, LeftOutError)},
            )
        )
    return results


class _Intervals:
    """Draws the resamples of each part of the pairs once."""

    def __init__(self, groups: Sequence[str], times: int) -> None:
        self._groups, self._times = groups, times
        self._drawn: dict[tuple[int, ...], list[Any]] = {}

    def figure(self, scores: Scores, measure: Measure) -> Figure:
        pairs = tuple(scores.pairs)
        if pairs not in self._drawn:
            drawn = resampled([self._groups[number] for number in pairs], self._times)
            self._drawn[pairs] = [np.array(some, int) for some in drawn]
        everything, *samples = self._drawn[pairs]
        value = measure.of(everything)
        count = len(pairs) if measure.count is None else measure.count
        if value is None:
            return Figure(value=None, count=count, digits=measure.digits, reason=measure.undefined)
        # Of a resample without, say, an unchanged pair there is no TNR: the interval is of those that have one.
        values = [found for some in samples if (found := measure.of(some)) is not None]
        whole = len({self._groups[number] for number in pairs}) > 1 and 2 * len(values) > self._times > 0
        measured = Measured.of([value, *values]) if whole else None
        return Figure(
            value=float(value),
            low=measured.low if measured else None,
            high=measured.high if measured else None,
            count=count,
            digits=measure.digits,
        )


def as_json(study: Study, results: Sequence[Result], about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was found, as plain JSON values.

    Args:
        study: what was scored.
        results: of `evaluate`.
        about: what else to keep, such as the command.
    """
    return {
        "schema": SCHEMA,
        **about,
        "references": str(study.references.path),
        "pairs": len(study.pairs),
        "groups": len(set(study.groups)),
        "changed": {
            "truth": study.truth_by,
            "pairs": sum(changed is True for changed in study.changed),
            "unchanged": sum(changed is False for changed in study.changed),
            "unknown": sum(changed is None for changed in study.changed),
        },
        "methods": sorted(study.answers),
        "gaps": [{"method": gap.method, "kind": gap.kind, "ids": list(gap.ids)} for gap in study.gaps],
        "captions": None if study.tools is None else {"java": study.tools.java},
        "interval": LEVEL,
        "protocols": {result.protocol.name: _result_json(result) for result in results},
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "title": result.protocol.title,
        "needs": result.protocol.needs,
        "left_out": dict(result.left_out),
        "methods": {
            name: {
                "pairs": len(result.scores[name].pairs),
                "figures": {measure: _figure_json(figure) for measure, figure in figures.items()},
                "notes": list(result.scores[name].notes),
                **result.scores[name].extra,
            }
            for name, figures in result.figures.items()
        },
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    known = {"value": figure.value, "low": figure.low, "high": figure.high, "count": figure.count}
    return known | ({"reason": figure.reason} if figure.reason else {})


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def sample_rows(study: Study, results: Sequence[Result]) -> list[dict[str, Any]]:
    """One row a pair and method: what was said, what is true, and what each protocol makes of it.

    Args:
        study: what was scored.
        results: of `evaluate`.
    """
    rows = []
    for name, answers in study.answers.items():
        of_method = [
            {
                "method": name,
                "id": pair.id,
                "group": pair.group,
                "true_changed": changed,
                "caption": answer.caption,
                "references": list(pair.captions),
                "failed": answer.failed or None,
            }
            for pair, answer, changed in zip(study.pairs, answers, study.changed, strict=True)
        ]
        for result in results:
            if name not in result.scores:
                continue
            scores = result.scores[name]
            for column, values in scores.columns.items():
                for number, value in zip(scores.pairs, values, strict=True):
                    of_method[number][f"{result.protocol.name}.{column}"] = _plain(value)
        rows += of_method
    names = list(dict.fromkeys(column for row in rows for column in row))
    return [{column: row.get(column) for column in names} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value.item() if isinstance(value, np.generic) else value
