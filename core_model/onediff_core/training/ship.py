"""The weights that ship: a finished run, its heads and its words as one small folder, with a card filled from reports.

onediff train ship RUN FOLDER --data DATA --head HEAD
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import torch

from onediff_core import layout
from onediff_core.checkpoint import Checkpoint, check_replaceable, load_checkpoint, save_checkpoint
from onediff_core.errors import CheckpointError
from onediff_core.training.card import UNNAMED, Release, release_papers
from onediff_core.training.export import averaged_network, halve, sizes_of
from onediff_core.training.reports import read_ablations
from onediff_core.training.sets import (
    TRAINING_SETS,
    VALIDATION_SETS,
    DataError,
    data_folder,
    held_out_half,
    read_set,
    require_sets,
    tuning_half,
)
from onediff_core.training.settling import YIELDS, leave_out_specks, settle
from onediff_core.training.start import starting_model
from onediff_core.training.stored import held_out_scores
from onediff_plugins.atomic import replaced_folder
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEGABYTE: Final = 1_000_000
# So that a checkout and a wheel stay small.
MOST_IN_A_FILE: Final = 16 * MEGABYTE
MOST_IN_ALL: Final = 32 * MEGABYTE
# Folders of a run: the dense stage, what it was exported to, the last word stage with its weights, and runs for tables.
DENSE: Final = "dense"
WORDS: Final = "words"
WEIGHTS: Final = "weights"
ABLATIONS: Final = "ablations"


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the sets; else the variable ONEDIFF_DATA.")
@click.option("--words", type=click.Path(path_type=Path, exists=True), help="Word run; RUN/words unless given.")
@click.option("--without-words", is_flag=True, help="Ship RUN/weights alone, which find and do not speak.")
@click.option(
    "--head", "heads", multiple=True, type=click.Path(path_type=Path, exists=True), help="A head that ships, too."
)
@click.option("--ablations", type=click.Path(path_type=Path, exists=True), help="Folders NAME/SEED of runs.")
@click.option("--machine", help="That it was trained on, in words, for the card.")
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of the network.")
def main(
    run: Path,
    folder: Path,
    data: Path | None,
    words: Path | None,
    without_words: bool,
    heads: tuple[Path, ...],
    ablations: Path | None,
    machine: str | None,
    threads: int,
) -> None:
    """Put a finished RUN where it ships: FOLDER gets weights in float16, heads, a card, a licence and a notice.

    RUN holds `dense`, the run of the dense stage; `weights`, what it was exported to; and, with words, `words`, the run
    of the last word stage, whose weights are the same with words. Every figure of the card is read or measured.
    """
    torch.set_num_threads(threads)
    if without_words and words is not None:
        raise click.UsageError("give --words or --without-words, not both")
    spoken = None if without_words else words or _there(run / WORDS)
    try:
        release = ship(
            run, folder, data_folder(data), words=spoken, heads=heads, ablations=ablations or _there(run / ABLATIONS),
            machine=machine,
        )  # fmt: skip
    except (OneDiffError, DataError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    for name, of_set in release.scored.items():
        click.echo(f"{name}, held-out half: F1 {of_set.scores.f1:.3f}")
    lacking = f", without {', '.join(release.missing)}" if release.missing else ""
    click.echo(f"written to {folder}{lacking}")


def ship(
    run: Path,
    folder: Path,
    sets: Path,
    *,
    words: Path | None,
    heads: Sequence[Path],
    ablations: Path | None,
    machine: str | None,
) -> Release:
    """Write a finished run as it ships; the folder appears, or is replaced, by one rename.

    Args:
        run: see `main`.
        folder: new, empty, or a OneDiff that is replaced.
        sets: folder of the sets, whose held-out halves are scored.
        words: run of the last word stage, or None for weights that find and do not speak.
        heads: folders of further heads on the same weights.
        ablations: folder of runs NAME/SEED, or None.
        machine: that it was trained on, in words, or None.

    Raises:
        OneDiffError: a part is missing, damaged, too large or was made for other weights.
        DataError: a set is missing.
        FileNotFoundError: there is no dense run.
    """
    require_sets(sets, (*TRAINING_SETS, *VALIDATION_SETS))
    check_replaceable(folder)
    stored = load_checkpoint((words or run) / WEIGHTS)
    if words is not None and (why_not := layout.why_mute(stored.folder)) is not None:
        raise CheckpointError(f"{stored.folder} {why_not}: name another word run, or ship it with --without-words")
    check_tower(stored, run / DENSE)
    further = {name: path for path in heads for name in stored.load_heads([str(path)])}
    stored = stored.with_heads([*stored.heads, *map(str, heads)])
    ablated = () if ablations is None else read_ablations(ablations)
    validation = {entry: read_set(sets, entry) for entry in VALIDATION_SETS}
    leave_out_specks(stored.heads.values())
    if any(name in stored.heads and not stored.heads[name].config.yields_to for name in YIELDS):
        tuning = {entry: tuning_half(samples) for entry, samples in validation.items()}
        settle(stored.base, list(stored.heads.values()), tuning)
    held_out = {entry: held_out_half(samples) for entry, samples in validation.items()}
    with replaced_folder(folder) as new:
        write_halves(stored, new, speaks=words is not None)
        shipped = load_checkpoint(new)
        release = Release(
            name=folder.resolve().name,
            heads=list(shipped.heads.values()),
            sizes=sizes_of(sets, TRAINING_SETS),
            dense=run / DENSE,
            scored=held_out_scores(shipped.base, shipped.heads, held_out),
            stages=tuple(shipped.model.config.trained_stages) if words else (),
            words=words,
            trained_alone=further,
            ablations=ablated,
            machine=machine or UNNAMED,
        )
        for name, text in release_papers(release).items():
            (new / name).write_text(text, encoding="utf-8")
        check_size(new)
    return release


def write_halves(stored: Checkpoint, folder: Path, *, speaks: bool) -> None:
    """Write weights in float16, with the language model where it is to speak.

    Args:
        stored: with the heads that ship; changed to float16.
        folder: empty.
        speaks: whether the language model goes with it.

    Raises:
        CheckpointError: a weight is too large for float16.
    """
    heads = stored.heads.values()
    halve(stored.model if speaks else stored.base, *heads)
    if speaks and stored.processor is not None:
        save_checkpoint(folder, stored.model, stored.processor, heads)
    else:
        save_checkpoint(folder, stored.base, stored.image_processor, heads)


def check_tower(stored: Checkpoint, run: Path) -> None:
    """Refuse weights whose tower is not that of the run which the card tells of.

    Args:
        stored: the weights.
        run: of the dense stage.

    Raises:
        CheckpointError: another tower.
        FileNotFoundError: no such run.
    """
    model, _ = starting_model()
    base: Any = averaged_network(run, model.model).base
    ours: Mapping[str, Any] = base.vision_tower.state_dict()
    theirs: Any = stored.base.vision_tower
    differing = [
        name
        for name, value in theirs.state_dict().items()
        if name not in ours or not torch.equal(ours[name].to(torch.float16), value.to(torch.float16))
    ]
    if differing:
        raise CheckpointError(
            f"the tower of {stored.folder} is not what {run} came to ({differing[0]} is the first to differ): the card "
            "would tell of another run. Export that run, and train words and heads on what it was exported to"
        )


def check_size(folder: Path) -> None:
    """Refuse a folder that is too large to ship.

    Raises:
        CheckpointError: with the sizes.
    """
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    large = [f", {path.name} has {size / MEGABYTE:.1f} MB" for path, size in sizes.items() if size > MOST_IN_A_FILE]
    total = sum(sizes.values())
    if large or total > MOST_IN_ALL:
        raise CheckpointError(
            f"too large to ship, {total / MEGABYTE:.1f} MB in all{''.join(large)}: a file may have "
            f"{MOST_IN_A_FILE // MEGABYTE} MB, all of them {MOST_IN_ALL // MEGABYTE} MB"
        )


def _there(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


if __name__ == "__main__":
    main()
