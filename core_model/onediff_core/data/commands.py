"""`onediff data`: pairs to learn from. Imports click alone, so that the command line is listed without the rest."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onediff_core.data.conversion import Job
    from onediff_core.data.summary import Summary


_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_PLACE: Final = click.Path(path_type=Path)


@click.group()
def data() -> None:
    """Pairs to learn from."""


@data.command()
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    required=True,
    metavar="NAME",
    help="What to draw: camera, edited, objects, satellite, ui-drawn or ui-html; several take turns.",
)
@click.option("--count", type=click.IntRange(min=1), required=True, help="Pairs in the folder at the end.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same pairs.")
@click.option(
    "--size", type=click.IntRange(min=64, max=2048), default=256, show_default=True, metavar="PX", help="Side."
)
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of pictures for the scene 'edited'; the shipped ones unless given.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for pairs.jsonl.")
def synth(scenes: tuple[str, ...], count: int, seed: int, size: int, images: Path | None, out: Path) -> None:
    """Draw pairs with known truth into a folder; a run that was cut off goes on when it is called again."""
    import sys

    from onediff_core.data.synthetic.export import Plan, export

    plan = Plan(scenes=scenes, seed=seed, size=size, images=str(images.resolve()) if images else None)
    with click.progressbar(length=count, label="pairs", file=sys.stderr) as bar:
        for done in export(out, plan, count):
            bar.update(done - bar.pos)
    click.echo(out / "pairs.jsonl")


def _choices(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that reads pairs."""
    for option in (
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the source."),
        click.option("--split", "splits", multiple=True, metavar="NAME", help="Of this split alone; may come again."),
        click.option("--drop-leaks", is_flag=True, help="Leave out what stands in a more protected split, too."),
        click.option("--drop-contradicting", is_flag=True, help="Leave out pairs that contradict their own masks."),
    ):
        command = option(command)
    return command


_max_missing = click.option(
    "--max-missing",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of the pairs whose pictures may be missing or broken.",
)


@data.command("sources")
def list_sources() -> None:
    """List the sets of pairs that can be converted, what is read of them, and their settings."""
    from onediff_core.data import sources

    for name in sources.NAMES:
        source = sources.source(name)
        click.echo(f"{name}: {source.title}\n  reads: {source.reads}\n  licence of the images: {source.licence}")
        for setting, field in source.settings.model_fields.items():
            click.echo(f"  --set {setting}={field.get_default()}: {field.description}")


@data.command()
@click.argument("source", metavar="SOURCE")
@click.argument("root", metavar="ROOT", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=_PLACE, help="A new list, X.jsonl, which names the images where they lie, or a folder.")
@click.option("--annotations", type=_FILE, multiple=True, help="Annotation files, if they lie elsewhere.")
@click.option("--shard-mb", type=click.IntRange(min=1), default=256, show_default=True, help="Size of a shard.")
@click.option("--dry-run", is_flag=True, help="Count what the annotations hold; the images need not be there.")
@_max_missing
@_choices
def convert(
    source: str,
    root: Path,
    out: Path | None,
    annotations: tuple[Path, ...],
    shard_mb: int,
    dry_run: bool,
    **choices: Any,
) -> None:
    """Convert a published set of pairs, SOURCE, which lies in the folder ROOT.

    `onediff data sources` lists the sources, with what is read of each and its settings.
    """
    from onediff_core.data import conversion

    if (out is None) != dry_run:
        raise click.UsageError("name where to write with --out, or ask for --dry-run: one of the two")
    job = _job(source, root, annotations=annotations, **choices)
    if out is None:
        _tell(conversion.count(job), err=False)
        return
    with _counting() as done:
        summary = conversion.convert(job, out, shard_bytes=shard_mb * 2**20, done=done)
    _tell(summary)
    click.echo(out)


@data.command()
@click.argument("pairs", metavar="PAIRS", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=_FOLDER, required=True, help="Folder for the shards.")
@click.option("--shard-mb", type=click.IntRange(min=1), default=256, show_default=True, help="Size of a shard.")
@_max_missing
@_choices
def pack(pairs: Path, out: Path, shard_mb: int, **choices: Any) -> None:
    """Pack pairs of your own, a list or a folder, into Parquet with their images."""
    from onediff_core.data import conversion

    with _counting() as done:
        summary = conversion.convert(_job("pairs", pairs, **choices), out, shard_bytes=shard_mb * 2**20, done=done)
    _tell(summary)
    click.echo(out)


@data.command()
@click.argument("pairs", metavar="PAIRS", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=_FOLDER, required=True, help="Folder for the images and pairs.jsonl; a new one.")
@_max_missing
@_choices
def unpack(pairs: Path, out: Path, **choices: Any) -> None:
    """Write packed pairs as images in folders and a pairs.jsonl."""
    from onediff_core.data import conversion

    with _counting() as done:
        summary = conversion.unpack(_job("pairs", pairs, **choices), out, done=done)
    _tell(summary)
    click.echo(out / "pairs.jsonl")


@data.command()
@click.argument("pairs", metavar="PAIRS", type=click.Path(path_type=Path, exists=True))
@_choices
def validate(pairs: Path, **choices: Any) -> None:
    """Decode every image and mask of a list, a folder or packed pairs, and name all that is wrong; 1 if anything is."""
    import sys

    from onediff_core.data import conversion

    summary = conversion.check(_job("pairs", pairs, decode=True, **choices))
    for line in summary.lines(all_of_them=True):
        click.echo(line)
    sys.exit(1 if summary.blames else 0)


def _job(name: str, root: Path, *, settings: tuple[str, ...], **choices: Any) -> Job:
    from onediff_core.data import conversion, sources
    from onediff_plugins.settings import parse_assignments

    return conversion.Job(source=sources.source(name), root=root, settings=parse_assignments(settings), **choices)


@contextmanager
def _counting() -> Iterator[Callable[[], None]]:
    """Counts pairs on stderr where somebody looks."""
    import sys

    seen = 0

    def done() -> None:
        nonlocal seen
        seen += 1
        if sys.stderr.isatty() and seen % 50 == 0:
            click.echo(f"\r{seen} pairs", err=True, nl=False)

    yield done
    if sys.stderr.isatty():
        click.echo("\r", err=True, nl=False)


def _tell(summary: Summary, *, err: bool = True) -> None:
    for line in summary.lines():
        click.echo(line, err=err)
