"""What runs leave behind to be told of: scores at the end, and runs that were left without something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_core.errors import TrainingError
from onediff_core.training.logs import read_log
from onediff_core.training.settings import SETTINGS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REPORT: Final = "report.json"
# What every line of a log has, and what is lost on the way: no scores.
_NO_SCORES: Final = ("loss/", "rate/", "pairs/", "wait/")


class Ablated(NamedTuple):
    """A run that is one of several alike.

    Attributes:
        name: what sets it apart.
        seed: of the run.
        steps: that it took.
        scores: at its end.
    """

    name: str
    seed: int
    steps: int
    scores: Mapping[str, float]


def read_report(folder: Path) -> dict[str, float]:
    """What a run reported at its end: the numbers of its report.json, those a level below as "held_out/label".

    Args:
        folder: of the run, or of a head.

    Returns:
        Nothing where it wrote no report.

    Raises:
        TrainingError: the file is damaged.
    """
    path = folder / REPORT
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return dict(_numbers(values))
    except (AttributeError, ValueError) as error:
        raise TrainingError(f"{path} is not a report of scores: {error}") from error


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{what}", number) for what, number in _numbers(value))
        elif isinstance(value, int | float):
            yield name, value


def read_ablations(folder: Path) -> list[Ablated]:
    """Runs in folders NAME/SEED or NAME-SEED, in the order of their names.

    Args:
        folder: that holds them.

    Raises:
        TrainingError: none, or one that has no scores.
    """
    runs = sorted(path.parent for path in folder.rglob(SETTINGS_NAME))
    if not runs:
        raise TrainingError(f"{folder} holds no runs: ablations lie in folders NAME/SEED, each a run of a stage")
    return [_ablated(run, str(run.relative_to(folder))) for run in runs]


def _ablated(run: Path, name: str) -> Ablated:
    log = read_log(run)
    scores = read_report(run) or _last_scores(log)
    if not scores:
        raise TrainingError(f"{run} has no scores: let its run come to its end")
    seed = json.loads((run / SETTINGS_NAME).read_text(encoding="utf-8"))["seed"]
    words = name.removesuffix(str(seed)).replace("-", " ").replace("/", " ").strip()
    return Ablated(words, seed, max((line["step"] for line in log), default=0), scores)


def _last_scores(log: list[dict[str, float]]) -> dict[str, float]:
    """Of the last line that has any."""
    for line in reversed(log):
        found = {name: value for name, value in line.items() if "/" in name and not name.startswith(_NO_SCORES)}
        if found:
            return found
    return {}
