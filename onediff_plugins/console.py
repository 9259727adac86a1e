"""What the command line prints: results and tables on stdout, progress on stderr."""

from __future__ import annotations

import json
import platform
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from onediff_plugins import __version__
from onediff_plugins.errors import OneDiffError
from onediff_plugins.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from onediff_plugins.batch import Outcome, Summary
    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.specs import ModelSpec
    from onediff_plugins.types import BBox

ROWS: Final = 12
OPTIONAL: Final = {
    "pyproj": ("maps and areas of georeferenced pairs", "onediff-plugins[geo]"),
    "pyarrow": ("Parquet lists of pairs", "onediff-plugins[parquet]"),
}


class StdoutConsole(Console):
    """Prints names and captions as they are, and raises when the reader went away, where rich would exit with 1."""

    def __init__(self) -> None:
        """A console on stdout."""
        super().__init__(highlight=False, soft_wrap=True, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Leave it to the command line.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError


def print_result(result: ChangeResult, out: Path | None) -> None:
    """The caption, a short table of regions, and where the files are.

    Args:
        result: any result.
        out: the folder it was written to, or None.
    """
    console = StdoutConsole()
    console.print(Text(result.caption, style="bold"))
    verdict = {True: "changed", False: "not changed", None: f"undecided: {result.reason}"}[result.changed]
    total = sum(result.timings_ms.values())
    alignment = result.registration.method
    if result.registration.residual_px is not None:
        alignment += f", residual {result.registration.residual_px:.2f} px"
    console.print(
        f"{verdict} (score {result.score:.2f}) | {result.domain}, {result.detector}, words by "
        f"{result.caption_source} | {alignment} | {total:.0f} ms"
    )
    if result.regions:
        console.print(_regions_table(result.regions))
    if len(result.regions) > ROWS:
        console.print(f"and {len(result.regions) - ROWS} more")
    if out is not None:
        console.print(f"written to {out}: {', '.join(sorted(_names(result.files)))}, result.json")


def _names(files: dict[str, Any]) -> list[str]:
    return [name for value in files.values() for name in (_names(value) if isinstance(value, dict) else [str(value)])]


def _regions_table(regions: tuple[ChangeRegion, ...]) -> Table:
    table = Table("id", "kind", "label", "score", "before", "after", "what", box=None, pad_edge=False)
    for region in regions[:ROWS]:
        table.add_row(
            str(region.id),
            region.kind,
            region.label or "-",
            f"{region.score:.2f}",
            _box(region.bbox_before),
            _box(region.bbox_after),
            region.caption,
        )
    return table


def _box(box: BBox | None) -> str:
    return "-" if box is None else ",".join(f"{value:.0f}" for value in box)


@contextmanager
def progress(total: int) -> Iterator[Callable[[Outcome], None]]:
    """A progress bar on stderr, and a line for every pair that fails.

    Args:
        total: number of pairs.

    Yields:
        To be called once for every pair that is done.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("comparing", total=total)
        failed = 0

        def advance(outcome: Outcome) -> None:
            nonlocal failed
            if outcome.failure is not None:
                failed += 1
                failure = json.loads(outcome.failure)
                console.print(f"onediff: pair {failure['id']!r}: {' '.join(failure['error']['message'].split())}")
            bar.update(task, advance=1, description=f"comparing ({failed} failed)" if failed else "comparing")

        yield advance


def print_summary(summary: Summary) -> None:
    """Counts and where to look on stderr, the path of the results on stdout."""
    unchanged = summary.pairs - summary.changed - summary.undecided - summary.failed
    click.echo(
        f"{summary.pairs} pairs: {summary.changed} changed, {unchanged} not changed, {summary.undecided} undecided, "
        f"{summary.failed} failed, {summary.skipped} done before",
        err=True,
    )
    click.echo(f"look at {summary.index}", err=True)
    click.echo(str(summary.results))


def print_plugins(host: Host, *, as_json: bool) -> None:
    """Every plugin with its state, and what is installed under which name.

    Args:
        host: any host.
        as_json: machine-readable.
    """
    plugins = [
        {
            "name": info.name,
            "dist": info.dist,
            "version": info.version,
            "status": info.status,
            "error": None if info.error is None else str(info.error),
        }
        for info in host.plugins
    ]
    brought: dict[str, dict[str, str]] = {
        "domains": {name: spec.summary for name, spec in host.domains().items()},
        "models": {name: _availability(host, spec) for name, spec in host.models().items()},
        "heads": {name: spec.task for name, spec in host.heads().items()},
        "exporters": {name: spec.summary for name, spec in host.exporters().items()},
        "executors": {name: spec.summary for name, spec in host.executors().items()},
    }
    if as_json:
        click.echo(json.dumps({"onediff_plugins": __version__, "plugins": plugins, **brought}, indent=2))
        return
    console = StdoutConsole()
    table = Table("plugin", "distribution", "version", "status", "error", box=None, pad_edge=False)
    for plugin in plugins:
        table.add_row(*(plugin[key] or "" for key in ("name", "dist", "version", "status", "error")))
    console.print(table)
    for kind, names in brought.items():
        if names:
            console.print(f"\n{kind}", style="bold")
            for name, summary in names.items():
                console.print(f"  {name}: {summary}" if summary else f"  {name}")


def _availability(host: Host, spec: ModelSpec) -> str:
    lacking: dict[str, str] = {}
    try:
        why_not = spec.why_not(None, settings=host.model_settings(spec.name))
        if why_not is None:
            lacking = {role: why for role in sorted(spec.roles) if (why := spec.lacks(role, None)) is not None}
    except Exception as exc:  # noqa: BLE001  # the list is there to find out what is wrong
        why_not = f"its check raised {type(exc).__name__}: {exc}"
    notes = [f"not available: {why_not}"] if why_not else [f"not {role}: {why}" for role, why in lacking.items()]
    return " and ".join(sorted(spec.roles - lacking.keys())) + (f" ({'; '.join(notes)})" if notes else "")


def print_diagnosis() -> bool:
    """What is installed and what is wrong with it; returns whether all is well."""
    click.echo(f"onediff-plugins {__version__}, Python {platform.python_version()}, {platform.system()}")
    problems = []
    try:
        host = Host()
    except OneDiffError as exc:
        click.echo(f"problem: {exc}")
        return False
    for info in host.plugins:
        click.echo(f"plugin {info.owner}: {info.status}")
        if info.error is not None:
            problems.append(str(info.error))
    if not host.domains():
        problems.append("no domain is installed: pip install onediff-ui, onediff-satellite, or one of your own")
    for domain in host.domains():
        for role in ("detect", "describe"):
            try:
                model = host.choose_model(domain, role)
                heads = host.choose_heads(model, domain, ())  # finds the weights that the settings name
            except OneDiffError as exc:
                problems.append(str(exc))
            else:
                click.echo(f"{domain}: {role} by {model.name}{_loading(heads) if role == 'detect' else ''}")
    for package, (purpose, install) in OPTIONAL.items():
        click.echo(f"{package}: {_version(package) or f'not installed; {purpose} need it: pip install {install}'}")
    problems = list(dict.fromkeys(problems))  # all domains share their weights
    for problem in problems:
        click.echo(f"problem: {problem}")
    click.echo("all is well" if not problems else f"{len(problems)} problem{'s' * (len(problems) > 1)}")
    return not problems


def _loading(heads: Sequence[str]) -> str:
    return f" with {', '.join(heads)}" if heads else ""


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
