"""What somebody asks for when a head is to be trained, held against what there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from onediff_core import layout
from onediff_core.checkpoint import load_checkpoint
from onediff_core.data.listing import classes_of
from onediff_core.errors import CheckpointError, TrainingError
from onediff_core.training.settings import SETTINGS_NAME
from onediff_plugins.errors import PluginContractError, UnknownNameError
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.data import PairFolder, Sample
    from onediff_core.training.head.settings import HeadSettings
    from onediff_plugins import Host

Task = Literal["mask", "region", "pair"]

SHIPPED: Final = "shipped"
RUN: Final = "run"
DEFAULT_CLASS: Final = "change"
_ANY: Final = "any"


@dataclass(frozen=True, kw_only=True)
class HeadPlan:
    """What somebody asks for.

    Attributes:
        name: of the head, "<domain>.<what>", or "any.<what>" for every domain.
        data: folder or list of pairs; see `onediff_core.data.listing.read_list`. None where `scenes` are drawn.
        base: folder or hub id of a OneDiff, or "shipped".
        out: folder of the head; its run lies in `run/` there.
        settings: of the run.
        task: what it answers.
        classes: of masks or labels; all that the pairs have, where none is named.
        domain: through whose stages pairs are read; that of the name where there is one, else each pair's own.
        minutes: how long it may take.
        steps: or how many steps.
        device: any torch device.
        scenes: scene -> share of the pairs, to learn regions from drawn pairs without end.
    """

    name: str
    data: Path | None
    base: str
    out: Path
    settings: HeadSettings
    task: Task = "mask"
    classes: tuple[str, ...] = ()
    domain: str | None = None
    minutes: float | None = None
    steps: int | None = None
    device: str = "cpu"
    scenes: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Pairs are somebody's, or drawn."""
        if (self.data is None) is not bool(self.scenes):
            raise TrainingError("name the folder or list of your pairs, or scenes to draw with --scene")
        if self.scenes and self.task != "region":
            raise TrainingError(
                f"--scene draws regions, for --task region; for a {self.task} head draw a folder of pairs with "
                "onediff data synth"
            )

    @property
    def folder(self) -> Path:
        """Where somebody's pairs are."""
        if self.data is None:
            raise TrainingError("drawn pairs lie nowhere")
        return self.data


def domain_of(plan: HeadPlan, host: Host) -> str | None:
    """Through whose stages pairs are read; None where each pair says its own, or its headers tell.

    Raises:
        TrainingError: the name of the head has no domain in it.
        UnknownNameError: the domain is not installed.
    """
    named, _, what = plan.name.partition(".")
    if not what:
        raise TrainingError(
            f"a head is called <domain>.<what>, such as satellite.pool, or {_ANY}.<what> for every domain; "
            f"{plan.name!r} is not"
        )
    if plan.domain is not None:
        host.domain(plan.domain)
        return plan.domain
    if named == _ANY:
        return None
    if named not in host.domains():
        raise UnknownNameError("domain", named, [*host.domains(), _ANY])
    return named


def load_base(name: str) -> Checkpoint:
    """The OneDiff that a head is trained on, without heads.

    Args:
        name: folder, hub id, or "shipped".

    Raises:
        CheckpointError: as `load_checkpoint`.
    """
    if name == SHIPPED and (why_not := layout.no_weights()) is not None:
        raise CheckpointError(f"{why_not.partition(':')[0]}: name a folder or hub id of a OneDiff with --base")
    return load_checkpoint(None if name == SHIPPED else name, heads=())


def classes_for(plan: HeadPlan, pairs: PairFolder) -> tuple[str, ...]:
    """Those named, else all that the pairs have.

    Raises:
        TrainingError: there are none, a named one is not there, or there are several for the task "pair".
    """
    if plan.task == "pair":
        if len(plan.classes) > 1:
            raise TrainingError(f"a pair is changed or not, which is one class: {', '.join(plan.classes)} are several")
        return plan.classes or ("changed",)
    what = "masks" if plan.task == "mask" else "boxes with labels"
    there = classes_of(pairs.rows, pairs.mask_class) if plan.task == "mask" else pairs.labels()
    if plan.task == "region" and len(plan.classes) == 1:
        return plan.classes  # of boxes without labels
    if not there:
        raise TrainingError(f"no pair of {plan.data} has {what}, which a {plan.task} head learns from")
    if missing := [name for name in plan.classes if name not in there]:
        raise TrainingError(f"no pair of {plan.data} has {what} of {', '.join(missing)}; there are {', '.join(there)}")
    return plan.classes or tuple(there)


def check_name(plan: HeadPlan, classes: tuple[str, ...]) -> None:
    """Refuse a name that no head can have."""
    try:
        HeadSpec(name=plan.name, task=plan.task, classes=classes)
    except PluginContractError as error:
        raise TrainingError(str(error)) from error


def check_out(out: Path) -> None:
    """Refuse a folder that holds something else."""
    if out.is_file():
        raise TrainingError(f"{out} is a file: a head is a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / RUN / SETTINGS_NAME).is_file():
        raise TrainingError(f"{out} holds something else than a head that was trained here: choose another --out")


def check_shown(plan: HeadPlan, classes: Sequence[str], samples: Sequence[Sample]) -> None:
    """Every class of masks or labels has to be shown by some pair that is learned from."""
    if plan.task == "pair":
        return
    shown = {name for sample in samples for name, mask in sample.masks.items() if mask.any()}
    shown |= {region.label for sample in samples for region in sample.regions or ()}
    if empty := [name for name in classes if name not in shown]:
        raise TrainingError(
            f"nothing of {', '.join(empty)} is marked in any pair that is learned from: mark some, or leave the class "
            "out with --classes"
        )


def is_upright(plan: HeadPlan, host: Host, domain: str | None) -> bool:
    """Pages, which are aligned in pieces, have an upper side; places from above and things have none."""
    if plan.settings.upright is not None:
        return plan.settings.upright
    return domain is not None and "pieces" in host.domain(domain).capabilities


def mask_head_beside(plan: HeadPlan, checkpoint: Checkpoint) -> str | None:
    """The mask head beside the base that answers "where" for a head that does not: as set, of its domain, or of any.

    Raises:
        TrainingError: the setting `evidence` names none, or is given for another task than "pair".
    """
    held = [spec.name for spec in layout.held_heads(checkpoint.folder) if spec.task == "mask"]
    asked = plan.settings.evidence
    if asked is not None and (plan.task != "pair" or asked not in held):
        raise TrainingError(
            f"--set evidence={asked}: a pair head may look at a mask head beside the base; there are "
            f"{', '.join(held) or 'none'}"
        )
    if plan.task == "mask" or asked is not None:
        return asked
    domains = (plan.name.partition(".")[0], _ANY)
    return next((name for domain in domains for name in held if name.startswith(f"{domain}.")), None)
