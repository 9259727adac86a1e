"""A run of the dense stage as a OneDiff on disk: its averaged weights, heads at their operating points, a model card.

onediff train export RUN FOLDER --data DATA
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import torch
from torch.nn.functional import interpolate
from torch.optim.swa_utils import AveragedModel

from onediff_core.checkpoint import save_checkpoint
from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD
from onediff_core.training.card import Scored, release_papers
from onediff_core.training.checkpointing import load_state
from onediff_core.training.evaluation import evaluate, operating_point
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
from onediff_core.training.start import starting_model
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

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


def best_bias(logits: Callable[[Tensor], Tensor], samples: Sequence[Sample], classes: Sequence[str]) -> float:
    """What to add to the logits of a group of classes so that pooled F1 of "any of them" is best at 0.5.

    Args:
        logits: (B, 2, 3, H, W) uint8 -> (B, K, H, W).
        samples: labelled for the same of the classes.
        classes: of the logits.
    """
    return operating_point(logits, samples, classes).bias


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


def enlarged(network: Callable[[Tensor], Tensor], size: float) -> Callable[[Tensor], Tensor]:
    """A network that sees pairs enlarged, as the detector shows them to a head, and answers on their own grid.

    Args:
        network: (B, 2, 3, H, W) -> (B, K, H, W).
        size: at least 1.
    """
    if size == 1:
        return network

    def answer(images: Tensor) -> Tensor:
        side = tuple(images.shape[-2:])
        larger = [round(size * length) for length in side]
        shown = interpolate(images.flatten(0, 1).float(), larger, mode="bicubic", align_corners=False)
        return interpolate(network(shown.clamp(0, 255).unflatten(0, (-1, 2))), side, mode="area")

    return answer


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the sets; else the variable ONEDIFF_DATA.")
@click.option("--half", is_flag=True, help="Store float16, half of the size.")
@click.option("--sees-only", is_flag=True, help="Leave out the language model, which this stage does not train.")
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of the network.")
def main(run: Path, folder: Path, data: Path | None, half: bool, sees_only: bool, threads: int) -> None:
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
    chosen = {}
    for entry, samples in validation.items():
        chosen[entry] = tune(network, entry, tuning_half(samples))
        click.echo(f"{entry.name}, tuning half: F1 {chosen[entry].f1:.3f} of {words(entry)}, {chosen[entry].said}")
    if half:
        for module in (model, network):
            _halve(module)
    scored = {
        entry.name: score(network, held_out_half(samples), chosen[entry].size) for entry, samples in validation.items()
    }
    for name, of_set in scored.items():
        click.echo(f"{name}, held-out half: F1 {of_set.scores.f1:.3f}")
    heads = heads_of(network, {entry.mask: made.size for entry, made in chosen.items()})
    papers = release_papers(
        run,
        name=folder.resolve().name,
        heads=heads,
        sizes={entry.name: len(read_pairs(sets / entry.name / PAIRS_NAME)) for entry in TRAINING_SETS},
        choices={words(entry): made.said for entry, made in chosen.items()},
        scored=scored,
    )
    if sees_only:
        save_checkpoint(folder, model.model, processor.image_processor, heads, papers=papers)
    else:
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


def tune(network: DenseNetwork, entry: MaskSet, samples: Sequence[Sample]) -> Choice:
    """Choose the size at which a set's classes are seen best, and put their operating point there at 0.5.

    Args:
        network: whose head is calibrated, in place.
        entry: what the masks stand for.
        samples: of that set, on which nothing is reported.
    """
    classes = network.head.config.classes
    points = {
        size: operating_point(torch.inference_mode()(enlarged(network, size)), samples, classes) for size in SIZES
    }
    size, best = max(points.items(), key=lambda item: item[1].f1)
    for name in (entry.mask, *entry.empty):
        network.head.calibration.set(classes.index(name), 1.0, best.bias)
    return Choice(size, best.bias, best.f1)


def score(network: DenseNetwork, samples: Sequence[Sample], size: float) -> Scored:
    """Scores of a calibrated network as it is stored, which runs in float32.

    Args:
        network: in any dtype; left as it is.
        samples: on which nothing was chosen.
        size: how many times as large it sees them.
    """
    stored = copy.deepcopy(network).float()

    def probabilities(images: Tensor) -> Tensor:
        return stored.head.probabilities(stored(images))

    scores = evaluate(torch.inference_mode()(enlarged(probabilities, size)), samples, network.head.config.classes)
    return Scored(pairs=len(samples), scores=scores)


def words(entry: MaskSet) -> str:
    """The classes that a set is labelled for, as text."""
    return ", ".join((entry.mask, *entry.empty))


def _halve(module: nn.Module) -> None:
    module.half()
    if not all(bool(value.isfinite().all()) for value in module.state_dict().values()):
        raise click.ClickException("a weight is too large for float16: export without --half")


if __name__ == "__main__":
    main()
