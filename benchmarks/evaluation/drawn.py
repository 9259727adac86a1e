"""Drawn pairs as they are scored: what a detector is asked for, which of its regions are right, and what it calls them.

Values in, values out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from onediff_core.evaluation.counting import ratio
from onediff_core.evaluation.regions import IOU, Box, box_iou, cover, matched, mostly_scored
from onediff_core.evaluation.said import OPPOSITE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from onediff_core.data import Sample
    from onediff_core.data.sample import SampleRegion
    from onediff_plugins import ChangeRegion, ChangeResult


@dataclass(frozen=True)
class Asked:
    """What of a drawn pair a detector can be asked for.

    Attributes:
        regions: that it should find.
        others: boxes of what it does not look for, and of what an edit elsewhere pushed; a region that it finds there
            is neither right nor wrong.
        pushed: whether there is such content, whose moves are told by one region for all that went together.
        scored: (H, W) bool, False where nobody can say; None scores every pixel.
    """

    regions: tuple[SampleRegion, ...]
    others: tuple[Box, ...]
    pushed: bool
    scored: np.ndarray | None

    @classmethod
    def of(cls, sample: Sample, classes: Collection[str], kinds: Collection[str]) -> Asked:
        """The regions of the classes that a detector has.

        What an edit pushed elsewhere is not asked for. Where the domain knows no moves, what moved went here and came
        there.

        Args:
            sample: drawn, its regions listed.
            classes: of the detector's mask heads, or none for a detector that finds every change.
            kinds: of the domain.
        """
        things = {thing(name) for name in classes}
        told = [region for region in sample.regions or () if not region.attributes.get("pushed")]
        asked = [region for region in told if not things or thing(class_of(sample, region)) in things]
        others = [box for region in sample.regions or () if region not in asked for box in _places(region)]
        split = [part for region in asked for part in (_came_and_went(region) if "moved" not in kinds else [region])]
        scored = None if sample.ignore is None else ~sample.ignore
        return cls(tuple(split), tuple(others), pushed=len(told) < len(sample.regions or ()), scored=scored)


def thing(name: str) -> str:
    """What a class is of, whatever its direction: "building+" is of "building"."""
    return name.rstrip("+-")


def class_of(sample: Sample, region: SampleRegion) -> str:
    """The class whose mask fills most of a region's box."""
    x0, y0, x1, y1 = region.box
    return max(sample.masks, key=lambda name: sample.masks[name][y0:y1, x0:x1].sum())


def box_of(region: SampleRegion) -> Box:
    """Its box, as it is scored."""
    return Box(*region.box)


def _places(region: SampleRegion) -> list[Box]:
    """Where it is, and where it was."""
    return [box_of(region), *(Box(*box) for name, box in region.attributes.items() if name == "box_before")]


def _came_and_went(region: SampleRegion) -> list[SampleRegion]:
    """What moved, as a domain without moves sees it; what was in the image at one of both times alone, once."""
    if region.kind != "moved":
        return [region]
    parts = [replace(region, kind="added")]
    if "box_before" in region.attributes:
        parts.append(replace(region, kind="removed", box=tuple(region.attributes["box_before"])))
    return parts


