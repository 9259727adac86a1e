"""Places to ask about: of facts, invented where they say; of samples, as they are or as a detector might see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_core.data.synthetic.captions import PLACE
from onediff_core.prompts import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from onediff_core.data import Sample, SampleRegion
    from onediff_core.parsing import Fact

MOST: Final = 8  # as `onediff_core.describer` names
DROPPED: Final = (0.15, 0.5)
# Sides of boxes as shares of the image.
_SIDES: Final = {"small": (0.04, 0.1), "": (0.07, 0.2), "large": (0.18, 0.45)}
_SOME: Final = (2, 6)
_THIRDS: Final = {"top": 0, "left": 0, "bottom": 2, "right": 2}
_LOOSE: Final = 0.1  # how far the corners of a detector's box are off, as a share of its sides


def places_of_facts(facts: Sequence[Fact], rng: np.random.Generator) -> list[Place]:
    """As many boxes as the facts count, each within the third that they name, in any order; at most `MOST`.

    Args:
        facts: of `parsing.parse`.
        rng: decides what the facts leave open.
    """
    places = [
        Place(_invented(fact, rng), fact.kind, fact.label)
        for fact in facts
        for _ in range(fact.count or int(rng.integers(*_SOME)))
    ]
    return [places[at] for at in rng.permutation(len(places))[:MOST]]


def place_of_region(region: SampleRegion, sample: Sample) -> Place:
    """Where a sample says that something changed."""
    height, width = sample.after.shape[:2]
    x0, y0, x1, y1 = region.box
    box = (max(x0 / width, 0.0), max(y0 / height, 0.0), min(x1 / width, 1.0), min(y1 / height, 1.0))
    return Place(box, region.kind, region.label)


def named_places(sample: Sample) -> list[Place]:
    """The places of a sample's regions, the largest first, at most `MOST`; none of pairs of two different places."""
    regions = [region for region in sample.regions or () if region.label != PLACE]
    places = [place_of_region(region, sample) for region in regions]
    return sorted(places, key=lambda place: -_area(place))[:MOST]


def dropped(places: Sequence[Place], rng: np.random.Generator) -> list[Place]:
    """Some of the facts, so that one cannot rely on all of them: whole places, labels and kinds are left out.

    Args:
        places: at least one of them stays.
        rng: decides which share, within `DROPPED`.
    """
    share = rng.uniform(*DROPPED)
    kept = [place for place in places if rng.random() >= share] or [places[int(rng.integers(len(places)))]]
    return [
        Place(
            place.box,
            place.kind if rng.random() >= share / 2 else "changed",
            place.label if rng.random() >= share / 2 else "",
        )
        for place in kept
    ]


def loosened(places: Sequence[Place], rng: np.random.Generator) -> list[Place]:
    """The same places with corners as far off as a detector's."""
    return [Place(_loose(place.box, rng), place.kind, place.label) for place in places]


def mirrored(places: Sequence[Place], *, across: bool, down: bool) -> list[Place]:
    """The same places where left and right, or top and bottom, are exchanged."""

    def turned(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = box
        x0, x1 = (1 - x1, 1 - x0) if across else (x0, x1)
        y0, y1 = (1 - y1, 1 - y0) if down else (y0, y1)
        return x0, y0, x1, y1

    return [Place(turned(place.box), place.kind, place.label) for place in places]


def _invented(fact: Fact, rng: np.random.Generator) -> tuple[float, float, float, float]:
    width, height = rng.uniform(*_SIDES[fact.size], size=2)
    x = _middle(fact.column, fact.middle and not fact.row, rng)
    y = _middle(fact.row, fact.middle and not fact.column, rng)
    x0, y0 = min(max(x - width / 2, 0.0), 1 - width), min(max(y - height / 2, 0.0), 1 - height)
    return float(x0), float(y0), min(float(x0 + width), 1.0), min(float(y0 + height), 1.0)


def _middle(word: str, middle: bool, rng: np.random.Generator) -> float:
    """Along one axis: within the third of a word, or within the middle one, or anywhere."""
    if word or middle:
        third = _THIRDS.get(word, 1)
        return float(rng.uniform(third, third + 1)) / 3
    return float(rng.random())


def _loose(box: tuple[float, float, float, float], rng: np.random.Generator) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    off = rng.normal(0, _LOOSE, 4).clip(-0.3, 0.3) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0)
    x0, y0, x1, y1 = ((share + by) for share, by in zip(box, off.tolist(), strict=True))
    return max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0)


def _area(place: Place) -> float:
    x0, y0, x1, y1 = place.box
    return (x1 - x0) * (y1 - y0)
