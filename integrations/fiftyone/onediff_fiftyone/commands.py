"""`onediff review`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--dataset", "name", metavar="NAME", help="Name of the dataset; that of the results' folder if not given.")
def review(results: Path, name: str | None) -> None:
    """Put RESULTS of a batch into a FiftyOne dataset, to look at and decide about."""
    from onediff_fiftyone.dataset import to_fiftyone

    with redirect_stdout(sys.stderr):
        done = to_fiftyone(results, name=name or results.resolve().stem)
    click.echo(done.dataset.name)
