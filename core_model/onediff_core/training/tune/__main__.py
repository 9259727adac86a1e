"""A OneDiff of pretrained parts, tuned as a recipe says.

    onediff train tune recipes/onediff-small.yaml --data SETS --out RUN
    accelerate launch --multi_gpu --num_processes 8 --no_python onediff train tune RECIPE.yaml --out RUN --device cuda
    torchrun --nproc-per-node 2 -m onediff_core.training.tune RECIPE.yaml --out RUN

A run goes on where it was when it is called again. What came out lies in the
folder of it that has the recipe's name.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
import torch
from transformers.utils import logging

from onediff_core.devices import torch_device
from onediff_core.training.sets import data_folder
from onediff_core.training.tune.processes import Processes
from onediff_core.training.tune.reading import read_recipe, without
from onediff_core.training.tune.stages import tune
from onediff_plugins.errors import OneDiffError
from onediff_plugins.settings import parse_assignments


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run, new or begun.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="What paths in the recipe are relative to; else the variable ONEDIFF_DATA, else the current folder.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="A field, such as model.text=... or stages.cst.steps=20.",
)
@click.option(
    "--skip", "skipped", multiple=True, metavar="STAGE", help="A stage to leave out, to see what it is worth."
)
@click.option("--device", default="cpu", show_default=True, metavar="DEV", help="cpu, or cuda and the like.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Threads of a process on a CPU; torch's own number unless given."
)
def main(
    recipe: Path,
    out: Path,
    data: Path | None,
    assignments: tuple[str, ...],
    skipped: tuple[str, ...],
    device: str,
    threads: int | None,
) -> None:
    """Tune a OneDiff of pretrained parts: Coupled Sample Training, then all tasks, as RECIPE says."""
    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    try:
        read = without(read_recipe(recipe, parse_assignments(assignments)), skipped)
        if device != "cpu":
            torch_device(device)
        folder = data_folder(data) if data is not None or os.environ.get("ONEDIFF_DATA") else None
        processes = Processes(device)
        try:
            tune(read, out, folder, processes, click.echo)
        finally:
            processes.close()
    except (OneDiffError, ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
