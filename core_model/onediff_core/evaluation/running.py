"""A run of `onediff eval`: read, join, score, write, tell."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from onediff_core.errors import EvaluationError
from onediff_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from onediff_core.evaluation.answers import Answers
    from onediff_core.evaluation.captions.scoring import Tools
    from onediff_core.evaluation.study import Missing, TruthBy


def run(
    named: Sequence[tuple[str, Path]],
    place: Path,
    out: Path,
    *,
    command: str,
    baselines: Sequence[str] = (),
    protocols: Sequence[str] = (),
    missing: Missing = "refuse",
    swapped: Sequence[tuple[str, Path]] = (),
    swap: bool = False,
    truth: TruthBy = "auto",
    classes: Sequence[str] = (),
    still: tuple[int, ...] = (),
    ignored: tuple[int, ...] = (),
    split: str | None = None,
    vocabulary: Path | None = None,
    no_java: bool = False,
    resamples: int = 1000,
    workers: int | None = None,
) -> None:
    """Score, write, and print the tables; arguments as the options of the command.

    Raises:
        EvaluationError: files do not fit.
        ExportError: the folder cannot be written.
    """
    try:
        import scipy  # type: ignore[import-untyped]  # noqa: F401  # of the matching and the ranks
    except ImportError as error:
        raise MissingDependencyError("scipy", "onediff eval", "onediff-core[eval]") from error
    from onediff_core.evaluation import report, tables, writing
    from onediff_core.evaluation.answers import read_answers
    from onediff_core.evaluation.references import References
    from onediff_core.evaluation.study import BASELINES, Study

    writing.check_replaceable(out)
    _refuse_twice([*(name for name, _ in named), *baselines])
    references = References(place, classes=classes, still=still, ignored=ignored, split=split)
    answers = [read_answers(name, path) for name, path in named] + [BASELINES[name](references) for name in baselines]
    if not answers:
        raise EvaluationError("there is nothing to score: give RESULTS, --results NAME=PATH or --baseline no-change")
    exchanged = _exchanged(named, swapped, out, swap=swap, workers=workers)
    tools, no_tools = _tools(no_java)
    study = Study(
        references,
        answers,
        swapped=exchanged,
        missing=missing,
        tools=tools,
        no_tools=no_tools,
        truth_by=truth,
        vocabulary=[text for pair in References(vocabulary).pairs for text in pair.captions] if vocabulary else (),
    )
    _warn(study, answers)
    results = report.evaluate(study, protocols, resamples=resamples, told=lambda name: _tell(f"scoring {name} ..."))
    sources = {of.name: of.source for of in answers}
    about = {"command": command, "sources": sources, "missing": missing, "resamples": resamples}
    for line in writing.write(study, results, out, about):
        _tell(line)
    click.echo(tables.page(study, results, command))
    _tell(f"look at {out / writing.SHEET}; the tables are in {out / writing.TABLES}")


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _refuse_twice(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise EvaluationError(f"two methods are called {name!r}: name them with --results NAME=PATH")
        seen.add(name)


def _exchanged(
    named: Sequence[tuple[str, Path]],
    swapped: Sequence[tuple[str, Path]],
    out: Path,
    *,
    swap: bool,
    workers: int | None,
) -> dict[str, Answers]:
    """By method, what it answers to exchanged images."""
    from onediff_core.evaluation.answers import read_answers
    from onediff_core.evaluation.swapping import run_swapped
    from onediff_core.evaluation.writing import KEPT
    from onediff_plugins import console

    known = dict(named)
    if strange := [name for name, _ in swapped if name not in known]:
        raise EvaluationError(
            f"--swapped names {strange[0]!r}, which is no method: there are {', '.join(known) or 'none'}"
        )
    found = dict(swapped)
    if swap:
        for name, path in named:
            if name not in found:
                _tell(f"comparing the pairs of {name} with their images exchanged ...")
                found[name] = run_swapped(path, out / KEPT / name, workers=workers, progress=console.progress)
    return {name: read_answers(name, path) for name, path in found.items()}


def _tools(no_java: bool) -> tuple[Tools | None, str]:
    """Who takes captions apart, and why not Java, or why nobody."""
    from onediff_core.evaluation.captions import java
    from onediff_core.evaluation.captions.scoring import Tools

    with contextlib.suppress(EvaluationError):
        return Tools.here(java_allowed=not no_java), "as was asked" if no_java else java.missing()
    return None, f"{java.missing()}: pip install 'onediff-core[eval]'"


def _warn(study: Any, answers: Sequence[Answers]) -> None:
    """What is missing, before anything is scored."""
    for gap in study.gaps:
        _tell(f"onediff: {gap.line()}")
    for of in answers:
        if of.empty:
            some = ", ".join(of.empty[:5])
            _tell(f"onediff: {of.name}: {len(of.empty)} captions are empty, such as that of {some}")
