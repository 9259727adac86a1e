"""`onediff review`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--dataset", "name", metavar="NAME", help="Name of the dataset; that of the results' folder if not given."
)
@click.option("--launch", is_flag=True, help="Open the FiftyOne App on it, until you press Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the App; FiftyOne's own if not given.")
@click.option(
    "--moved", multiple=True, metavar="OLD=NEW", help="Images were moved: old and new beginning of their paths."
)
@click.option("--instance-masks", is_flag=True, help="Give each region a mask of its own, kept in the database.")
@click.option(
    "--media", type=click.Path(path_type=Path), help="Folder for pictures that a browser needs and that are missing."
)
def review(
    results: Path,
    name: str | None,
    launch: bool,
    port: int | None,
    moved: tuple[str, ...],
    instance_masks: bool,
    media: Path | None,
) -> None:
    """Put RESULTS of a batch into a FiftyOne dataset, to look at them and decide.

    RESULTS is results.jsonl, or the folder that holds it. Import again at any time: decisions are kept.
    """
    from onediff_fiftyone.dataset import to_fiftyone

    with redirect_stdout(sys.stderr), _Progress() as progress:  # FiftyOne prints
        done = to_fiftyone(
            results,
            name=name,
            media=media,
            moved=dict(map(_moved, moved)),
            instance_masks=instance_masks,
            progress=progress,
        )
    counts = {
        "added": done.added,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "left out, since they could not be compared": done.failed,
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    click.echo(f"dataset {done.dataset.name}: {said or 'nothing to import'}")
    if launch:
        _launch(done.dataset, port)
    else:
        click.echo(f"look at it: onediff review {results} --dataset {done.dataset.name} --launch", err=True)


def _launch(dataset: Any, port: int | None) -> None:  # noqa: ANN401  # fiftyone has no types
    """The App on this machine alone: whoever reaches it may read any file that we can."""
    import fiftyone

    from onediff_fiftyone.looks import PENDING_VIEW

    with redirect_stdout(sys.stderr):
        # What is not decided yet, surest first: where a reviewer starts.
        view = dataset.load_saved_view(PENDING_VIEW)
        session = fiftyone.launch_app(
            dataset, view=view, address="127.0.0.1", **({} if port is None else {"port": port})
        )
        click.echo(f"open http://127.0.0.1:{session.server_port}/datasets/{dataset.name}; Ctrl-C ends it", err=True)
        try:
            session.wait(-1)
        except KeyboardInterrupt:  # how it ends, and no failure
            session.close()


def _moved(said: str) -> tuple[str, str]:
    old, equals, new = said.partition("=")
    if not (old and equals and new):
        raise click.BadParameter(f"{said!r} is not OLD=NEW, two beginnings of paths", param_hint="--moved")
    return old, new


class _Progress:
    """A bar on stderr, from the first pair that is written on."""

    def __enter__(self) -> _Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task: Any = None
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._bar.add_task("importing", total=total)
        self._bar.update(self._task, completed=done)
