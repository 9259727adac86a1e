"""What lies beside weights of the dense stage that are passed on: a model card, their licence and a notice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Final

from onediff_core.training.evaluation import MIN_BLOB_PX
from onediff_core.training.logs import read_log
from onediff_core.training.sets import TRAINING_SETS
from onediff_core.training.settings import SETTINGS_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from onediff_core.heads.base import Head
    from onediff_core.training.evaluation import DenseScores

CARD: Final = "MODEL_CARD.md"
_AS_THEY_ARE: Final = ("LICENSE", "NOTICE")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Scores on pairs that nothing was chosen on.

    Attributes:
        pairs: how many.
        scores: on them.
    """

    pairs: int
    scores: DenseScores


def release_papers(
    run: Path,
    *,
    name: str,
    heads: Sequence[Head],
    sizes: Mapping[str, int],
    choices: Mapping[str, str],
    scored: Mapping[str, Scored],
) -> dict[str, str]:
    """Texts to store beside the weights of a run.

    Args:
        run: its folder.
        name: of the weights.
        heads: that are stored.
        sizes: training set -> pairs.
        choices: classes, as words -> what was chosen for them, as words.
        scored: set -> scores.

    Returns:
        File name -> text.
    """
    settings = json.loads((run / SETTINGS_NAME).read_text(encoding="utf-8"))
    last = [line for line in read_log(run) if "pairs/seen" in line][-1]
    minutes = round(last["seconds"] / 60)
    card = Template(_template(CARD).read_text(encoding="utf-8")).substitute(
        name=name,
        heads="\n".join(_head_row(head) for head in heads),
        data="\n".join(_data_row(entry.name, sizes) for entry in TRAINING_SETS),
        planned_minutes=minutes,
        steps=f"{last['step']:,}",
        pairs=f"{last['pairs/seen']:,}",
        minutes=minutes,
        seed=settings["seed"],
        scenes=", ".join(settings.get("scenes", {})) or "none",
        scores="\n".join(_score_row(name, of_set) for name, of_set in scored.items()),
        blob=MIN_BLOB_PX,
        choices="; ".join(f"{classes}: {said}" for classes, said in choices.items()),
    )
    return {CARD: card, **{name: _template(name).read_text(encoding="utf-8") for name in _AS_THEY_ARE}}


def _template(name: str) -> Traversable:
    return resources.files("onediff_core.training") / "release" / name


def _head_row(head: Head) -> str:
    scale, enlarge = head.config.gsd_range_m, head.config.enlarge
    made_for = "any scale" if scale is None else f"{scale[0]:g} to {scale[1]:g} m a pixel; finer images are reduced"
    made_for += "" if enlarge == 1 else f"; all are then shown {enlarge:g} times as large"
    return f"| `{head.config.name}` | {', '.join(head.config.classes)} | {made_for} |"


def _data_row(name: str, sizes: Mapping[str, int]) -> str:
    (entry,) = (entry for entry in TRAINING_SETS if entry.name == name)
    return f"| {name} | {sizes[name]} | {', '.join((entry.mask, *entry.empty))} | {entry.licence} |"


def _score_row(name: str, scored: Scored) -> str:
    of = scored.scores
    values = (of.precision, of.recall, of.f1, of.tnr, of.pair_recall, of.direction)
    return f"| {name}, held-out half | {scored.pairs} | {' | '.join(map(_number, values))} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