@dataclass
class Drawn:
    """Counts over drawn pairs, for one detector."""

    pairs: int = 0
    undecided: int = 0
    true: int = 0
    found: int = 0
    hits: int = 0
    kinds: Counter = field(default_factory=Counter)  # (true kind, told kind) of regions that are right
    labels: Counter = field(default_factory=Counter)  # (true class, told class) of those that got one
    changed: int = 0  # pairs in which something that was asked for changed
    flagged: int = 0  # and of those, pairs told so
    still: int = 0  # pairs without any change
    quiet: int = 0  # and of those, pairs told so
    directed: int = 0  # regions that came or went, in either order of the two images
    exchanged: int = 0  # and of those, regions told the other way round in the other order
    seconds: list[float] = field(default_factory=list)

    def add(
        self,
        sample: Sample,
        asked: Asked,
        result: ChangeResult,
        seconds: float,
        names: Callable[[str], str] | None = None,
    ) -> None:
        """Count a pair whose verdict is known.

        Args:
            sample: drawn.
            asked: what of it counts.
            result: of the pair.
            seconds: that it took.
            names: true label -> the class that says so, where something named the regions; None does not count labels.
        """
        self.pairs += 1
        self.seconds.append(seconds)
        self.undecided += result.changed is None
        if not sample.changed:
            self.still += 1
            self.quiet += result.changed is False
        elif asked.regions:
            self.changed += 1
            self.flagged += result.changed is True
        matches = right_ones(asked.regions, result.regions)
        self.true += len(asked.regions)
        self.hits += len(matches)
        right = {index for _, index in matches}
        wrong = [region for index, region in enumerate(result.regions) if index not in right]
        self.found += len(matches) + sum(not _excused(region, asked) for region in wrong)
        for truth, index in matches:
            self.kinds[asked.regions[truth].kind, result.regions[index].kind] += 1
            if names is not None and (label := result.regions[index].label):
                self.labels[names(asked.regions[truth].label), label] += 1

    def add_swapped(self, result: ChangeResult, backwards: ChangeResult) -> None:
        """Count how a pair is told in both orders of its images."""
        for one, other in ((result, backwards), (backwards, result)):
            directed = [region for region in one.regions if region.kind in OPPOSITE]
            self.directed += len(directed)
            self.exchanged += sum(any(_turned(region, found) for found in other.regions) for region in directed)

    def figures(self) -> dict:
        """Everything that the table and the JSON show; None where it is not defined."""
        return {
            "pairs": self.pairs,
            "undecided": self.undecided,
            "true": self.true,
            "found": self.found,
            "hits": self.hits,
            "region_f1": ratio(2 * self.hits, self.true + self.found),
            "kind_accuracy": ratio(sum(count for (true, told), count in self.kinds.items() if true == told), self.hits),
            "label_accuracy": ratio(
                sum(count for (true, told), count in self.labels.items() if true == told), self.labels.total()
            ),
            "labelled": self.labels.total(),
            "swap": ratio(self.exchanged, self.directed),
            "directed": self.directed,
            "tnr": ratio(self.quiet, self.still),
            "still": self.still,
            "recall": ratio(self.flagged, self.changed),
            "changed": self.changed,
            "kinds": {f"{true} told {told}": count for (true, told), count in sorted(self.kinds.items())},
            "ms": float(np.median(self.seconds)) * 1000 if self.seconds else None,
        }

    def joined(self, other: Drawn) -> Drawn:
        """The counts of both."""
        return Drawn(**{part.name: getattr(self, part.name) + getattr(other, part.name) for part in fields(self)})


def right_ones(truth: Sequence[SampleRegion], found: Sequence[ChangeRegion]) -> list[tuple[int, int]]:
    """Which true region, on the after grid, is which found one: numbers of both, see `regions.matched`."""
    return matched([box_of(one) for one in truth], [boxes(other) for other in found])


def boxes(region: ChangeRegion) -> list[Box]:
    """The boxes that show a region. What is gone with its room has none but a seam on the after grid."""
    known = (region.bbox_after, region.bbox_before, region.geometry.bounds)
    return [Box(*corners) for corners in known if corners is not None]


def _excused(region: ChangeRegion, asked: Asked) -> bool:
    """Whether a region that is not right is not wrong either."""
    if (region.kind == "moved" and asked.pushed) or not mostly_scored(boxes(region), asked.scored):
        return True
    return any(_covered(box, asked.others) >= IOU for box in boxes(region))


def _covered(box: Box, by: Sequence[Box]) -> float:
    """The share of a box that lies in others."""
    inside = cover(by, (int(np.ceil(box.y1)), int(np.ceil(box.x1))))[int(box.y0) :, int(box.x0) :]
    return float(inside.mean()) if inside.size else 0.0


def _turned(region: ChangeRegion, found: ChangeRegion) -> bool:
    """Whether a region of the pair read backwards says the opposite of the same place."""
    if found.kind != OPPOSITE[region.kind]:
        return False
    one, other = region.bbox_after or region.bbox_before, found.bbox_before or found.bbox_after
    return box_iou(Box(*one), Box(*other)) >= IOU
