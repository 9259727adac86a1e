"""OneDiff in the roles `detect` and `describe`, and the commands `data`, `train` and `eval`: hooks, which hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from onediff_plugins.specs import ModelSpec


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """The detector and captioner "onediff", and the captioner "onediff-words"."""
    from onediff_core import words
    from onediff_core.building import Builder
    from onediff_core.layout import head_in, no_weights
    from onediff_plugins.specs import ModelSpec

    builder = Builder()  # of this host: what it loads lives as long as the host does
    yield ModelSpec(
        name="onediff",
        roles=frozenset({"detect", "describe"}),
        build=builder,
        available=no_weights,
        takes_heads=True,
        takes_weights=True,
        held_heads=builder.held_heads,
        head_in=head_in,
        lacks=builder.lacks,
        unsuited=builder.unsuited,
        wants_normalised=False,  # it was trained under light of every kind; fitted pairs cost it F1: docs/results.md
    )
    yield ModelSpec(
        name="onediff-words", roles=frozenset({"describe"}), build=words.build, settings=words.WordsSettings
    )


@hookimpl
def onediff_commands() -> Iterable[click.Command]:
    """`onediff data`, `onediff train` and `onediff eval`."""
    from onediff_core.data.commands import data
    from onediff_core.evaluation.commands import evaluate
    from onediff_core.training.commands import train

    return [data, evaluate, train]
