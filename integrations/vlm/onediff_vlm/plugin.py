"""The describer "hf-vlm"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onediff_plugins.specs import ModelSpec


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """The describer "hf-vlm"."""
    from onediff_plugins.specs import ModelSpec
    from onediff_vlm.building import Builder
    from onediff_vlm.settings import VlmSettings

    # Of this host: domains share one connection, or one model in memory, which live as long as the host does.
    yield ModelSpec(name="hf-vlm", roles=frozenset({"describe"}), build=Builder(), settings=VlmSettings)
