"""Figures as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from onediff_core.evaluation.report import Figure, Result
    from onediff_core.evaluation.study import Study


def number(value: float | None, digits: int = 3) -> str:
    """A cell; "-" for what is not defined."""
    return "-" if value is None else f"{value:.{digits}f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(study: Study, results: Sequence[Result], command: str) -> str:
    """All tables of a run, with what it was run on.

    Args:
        study: what was scored.
        results: of `report.evaluate`.
        command: that was given.
    """
    changed = [sum(flag is wanted for flag in study.changed) for wanted in (True, False, None)]
    pairs = f"{len(study.pairs)} pairs in {len(set(study.groups))} groups"
    verdicts = f"{changed[0]} changed, {changed[1]} not" + (f", {changed[2]} unknown" if changed[2] else "")
    figures = [figure for result in results for of in result.figures.values() for figure in of.values()]
    resampled = " In brackets 95 % of the resamples of groups." if any(f.low is not None for f in figures) else ""
    parts = ["# Evaluation", f"`{command}`", f"{pairs}: {verdicts}.{resampled}"]
    parts += [f"- {gap.line()}" for gap in study.gaps]
    if some := study.contradicting:
        more = f" and {len(some) - 10} more" if len(some) > 10 else ""
        parts.append(f"- the captions of {len(some)} references contradict the rest: {', '.join(some[:10])}{more}")
    parts += [_section(result) for result in results]
    return "\n\n".join(parts) + "\n"


def _section(result: Result) -> str:
    lines = [f"## {result.protocol.name}: {result.protocol.title}"]
    if "" in result.left_out:
        return "\n\n".join([*lines, f"Left out: {result.left_out['']}. It needs {result.protocol.needs}."])
    if result.figures:
        lines.append(_table(result))
    notes = [f"- {name}: left out: {why}" for name, why in result.left_out.items()]
    notes += [f"- {text}" for text in _notes(result)]
    return "\n\n".join([*lines, *(["\n".join(notes)] if notes else [])])


def _table(result: Result) -> str:
    names = list(dict.fromkeys(measure for figures in result.figures.values() for measure in figures))
    head = [f"{_pairs(result)} pairs", *(f"{name}{_count(result, name)}" for name in names)]
    rows = [
        [method, *(figures[name].cell() if name in figures else "-" for name in names)]
        for method, figures in result.figures.items()
    ]
    return markdown(head, rows)


def _pairs(result: Result) -> str:
    counts = {len(scores.pairs) for scores in result.scores.values()}
    return "/".join(map(str, sorted(counts)))


def _count(result: Result, name: str) -> str:
    """How many a figure is of, where that is not all pairs and is the same for all methods."""
    counts = {figures[name].count for figures in result.figures.values() if name in figures}
    pairs = {len(scores.pairs) for scores in result.scores.values()}
    return f" (of {counts.pop()})" if len(counts) == 1 and counts != pairs else ""


def _notes(result: Result) -> list[str]:
    """What to know, once where it is the same for all methods."""
    by_note: dict[str, list[str]] = {}
    for name, scores in result.scores.items():
        for note in scores.notes:
            by_note.setdefault(note, []).append(name)
    for name, figures in result.figures.items():
        for measure, reason in _undefined(figures).items():
            by_note.setdefault(f"no {measure}: {reason}", []).append(name)
    everyone = len(result.scores)
    return [note if len(names) == everyone else f"{', '.join(names)}: {note}" for note, names in by_note.items()]


def _undefined(figures: Mapping[str, Figure]) -> dict[str, str]:
    return {name: figure.reason for name, figure in figures.items() if figure.value is None and figure.reason}
