"""One word stage of `onediff-tiny`.

    onediff train words facts --from DENSE      --data FOLDER --out RUN1 --minutes 40
    onediff train words cst   --from RUN1/weights --data FOLDER --out RUN2 --minutes 15
    onediff train words joint --from RUN2/weights --data FOLDER --out RUN3 --minutes 60

A run is a folder as that of the dense stage is, and goes on where it was when it is called again. `RUN/weights` is the
OneDiff that came out: averaged weights, with the processor and the heads that it came with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch

from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.devices import torch_device
from onediff_core.training.schedule import Budget
from onediff_core.training.sets import data_folder
from onediff_core.training.words.run import WordRun
from onediff_core.training.words.settings import STAGES, Stage, stage_settings
from onediff_core.training.words.stages import prepare, with_words_of
from onediff_plugins.errors import OneDiffError
from onediff_plugins.settings import parse_assignments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onediff_core.heads.base import Head

WEIGHTS = "weights"
REPORT = "report.json"


@click.command()
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--from", "start", required=True, type=click.Path(path_type=Path), help="OneDiff to start from.")
@click.option("--words", type=click.Path(path_type=Path), help="Take the words from this run of facts instead.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the sets; else the variable ONEDIFF_DATA.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run, new or begun.")
@click.option("--minutes", type=float, help="How long it may take, interruptions not counted.")
@click.option("--steps", type=int, help="Or how many steps.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting, such as batch=12.")
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of the network.")
@click.option("--device", default="cpu", show_default=True, metavar="DEV", help="Any torch device.")
@click.option("--half", is_flag=True, help="Store float16, half of the size: for the last stage.")
def main(
    stage: Stage,
    start: Path,
    words: Path | None,
    data: Path | None,
    out: Path,
    minutes: float | None,
    steps: int | None,
    assignments: tuple[str, ...],
    threads: int,
    device: str,
    half: bool,
) -> None:
    """Train a word STAGE of onediff-tiny: facts, cst or joint."""
    torch.set_num_threads(threads)
    try:
        settings = stage_settings(stage, **parse_assignments(assignments))
        Budget(minutes=minutes, steps=steps)
        place = torch_device(device)
        checkpoint = load_checkpoint(start)
        if words is not None:
            checkpoint = with_words_of(checkpoint, load_checkpoint(words, heads=()))
        for module in (checkpoint.model, *checkpoint.heads.values()):
            module.to(place)
        out.mkdir(parents=True, exist_ok=True)
        prepared = prepare(stage, checkpoint, data_folder(data), out, settings)
        budget = Budget(minutes=minutes, steps=steps)  # only now: what is read is read before the clock starts
        run = WordRun(out, stage, prepared.model, prepared.processor, prepared.source, settings, budget, place)
    except (OneDiffError, ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    trained: Any = run.average.module
    run.go_on(lambda: prepared.score(trained.eval()))
    if report := prepared.report(trained.eval()):
        (out / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    trained.config.trained_stages = (*trained.config.trained_stages, stage)
    save(out / WEIGHTS, trained, prepared.processor, checkpoint.heads, half=half)
    click.echo(f"written to {out / WEIGHTS}")


def save(folder: Path, model: Any, processor: Any, heads: Mapping[str, Head], *, half: bool) -> None:
    """Write a OneDiff with its heads.

    Args:
        folder: as for `save_checkpoint`.
        model: in `eval` mode.
        processor: its own.
        heads: made for its tower.
        half: store float16.

    Raises:
        ClickException: a weight is too large for it.
    """
    for module in (model, *heads.values()):
        module.to(device="cpu", dtype=torch.float16 if half else torch.float32)
        if not all(bool(value.isfinite().all()) for value in module.state_dict().values()):
            raise click.ClickException("a weight is not finite, or too large for float16: store it without --half")
    save_checkpoint(folder, model, processor, heads.values())


if __name__ == "__main__":
    main()
