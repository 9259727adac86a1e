"""A run of the dense stage as a OneDiff on disk: its averaged weights, heads at their operating points, a model card.

onediff train export RUN FOLDER --data DATA
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import torch
from torch.optim.swa_utils import AveragedModel

from onediff_core.checkpoint import save_checkpoint
from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD
from onediff_core.errors import CheckpointError
from onediff_core.training.card import Release, release_papers
from onediff_core.training.checkpointing import load_state
from onediff_core.training.evaluation import operating_point
from onediff_core.training.network import HEADS, DenseNetwork, split_head
from onediff_core.training.sets import (
    PAIRS_NAME,
    TRAINING_SETS,
    VALIDATION_SETS,
    DataError,
    data_folder,
    held_out_half,
    read_set,
    require_sets,
    tuning_half,
)
from onediff_core.training.settings import SETTINGS_NAME
from onediff_core.training.settling import YIELDS, leave_out_specks, settle
from onediff_core.training.start import starting_model
from onediff_core.training.stored import enlarged, held_out_scores
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from onediff_core.data import Sample
    from onediff_core.heads.base import Head
    from onediff_core.training.sets import MaskSet


# How many times as large pairs may be shown; more costs more than a default may.
SIZES: Final = (1.0, 1.25)


def averaged_network(run: Path, base: Any) -> DenseNetwork:
    """The averaged weights of a run.

    Args:
        run: its folder.
        base: a OneDiffModel of the shape that was trained; its weights are replaced.

    Raises:
        FileNotFoundError: the folder holds no run.
    """
    state = load_state(run)
    if state is None:
        raise FileNotFoundError(f"{run} holds no run: there is no state.pt in it")
    classes = json.loads((run / SETTINGS_NAME).read_text(encoding="utf-8"))["classes"]
    network = DenseNetwork(base, classes, IMAGE_MEAN, IMAGE_STD)
    average = AveragedModel(network)
    average.load_state_dict(state["average"])
    network.load_state_dict(average.module.state_dict())
    return network.eval()


def heads_of(network: DenseNetwork, enlarge: Mapping[str, float] | None = None) -> list[Head]:
    """The decoder as heads of the names that domains know, for the classes that it has.

    Args:
        network: trained.
        enlarge: class -> how many times as large its head sees best; 1 for those that are not named.
    """
    sizes = enlarge or {}
    known = network.head.config.classes
    parts = {name: [entry for entry in classes if entry in known] for name, classes in HEADS.items()}
    return [
        split_head(network.head, name, classes, enlarge=sizes.get(classes[0], 1.0))
        for name, classes in parts.items()
        if classes
    ]


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the sets; else the variable ONEDIFF_DATA.")
@click.option("--half", is_flag=True, help="Store float16, half of the size.")
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of the network.")
def main(run: Path, folder: Path, data: Path | None, half: bool, threads: int) -> None:
    """Write the averaged weights of RUN as a OneDiff with heads, a card and a licence to FOLDER."""
    torch.set_num_threads(threads)
    try:
        sets = data_folder(data)
        require_sets(sets, (*TRAINING_SETS, *VALIDATION_SETS))
        model, processor = starting_model()
        network = averaged_network(run, model.model)
    except (DataError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    validation = {entry: read_set(sets, entry) for entry in VALIDATION_SETS}
    chosen: dict[MaskSet, Choice] = {}
    for entry, samples in validation.items():
        chosen[entry] = tune(network, entry, tuning_half(samples), sizes_for(entry, chosen))
        click.echo(f"{entry.name}, tuning half: F1 {chosen[entry].f1:.3f} of {words(entry)}, {chosen[entry].said}")
    if half:
        halve(model, network)
    heads = heads_of(network, {entry.mask: made.size for entry, made in chosen.items()})
    leave_out_specks(heads)
    tuning = {entry: tuning_half(samples) for entry, samples in validation.items()}
    for which, factor in settle(model.model, heads, tuning).items():
        click.echo(f"{which}: areas of up to {factor:g} times its things")
    scored = held_out_scores(
        model.model,
        {head.config.name: head for head in heads},
        {entry: held_out_half(samples) for entry, samples in validation.items()},
    )
    for name, of_set in scored.items():
        click.echo(f"{name}, held-out half: F1 {of_set.scores.f1:.3f}")
    papers = release_papers(
        Release(name=folder.resolve().name, heads=heads, sizes=sizes_of(sets, TRAINING_SETS), dense=run, scored=scored)
    )
    save_checkpoint(folder, model, processor, heads, papers=papers)
    click.echo(f"written to {folder}")


class Choice(NamedTuple):
    """What was chosen for the classes of a set.

    Attributes:
        size: how many times as large pairs are shown.
        bias: added to the logits.
        f1: of the pixels that it was chosen on.
    """

    size: float
    bias: float
    f1: float

    @property
    def said(self) -> str:
        """In words."""
        return f"{self.bias:+.2f} on the logits of pairs at {self.size:g} times the size"


def sizes_for(entry: MaskSet, chosen: Mapping[MaskSet, Choice]) -> tuple[float, ...]:
    """The sizes that may be chosen for a set's classes.

    A head that answers together with another looks at the same picture: one pass of the tower for both.

    Args:
        entry: whose classes are tuned next.
        chosen: for others so far.
    """
    own, others = head_of(entry), {head_of(other): made.size for other, made in chosen.items()}
    beside = YIELDS.get(own)
    return (others[beside],) if beside in others else SIZES


def head_of(entry: MaskSet) -> str:
    """The name of the head that a set's classes are stored in."""
    return next(name for name, classes in HEADS.items() if entry.mask in classes)


def tune(network: DenseNetwork, entry: MaskSet, samples: Sequence[Sample], sizes: Sequence[float] = SIZES) -> Choice:
    """Choose the size at which a set's classes are seen best, and put their operating point there at 0.5.

    Args:
        network: whose head is calibrated, in place.
        entry: what the masks stand for.
        samples: of that set, on which nothing is reported.
        sizes: that there are to choose from.
    """
    classes = network.head.config.classes
    points = {
        size: operating_point(torch.inference_mode()(enlarged(network, size)), samples, classes) for size in sizes
    }
    size, best = max(points.items(), key=lambda item: item[1].f1)
    for name in (entry.mask, *entry.empty):
        network.head.calibration.set(classes.index(name), 1.0, best.bias)
    return Choice(size, best.bias, best.f1)


def sizes_of(sets: Path, entries: Sequence[MaskSet]) -> dict[str, int]:
    """How many pairs each set has.

    Args:
        sets: folder of all.
        entries: which.
    """
    return {entry.name: len(read_pairs(sets / entry.name / PAIRS_NAME)) for entry in entries}


def words(entry: MaskSet) -> str:
    """The classes that a set is labelled for, as text."""
    return ", ".join((entry.mask, *entry.empty))


def halve(*modules: nn.Module) -> None:
    """Store weights in float16, in place.

    Raises:
        CheckpointError: one is too large for it.
    """
    for module in modules:
        module.half()
        if not all(bool(value.isfinite().all()) for value in module.state_dict().values()):
            raise CheckpointError("a weight is not finite, or too large for float16: keep float32")


if __name__ == "__main__":
    main()
