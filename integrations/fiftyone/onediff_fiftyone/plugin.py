"""Commands of the FiftyOne integration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click


@hookimpl
def onediff_commands() -> Iterable[click.Command]:
    """`onediff review` and `onediff fiftyone`."""
    from onediff_fiftyone.app_commands import fiftyone_group
    from onediff_fiftyone.commands import review

    return [review, fiftyone_group]
