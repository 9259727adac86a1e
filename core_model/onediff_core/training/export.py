"""A run of the dense stage as a OneDiff on disk: its averaged weights, heads at their operating points.

onediff train export RUN FOLDER --data DATA
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch
from torch.optim.swa_utils import AveragedModel

from onediff_core.checkpoint import save_checkpoint
from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD
from onediff_core.training.checkpointing import load_state
from onediff_core.training.evaluation import operating_point
from onediff_core.training.network import HEADS, DenseNetwork, split_head
from onediff_core.training.sets import VALIDATION_SETS, DataError, data_folder, read_set, require_sets, tuning_half
from onediff_core.training.settings import SETTINGS_NAME
from onediff_core.training.start import starting_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.heads.base import Head


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


def heads_of(network: DenseNetwork) -> list[Head]:
    """The decoder as heads of the names that domains know, for the classes that it has."""
    known = network.head.config.classes
    parts = {name: [entry for entry in classes if entry in known] for name, classes in HEADS.items()}
    return [split_head(network.head, name, classes) for name, classes in parts.items() if classes]


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the sets; else the variable ONEDIFF_DATA.")
@click.option("--half", is_flag=True, help="Store float16, half of the size.")
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of the network.")
def main(run: Path, folder: Path, data: Path | None, half: bool, threads: int) -> None:
    """Write the averaged weights of RUN as a OneDiff with heads to FOLDER."""
    torch.set_num_threads(threads)
    try:
        sets = data_folder(data)
        require_sets(sets, VALIDATION_SETS)
        model, processor = starting_model()
        network = averaged_network(run, model.model)
    except (DataError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    classes = network.head.config.classes
    for entry in VALIDATION_SETS:
        bias = best_bias(torch.inference_mode()(network), tuning_half(read_set(sets, entry)), classes)
        click.echo(f"{entry.name}: {bias:+.2f} is added to the logits of {', '.join((entry.mask, *entry.empty))}")
        for name in (entry.mask, *entry.empty):
            network.head.calibration.set(classes.index(name), 1.0, bias)
    if half:
        for module in (model, network):
            module.half()
            if not all(bool(value.isfinite().all()) for value in module.state_dict().values()):
                raise click.ClickException("a weight is too large for float16: export without --half")
    save_checkpoint(folder, model, processor, heads_of(network))
    click.echo(f"written to {folder}")


if __name__ == "__main__":
    main()
