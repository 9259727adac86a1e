"""What lies beside weights that are passed on: a model card, their licence and a notice.

Every figure of the card comes from a run, from a report beside one, or from what was measured of the files themselves.
What there is no report of is said to be missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any, Final

from onediff_core.training.evaluation import LEAST_PX
from onediff_core.training.head.plan import RUN
from onediff_core.training.logs import read_log
from onediff_core.training.network import HEADS
from onediff_core.training.reports import read_report
from onediff_core.training.sets import TRAINING_SETS, VALIDATION_SETS
from onediff_core.training.settings import SETTINGS_NAME, DenseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from onediff_core.heads.base import Head
    from onediff_core.training.evaluation import DenseScores
    from onediff_core.training.reports import Ablated

CARD: Final = "MODEL_CARD.md"
_AS_THEY_ARE: Final = ("LICENSE", "NOTICE")
# What a whole OneDiff of ours has beside its base.
RELEASED_HEADS: Final = (*HEADS, "ui.kind")
MISSING: Final = "Not in these weights"
UNNAMED: Final = "a machine that nobody named"
_LEVIR_CC: Final = "LEVIR-CC, academic use, not commercial"


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Scores on pairs that nothing was chosen on.

    Attributes:
        pairs: how many.
        scores: on them.
    """

    pairs: int
    scores: DenseScores


@dataclass(frozen=True, kw_only=True)
class Release:
    """Weights and where they come from.

    Attributes:
        name: of the weights.
        heads: that are stored.
        sizes: training set -> pairs.
        dense: folder of the run of the dense stage.
        scored: set -> scores of the heads as they are stored.
        stages: that the language model was trained in, or none.
        words: folder of the run of the last of them, or None.
        trained_alone: head -> its folder, as `onediff train head` left it.
        ablations: what was left out, and what came of it.
        machine: that it was trained on, in words.
    """

    name: str
    heads: Sequence[Head]
    sizes: Mapping[str, int]
    dense: Path
    scored: Mapping[str, Scored]
    stages: tuple[str, ...] = ()
    words: Path | None = None
    trained_alone: Mapping[str, Path] = field(default_factory=dict)
    ablations: Sequence[Ablated] = ()
    machine: str = UNNAMED

    @property
    def missing(self) -> tuple[str, ...]:
        """What a whole OneDiff of ours has and these weights have not."""
        held = {head.config.name for head in self.heads}
        lacking = tuple(f"`{name}`" for name in RELEASED_HEADS if name not in held)
        return lacking if self.stages else (*lacking, "a language model")


def release_papers(release: Release) -> dict[str, str]:
    """Texts to store beside weights.

    Args:
        release: the weights.

    Returns:
        File name -> text.
    """
    card = Template(_template(CARD).read_text(encoding="utf-8")).substitute(
        name=release.name,
        parts=_SPEAKS if release.stages else _SEES,
        missing=f"\n{MISSING}: {', '.join(release.missing)}.\n" if release.missing else "",
        heads="\n".join(_head_row(head) for head in release.heads),
        data="\n".join(_data_rows(release)),
        dense=_dense_run(release.dense),
        training="\n".join(_further_runs(release)),
        machine=release.machine,
        scores="\n".join(_score_row(name, of_set) for name, of_set in release.scored.items()),
        blob=LEAST_PX,
        choices="; ".join(_choice(head) for head in release.heads if _was_tuned(head)),
        reports="\n".join(_reports(release)),
        ablations="\n".join(_ablations(release.ablations)),
        limits=_SPOKEN_LIMITS if release.stages else _MUTE_LIMITS,
    )
    return {CARD: card, **{name: _template(name).read_text(encoding="utf-8") for name in _AS_THEY_ARE}}


def _template(name: str) -> Traversable:
    return resources.files("onediff_core.training") / "release" / name


_SPEAKS: Final = (
    "It is a whole OneDiff: a siamese EfficientNet-Lite0 cut at 1/32, a Visual Delta Module, a small language model "
    "that says what differs, and heads."
)
_SEES: Final = (
    "It is the part of OneDiff that sees: a siamese EfficientNet-Lite0 cut at 1/32, and heads on it. **It finds and "
    "does not speak**: its language model is not trained, so captions come from templates."
)
_SPOKEN_LIMITS: Final = (
    "- Speak of what its heads did not find: the verdict and the places are theirs. It knows a few hundred words, and "
    "names what it does not know by one that it does."
)
_MUTE_LIMITS: Final = "- Say what it sees, or what a thing is beyond the classes above."


# --- what it is made of ---


def _head_row(head: Head) -> str:
    config = head.config
    scale = config.gsd_range_m
    made_for = "any scale" if scale is None else f"{scale[0]:g} to {scale[1]:g} m a pixel; finer images are reduced"
    if config.least_m2:
        least = (
            f"{config.least_m2:g} m², or {config.least_m2 / config.assumed_gsd_m**2:g} px where the scale is not known"
        )
        made_for += f"; blobs of less than {least}, are nothing"
    made_for += "" if config.enlarge == 1 else f"; all are then shown {config.enlarge:g} times as large"
    for other, most in config.yields_to.items():
        made_for += f"; beside `{other}` it leaves to it what is no more than {most:g} times as large as its things"
    return f"| `{config.name}` | {config.task} | {', '.join(config.classes)} | {made_for} |"


