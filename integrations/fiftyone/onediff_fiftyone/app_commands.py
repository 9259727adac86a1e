"""`onediff fiftyone`: the plugin in and out of FiftyOne. Imports click alone."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.option(
    "--plugins",
    type=click.Path(path_type=Path, file_okay=False),
    help="FiftyOne's plugins folder; FIFTYONE_PLUGINS_DIR or FiftyOne's default if not given.",
)


@click.group("fiftyone")
def fiftyone_group() -> None:
    """The panel "Change review" in the FiftyOne App."""


@fiftyone_group.command("install")
@_FOLDER
def install_command(plugins: Path | None) -> None:
    """Put the panel and its operators into FiftyOne; again after an update of onediff-fiftyone."""
    from onediff_fiftyone.installing import install

    click.echo(install(plugins))
    click.echo("reload the App's page, if it is open; then press + beside Samples and choose Change review", err=True)


@fiftyone_group.command("uninstall")
@_FOLDER
def uninstall_command(plugins: Path | None) -> None:
    """Take the panel out of FiftyOne. Datasets and decisions stay."""
    from onediff_fiftyone.installing import uninstall

    removed = uninstall(plugins)
    if removed is None:
        click.echo("it was not installed", err=True)
    else:
        click.echo(removed)
