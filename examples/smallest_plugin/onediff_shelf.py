"""Photographs of a shop's shelf from a camera that stands still: a domain of its own in twenty lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_plugins import hookimpl

if TYPE_CHECKING:
    from onediff_plugins import DomainSpec


@hookimpl
def onediff_domain() -> DomainSpec:
    """The domain "shelf": its words are its own, everything else is the built-in behaviour."""
    from onediff_plugins import DomainSettings, DomainSpec, Wording

    return DomainSpec(
        name="shelf",
        summary="photographs of a shelf",
        settings=DomainSettings,
        wording=Wording(scene="shelf", region=("item", "items"), unchanged="The shelf is as it was."),
        detectors=("difference",),
    )
