"""From a user's folder to a head: reading, splitting, training, calibrating, saving."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from onediff_core.data.folder import PairFolder
from onediff_core.devices import torch_device
from onediff_core.errors import TrainingError
from onediff_core.heads import build_head
from onediff_core.layout import why_mute
from onediff_core.training.head import drawn, reading
from onediff_core.training.head import plan as plans
from onediff_core.training.head.base import FrozenBase
from onediff_core.training.head.crops import has_both_directions
from onediff_core.training.head.masks import MaskTask, gsd_range
from onediff_core.training.head.regions import RegionTask
from onediff_core.training.head.run import HeadRun
from onediff_core.training.head.split import Split, split
from onediff_core.training.head.tasks import Material
from onediff_core.training.head.verdicts import PairTask
from onediff_core.training.logs import plot_curves
from onediff_core.training.network import KINDS
from onediff_core.training.schedule import Budget
from onediff_core.training.settings import keep_settings
from onediff_plugins import Host
from onediff_plugins.atomic import write_atomically
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from onediff_core.data import Sample
    from onediff_core.heads import ChangeMaskHead
    from onediff_core.heads.base import Head
    from onediff_core.training.head.plan import HeadPlan
    from onediff_core.training.head.reading import Skipped
    from onediff_core.training.head.smallest import Smallest
    from onediff_core.training.head.tasks import Task

SKIPPED_NAME: Final = "skipped.jsonl"
REPORT_NAME: Final = "report.json"


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """How it went.

    Attributes:
        head: trained and calibrated.
        split: the pairs.
        skipped: pairs that could not be used.
        scores: of the calibrated head on what is held out.
        smallest: from which size on a blob counts, and why; None for other tasks than "mask".
        step: steps of the run in all.
        minutes: it took.
        stopped_early: whether it ended because nothing got better.
        domain: through whose stages pairs were read, or None where each pair's own.
        beside: mask head beside the base that has to be loaded, too, or None.
        silent: whether the base has no words, so that another captioner has to be named.
        names_found: whether it names what the domain's own detector finds, so that no other one has to be asked for.
        example: paths of a pair that was held out.
        curves: picture of the run, or None without matplotlib.
    """

    head: Head
    split: Split
    skipped: Sequence[Skipped]
    scores: Mapping[str, float]
    smallest: Smallest | None
    step: int
    minutes: float
    stopped_early: bool
    domain: str | None
    beside: str | None
    silent: bool
    names_found: bool
    example: tuple[str, str]
    curves: Path | None


@dataclass(frozen=True)
class Watcher:
    """Who is told how it goes.

    Attributes:
        reading: called with the number of pairs; gives what is called after each, with what is wrong with it or None.
        training: called after each step, with the progress in [0, 1] and the last scores.
    """

    reading: Callable[[int], Callable[[Any], None]] = field(default=lambda total: lambda skipped: None)
    training: Callable[[float, Mapping[str, float]], None] = field(default=lambda progress, scores: None)


def train_head(plan: HeadPlan, watcher: Watcher | None = None) -> Fitted:
    """Train a head on a frozen base from a user's pairs; a run that was stopped goes on.

    Args:
        plan: what is asked for.
        watcher: who is told how it goes.

    Raises:
        OneDiffError: what is asked for makes no sense, is not there, or cannot be learned from; the message says what
            to do. Nothing is written before all of it was checked.
    """
    watcher = watcher or Watcher()
    device, host = torch_device(plan.device), Host()
    domain = plans.domain_of(plan, host)
    checkpoint = plans.load_base(plan.base)
    beside = plans.mask_head_beside(plan, checkpoint)
    eye = reading.Eye(host=host, domain=domain, image_processor=checkpoint.image_processor)
    lesson = _drawn_lesson(plan, eye) if plan.scenes else _own_lesson(plan, eye, watcher)
    base = FrozenBase(checkpoint, device, plan.settings.precision)
    material = Material(
        base=base,
        classes=lesson.classes,
        training=lesson.split.training,
        held_out=lesson.split.held_out,
        settings=plan.settings,
        upright=plans.is_upright(plan, host, domain),
        swapped=has_both_directions(lesson.classes) if plan.settings.swap is None else plan.settings.swap,
    )
    evidence: Any = checkpoint.load_heads([beside])[beside] if beside and plan.task == "pair" else None
    if lesson.scenes is None:
        task = _task(plan.task, material, evidence and evidence.float().to(device).eval())
    else:
        task = drawn.region_task(lesson.scenes, lesson.classes, base, plan.settings)
    head = _new_head(plan, material, evidence and beside).to(device)

    folder = plan.out / plans.RUN
    folder.mkdir(parents=True, exist_ok=True)
    keep_settings(folder, _record(plan, material, evidence and beside), {})
    write_atomically(folder / SKIPPED_NAME, (f"{json.dumps(entry._asdict())}\n" for entry in lesson.skipped))
    budget = Budget(minutes=plan.minutes, steps=plan.steps)
    run = HeadRun(folder, head, task, plan.settings, budget)
    trained = run.train(watcher.training)
    task.calibrate(trained)
    fitted = Fitted(
        head=trained,
        split=lesson.split,
        skipped=lesson.skipped,
        scores=task.scores(trained),
        smallest=task.smallest if isinstance(task, MaskTask) else None,
        step=run.step,
        minutes=budget.seconds / 60,
        stopped_early=run.stale >= plan.settings.patience,
        domain=domain,
        beside=beside,
        silent=why_mute(checkpoint.folder) is not None,
        names_found=plan.task == "region" and domain is not None and bool(host.domain(domain).labellers),
        example=lesson.example,
        curves=plot_curves(folder),
    )
    trained.cpu().save_pretrained(plan.out, base_fingerprint=checkpoint.fingerprint)
    write_atomically(plan.out / REPORT_NAME, [json.dumps(_report(plan, fitted), indent=2) + "\n"])
    return fitted


class _Lesson(NamedTuple):
    """What a head learns from.

    Attributes:
        classes: of the head.
        split: the pairs; none of drawn ones, which have no end.
        names_found: whether it names what the domain's own detector finds, so that no other one has to be asked for.
        example: paths of a pair to try it on.
        skipped: pairs that could not be used.
        scenes: that are drawn, or None.
    """

    classes: tuple[str, ...]
    split: Split
    example: tuple[str, str]
    skipped: Sequence[Skipped] = ()
    scenes: drawn.Scenes | None = None


def _own_lesson(plan: HeadPlan, eye: reading.Eye, watcher: Watcher) -> _Lesson:
    """The pairs of a folder or a list."""
    pairs = PairFolder(
        plan.folder,
        mask_class=plan.classes[0] if len(plan.classes) == 1 else plans.DEFAULT_CLASS,
        look=eye,
        split="train",
    )
    classes = plans.classes_for(plan, pairs)
    plans.check_name(plan, classes)
    plans.check_out(plan.out)
    samples, skipped = reading.read_pairs_of(pairs, _labels(plan.task, classes), watcher.reading(len(pairs)))
    parts = _split(plan, samples, skipped)
    plans.check_shown(plan, classes, parts.training)
    return _Lesson(classes, parts, _paths(pairs, parts.held_out), skipped)


def _drawn_lesson(plan: HeadPlan, eye: reading.Eye) -> _Lesson:
    """Scenes of a domain."""
    plans.check_out(plan.out)
    scenes = drawn.Scenes(shares=plan.scenes, eye=eye)
    classes = drawn.classes_of(scenes, plan.classes)
    plans.check_name(plan, classes)
    return _Lesson(classes, Split([], []), ("BEFORE.png", "AFTER.png"), scenes=scenes)


def _report(plan: HeadPlan, fitted: Fitted) -> dict[str, Any]:
    """What is known of a head, to lie beside it."""
    return {
        "head": plan.name,
        "task": plan.task,
        "classes": list(fitted.head.config.classes),
        "scenes": dict(plan.scenes),
        "pairs": len(fitted.split.training),
        "held_out_pairs": len(fitted.split.held_out),
        "steps": fitted.step,
        "minutes": round(fitted.minutes, 1),
        "held_out": dict(fitted.scores),
        "smallest": fitted.smallest and fitted.smallest.words,
    }


def _labels(task: str, classes: tuple[str, ...]) -> Callable[[Sample], Sample]:
    if task == "mask":
        return lambda sample: reading.mask_labels(sample, classes)
    if task == "region":
        return lambda sample: reading.region_labels(sample, classes)
    return reading.pair_label


def _split(plan: HeadPlan, samples: Sequence[Sample], skipped: Sequence[Skipped]) -> Split:
    try:
        return split(samples, plan.settings.held_out)
    except TrainingError as error:
        if not skipped:
            raise TrainingError(f"{plan.data}: {error}") from error
        first = skipped[0]
        raise TrainingError(
            f"{plan.data}: {error}. {len(skipped)} could not be used, the first is {first.id!r}: {first.reason}"
        ) from error


def _new_head(plan: HeadPlan, material: Material, evidence: str | None) -> Head:
    of_masks = plan.task == "mask"
    spec = HeadSpec(
        name=plan.name,
        task=plan.task,
        classes=material.classes,
        kinds={name: KINDS[name[-1]] for name in material.classes if of_masks and name[-1] in KINDS},
        gsd_range_m=gsd_range(material) if of_masks else None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.settings.seed)
        return build_head(
            spec,
            **material.base.shape._asdict(),
            evidence=evidence,
            width=plan.settings.width,
            half_width=plan.settings.half_width,
        )


def _task(name: str, material: Material, evidence: ChangeMaskHead | None) -> Task:
    if name == "mask":
        return MaskTask(material)
    return RegionTask.of_pairs(material) if name == "region" else PairTask(material, evidence)


def _record(plan: HeadPlan, material: Material, evidence: str | None) -> dict[str, Any]:
    """What a run is made with; another one may not go on with it."""
    return {
        "head": plan.name,
        "task": plan.task,
        "classes": list(material.classes),
        "base": material.base.fingerprint,
        "pairs": reading.digest_of([*material.training, *material.held_out]),
        **({"scenes": dict(plan.scenes)} if plan.scenes else {}),
        **plan.settings.model_dump(mode="json"),
        "evidence": evidence,
    }


def _paths(pairs: PairFolder, held_out: Sequence[Sample]) -> tuple[str, str]:
    """Where a pair lies that was held out, a changed one; words to be replaced where its pictures lie in Parquet."""
    wanted = next(sample.id for sample in held_out if sample.changed)
    row = next(row for row in pairs.rows if str(row["id"]) == wanted)
    return row["before"] or "BEFORE", row["after"] or "AFTER"
