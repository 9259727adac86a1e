"""`onediff eval`. Imports click alone, so that the command line is listed without the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

PROTOCOLS: Final = (
    *("verdict", "masks", "regions", "coco", "coco-changed", "levir-ids", "levir-ids-changed", "facts", "swap"),
    "calibration",
)
_FILE: Final = click.Path(path_type=Path, exists=True)


def _named(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """Names and paths."""
    found = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not name.strip() or not path:
            raise click.BadParameter(f"{value!r} is not NAME=PATH, such as ours=out/results.jsonl")
        if "/" in name or name.strip() in (".", ".."):
            raise click.BadParameter(f"{name!r}: a name becomes a folder of --swap: leave out slashes")
        if not Path(path).exists():
            raise click.BadParameter(f"{path} does not exist")
        found.append((name.strip(), Path(path)))
    return tuple(found)


def _greys(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    """Grey values."""
    try:
        values = tuple(int(word) for word in value.split(",") if word.strip())
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of grey values, such as 85,170") from error
    if not all(0 <= grey <= 255 for grey in values):
        raise click.BadParameter(f"{value!r}: grey values lie from 0 to 255")
    return values


@click.command("eval")
@click.argument("places", nargs=-1, required=True, type=_FILE, metavar="[RESULTS] REFERENCES")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for tables, figures and the sheet.")
@click.option(
    "--results",
    "named",
    multiple=True,
    metavar="NAME=PATH",
    callback=_named,
    help="Answers under a name; may come again.",
)
@click.option("--baseline", "baselines", multiple=True, type=click.Choice(["no-change"]), help="A built-in method.")
@click.option(
    "--protocol", "protocols", multiple=True, type=click.Choice(PROTOCOLS), help="May come again; all unless given."
)
@click.option(
    "--missing",
    type=click.Choice(["refuse", "skip", "empty"]),
    default="refuse",
    show_default=True,
    help="Ids that one side lacks, and failed pairs: stop, leave the pair out for all, or count as saying nothing.",
)
@click.option(
    "--swapped",
    multiple=True,
    metavar="NAME=PATH",
    callback=_named,
    help="Answers of a method to the pairs with images exchanged.",
)
@click.option("--swap", is_flag=True, help="Compare the pairs of a batch with their images exchanged first.")
@click.option(
    "--truth",
    type=click.Choice(["auto", "places", "captions"]),
    default="auto",
    show_default=True,
    help="What says whether a pair changed: the list, else masks and regions, else captions; or one of the latter.",
)
@click.option("--mask-class", "classes", multiple=True, metavar="NAME", help="Masks that count; all unless given.")
@click.option("--still", default="", metavar="N,N", callback=_greys, help="Grey values of masks that are no change.")
@click.option("--ignored", default="", metavar="N,N", callback=_greys, help="Grey values of masks that mean nothing.")
@click.option("--split", metavar="NAME", help="References of this split alone.")
@click.option("--vocabulary", type=_FILE, help="References whose captions give levir-ids its words.")
@click.option("--no-java", is_flag=True, help="Score captions without Java, even where it is there.")
@click.option("--resamples", type=click.IntRange(min=0), default=1000, show_default=True, help="Of the intervals.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes of --swap; one per core unless given.")
def evaluate(places: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Score answers to pairs: RESULTS of `onediff batch`, or captions, against REFERENCES.

    RESULTS is the folder of a batch, its results.jsonl, or captions as JSONL with id and caption. Several stand side
    by side with --results, and then REFERENCES is given alone. REFERENCES are records: a folder with pairs.jsonl, a
    list, or pairs packed in Parquet.
    """
    from onediff_core.evaluation.running import run

    if len(places) > 2:
        raise click.UsageError("give RESULTS and REFERENCES, or --results NAME=PATH and REFERENCES")
    named = list(options.pop("named"))
    if len(places) == 2:
        named.insert(0, (_name(places[0]), places[0]))
    run(named, places[-1], out, command=_command(), **options)


def _name(path: Path) -> str:
    """What a method is called that got no name: its folder, or its file."""
    whole = path.resolve()
    return whole.parent.name if whole.name == "results.jsonl" else whole.stem if whole.is_file() else whole.name


def _command() -> str:
    import shlex
    import sys

    return shlex.join(["onediff", *sys.argv[1:]])
