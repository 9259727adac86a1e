"""`onediff data`: pairs to learn from. Imports click alone, so that the command line is listed without the rest."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def data() -> None:
    """Pairs to learn from."""


@data.command()
@click.option(
    "--scene", "scenes", multiple=True, required=True, metavar="NAME", help="What to draw; several take turns."
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