def _data_rows(release: Release) -> Iterator[str]:
    for entry in TRAINING_SETS:
        labels = ", ".join((entry.mask, *entry.empty))
        yield f"| {entry.name} | {release.sizes[entry.name]} | {labels} | {entry.licence} |"
    for entry in VALIDATION_SETS:
        yield f"| half of {entry.name} | - | operating points | {entry.licence} |"
    if release.stages:
        yield f"| levir_tiles, and the same half of levir_val | - | captions | {_LEVIR_CC} |"
        yield f"| sentences without images | - | captions of LEVIR-CC | {_LEVIR_CC} |"
        yield "| sentences without images | - | Spot-the-Diff, Image-Editing-Request | research; none stated |"


def _dense_run(run: Path) -> str:
    """The command of a dense run, and how far it came."""
    settings = json.loads((run / SETTINGS_NAME).read_text(encoding="utf-8"))
    last = [line for line in read_log(run) if "pairs/seen" in line][-1]
    minutes = last["seconds"] / 60
    words = ["onediff train dense --data SETS --out RUN", f"--minutes {round(minutes, 1):g}"]
    words += [f"--scene {name}={share:g}" for name, share in settings.get("scenes", {}).items()]
    words += _assignments(settings)
    return f"`{' '.join(words)}`: {last['step']:,} steps, {last['pairs/seen']:,} pairs, {_minutes(minutes)}"


def _assignments(settings: Mapping[str, Any]) -> Iterator[str]:
    """`--set` of what is not as it is by default."""
    defaults = DenseSettings().model_dump(mode="json")
    for name, value in settings.items():
        if name in defaults and name != "scenes" and value != defaults[name]:
            yield f"--set {name}={json.dumps(value) if isinstance(value, (list, dict)) else value}"


def _further_runs(release: Release) -> Iterator[str]:
    if release.stages:
        stages = ", ".join(release.stages)
        yield f"- Words, in the stages {stages} (`onediff train words STAGE`){_length(release.words)}."
    for head, folder in release.trained_alone.items():
        yield f"- `{head}`, alone on the rest as it is (`onediff train head {head}`){_length(folder / RUN)}."


def _length(run: Path | None) -> str:
    log = [] if run is None else [line for line in read_log(run) if "pairs/seen" in line]
    if not log:
        return "; its log was not kept"
    return f"; the last run: {log[-1]['step']:,} steps, {_minutes(log[-1]['seconds'] / 60)}"


def _minutes(value: float) -> str:
    return f"{value:.1f} minutes"


# --- what it reaches ---


def _score_row(name: str, scored: Scored) -> str:
    of = scored.scores
    values = (of.precision, of.recall, of.f1, of.tnr, of.pair_recall, of.direction)
    return f"| {name}, held-out half | {scored.pairs} | {' | '.join(map(_number, values))} |"


def _was_tuned(head: Head) -> bool:
    return head.config.task == "mask" and any(entry.mask in head.config.classes for entry in VALIDATION_SETS)


def _choice(head: Head) -> str:
    config, calibration = head.config, head.calibration
    added = "/".join(f"{value:+.2f}" for value in dict.fromkeys(calibration.bias.tolist()))  # type: ignore[operator,union-attr]
    return f"`{config.name}` {added} on the logits of pairs at {config.enlarge:g} times the size"


def _reports(release: Release) -> Iterator[str]:
    """A table of all that was reported of runs beside the dense one."""
    named = {f"`{head}`": folder for head, folder in release.trained_alone.items()}
    if release.words is not None:
        named = {"words": release.words, **named}
    for name, folder in named.items():
        scores = read_report(folder)
        yield (
            f"| {name} | - | no report was kept beside the run |"
            if not scores
            else "\n".join(f"| {name} | {what} | {_number(value)} |" for what, value in scores.items())
        )
    if release.words is None:
        yield "| words | - | there are none |"
    lacking = [name for name in RELEASED_HEADS if name not in {*HEADS, *release.trained_alone}]
    for name in lacking:
        yield f"| `{name}` | - | not trained |"


def _ablations(runs: Sequence[Ablated]) -> Iterator[str]:
    if not runs:
        yield "None was measured for these weights, and there was one run with one seed."
        return
    columns = list(dict.fromkeys(name for run in runs for name in run.scores))
    yield f"| what was trained | seed | steps | {' | '.join(columns)} |"
    yield f"|---|---|---|{'---|' * len(columns)}"
    for run in runs:
        values = " | ".join(_number(run.scores.get(name)) for name in columns)
        yield f"| {run.name} | {run.seed} | {run.steps:,} | {values} |"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
