"""What the satellite domain is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_plugins.specs import DomainSpec, Wording
from onediff_satellite.settings import SatelliteSettings

if TYPE_CHECKING:
    from onediff_plugins.types import PairRequest


def _sniff(request: PairRequest) -> float:
    from onediff_satellite.io import sniff

    return sniff(request)


DOMAIN: Final = DomainSpec(
    name="satellite",
    summary="satellite and aerial images: co-registered, compared in map coordinates",
    settings=SatelliteSettings,
    wording=Wording(
        scene="scene",
        region=("area", "areas"),
        place="compass",
        unit="m2",
        nouns={"landcover": ("land cover", "land cover")},
        unchanged="Nothing changed in the scene.",
        undecided="Too little of the two scenes can be compared.",
    ),
    kinds=("added", "removed", "changed"),
    capabilities=frozenset({"georeferenced", "rigid"}),
    sniff=_sniff,
    detectors=("onediff", "ir-mad"),
    describers=("onediff", "template"),
    # Both: buildings that came or went, and land that changed beyond their sites, which the second leaves to the first.
    # docs/results.md has each alone beside them.
    heads=("satellite.building", "satellite.change"),
)
