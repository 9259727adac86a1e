"""Options that the commands of all stages have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable


def assigned(option: str, assignments: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE, each given with an option of its own.

    Args:
        option: its name, for the error.
        assignments: as given.

    Raises:
        BadParameter: one without "=".
    """
    given = list(assignments)
    if wrong := [entry for entry in given if "=" not in entry]:
        raise click.BadParameter(f"{wrong[0]!r} has no '='", param_hint=option)
    return dict(entry.split("=", 1) for entry in given)
