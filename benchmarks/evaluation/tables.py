"""Tallies as Markdown: one table per group of sets, and the one line per set at the top of the page."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from evaluation.ours import DETECTORS
from evaluation.scores import IOU_LEVELS, Tally
from evaluation.sets import TUNING
from onediff_core.evaluation.tables import markdown, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluation.sets import Group

    # What was asked (a half, a set) -> method -> counts; ours comes first.
    Tallies = dict[str, dict[str, Tally]]
    Cell = Callable[[dict], str]


def counted(part: int, whole: int) -> str:
    """Such as "43 of 45"; "-" of nothing."""
    return f"{part} of {whole}" if whole else "-"


def regions(figures: dict, level: float) -> str:
    """F1 and the counts that it is made of."""
    found = figures["regions"][str(level)]
    if not found["true"]:
        return f"- ({found['found']} found)"
    return f"{number(found['f1'])} ({found['matched']} of {found['true']}, {found['found']} found)"


def percent(value: float | None) -> str:
    """A share."""
    return "-" if value is None else f"{value:.1%}".replace("%", " %")


COMMON: dict[str, Cell] = {
    "right verdicts": lambda f: counted(f["right"], f["judged"]),
    "unchanged told so": lambda f: counted(f["quiet"], f["still"]),
    "failed": lambda f: str(f["failed"]),
    "ms a pair": lambda f: number(f["ms"], 0 if (f["ms"] or 0) >= 10 else 1),
}
REGIONS: dict[str, Cell] = {
    f"region F1 at IoU {level}": lambda f, level=level: regions(f, level) for level in IOU_LEVELS
}
COLUMNS: dict[str, dict[str, Cell]] = {
    "mask": {
        "precision": lambda f: number(f["precision"]),
        "recall": lambda f: number(f["recall"]),
        "F1": lambda f: number(f["f1"]),
        "IoU": lambda f: number(f["iou"]),
        "mean pair IoU": lambda f: number(f["mean_iou"]),
        **REGIONS,
        **COMMON,
        "of that detecting": lambda f: number(f["detecting_ms"], 0),
    },
    "boxes": {**REGIONS, "flagged outside": lambda f: percent(f["outside"]), **COMMON},
    "none": {
        "changed": lambda f: str(f["flagged"]),
        "undecided": lambda f: str(f["undecided"]),
        "pixels flagged": lambda f: percent(f["share"]),
        **COMMON,
    },
}


def table(group: Group, tallies: Tallies) -> str:
    """The Markdown table of a group."""
    if group.table == "verdict":
        return verdict_table(tallies)
    columns = COLUMNS[group.table]
    rows = [
        [f"{label}: {tally.pairs}", method, *(cell(tally.figures()) for cell in columns.values())]
        for label, methods in tallies.items()
        for method, tally in methods.items()
    ]
    return markdown(["pairs", "method", *columns], rows)


def verdict_table(tallies: Tallies) -> str:
    """A row per set and a column per method: right verdicts, and in brackets unchanged pairs told so.

    Sets of one family, by the first word of their names, have their sum below them.
    """
    rows = []
    for family, labels in itertools.groupby(tallies, key=lambda label: label.split("_")[0]):
        part = {label: tallies[label] for label in labels}
        rows += [_verdict_row(label, methods) for label, methods in part.items()]
        if len(part) > 1:
            rows.append(_verdict_row(f"**{family}, all**", pooled(part)))
    total = pooled(tallies)
    if len(tallies) > 1:
        rows.append(_verdict_row("**all**", total))
    figures = [tally.figures() for tally in total.values()]
    rows.append(["balanced accuracy", *(number(found["balanced"]) for found in figures)])
    rows.append(["ms a pair", *(COMMON["ms a pair"](found) for found in figures)])
    return markdown(["pairs", *total], rows)


def _verdict_row(label: str, methods: dict[str, Tally]) -> list[str]:
    pairs = next(iter(methods.values())).pairs
    return [f"{label}: {pairs}", *(_verdicts(tally) for tally in methods.values())]


def _verdicts(tally: Tally) -> str:
    text = f"{tally.right}/{tally.judged}"
    if 0 < tally.still < tally.judged:
        text += f" ({tally.quiet}/{tally.still})"
    return text + (f", {tally.failed} failed" if tally.failed else "")


def pooled(tallies: Tallies) -> dict[str, Tally]:
    """Counts over all labels, by method."""
    total: dict[str, Tally] = {}
    for methods in tallies.values():
        for method, tally in methods.items():
            total[method] = total[method].joined(tally) if method in total else tally
    return total


# --- the overview -----------------------------------------------------------------------------------------------------

GLANCE = ("set", "domain", "what", "ours", "best peer", "ours, ms", "that peer, ms")


def glance(group: Group, tallies: Tallies) -> list[str] | None:
    """One row: our detector and the best peer by the group's main measure; None where nothing is measured."""
    if group.table == "none":
        return None
    label = next((label for label in tallies if label != TUNING), "")
    methods = pooled(tallies) if group.table == "verdict" else tallies[label]
    what, read = _measure(group)
    scored = {name: (read(tally.figures()) or 0.0, tally) for name, tally in methods.items()}
    ours, *others = scored
    peers = [name for name in others if name.partition(",")[0] not in DETECTORS]
    best = max(peers, key=lambda name: scored[name][0], default=None)
    of = f", {label}" if label.endswith("half") else ""
    return [
        group.name + of,
        group.domain,
        what,
        _named(ours, scored),
        _named(best, scored) if best else "-",
        COMMON["ms a pair"](scored[ours][1].figures()),
        COMMON["ms a pair"](scored[best][1].figures()) if best else "-",
    ]


def _measure(group: Group) -> tuple[str, Callable[[dict], float | None]]:
    if group.name == "vcod":
        return "mean pair IoU", lambda f: f["mean_iou"]
    if group.table == "mask":
        return "pooled F1", lambda f: f["f1"]
    if group.table == "boxes":
        return f"region F1 at IoU {IOU_LEVELS[0]}", lambda f: f["regions"][str(IOU_LEVELS[0])]["f1"]
    return "balanced accuracy of verdicts", lambda f: f["balanced"]


def _named(method: str, scored: dict) -> str:
    return f"{scored[method][0]:.3f} `{method}`"
