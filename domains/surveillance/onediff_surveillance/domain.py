"""What the surveillance domain is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_plugins.specs import DomainSpec, Wording
from onediff_surveillance.settings import SurveillanceSettings

if TYPE_CHECKING:
    from onediff_plugins.types import PairRequest


def _sniff(request: PairRequest) -> float:
    from onediff_surveillance.sniffing import sniff

    return sniff(request)


DOMAIN: Final = DomainSpec(
    name="surveillance",
    summary="stills of one fixed camera: objects that came, went or changed, told from light and shake",
    settings=SurveillanceSettings,
    wording=Wording(
        scene="view",
        region=("object", "objects"),
        # What a camera saw and no more: nobody is said to have done anything.
        verbs={
            "added": ("appeared", "appeared"),
            "removed": ("is no longer there", "are no longer there"),
            "changed": ("changed", "changed"),
            "moved": ("moved", "moved"),
        },
        place="grid",
        unit="px",
        unchanged="Nothing changed in the view.",
        undecided="Too little of the two views can be compared.",
    ),
    kinds=("added", "removed", "changed"),
    capabilities=frozenset({"rigid"}),
    sniff=_sniff,
    # On the tuning half of cdnet_highway "onediff" has a pooled F1 of 0.951 against 0.944, and a mean IoU of pairs of
    # 0.915 against 0.934, in five times the time: no clear winner there. docs/results.md has both on every set.
    detectors=("illumination",),
    # The words of "onediff" are not true of real pairs yet: docs/results.md has them beside these.
    describers=("template",),
)
