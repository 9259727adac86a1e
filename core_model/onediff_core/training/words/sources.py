"""Where lessons come from. A lesson depends on the random generator alone, as the samples of dense training do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from onediff_core.data import SampleRegion, swap
from onediff_core.data.synthetic import scene
from onediff_core.data.synthetic.captions import side
from onediff_core.data.synthetic.objects import still
from onediff_core.imagery import with_context
from onediff_core.parsing import parse
from onediff_core.prompts import Place
from onediff_core.training.photometry import nuisance, statistics
from onediff_core.training.words.lessons import Lesson, Turn, answer, told_regions, turns_of
from onediff_core.training.words.places import dropped, mirrored, places_of_facts
from onediff_plugins import english
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onediff_core.data import Sample
    from onediff_core.training.words.lessons import Picture
    from onediff_core.training.words.texts import Texts

_SWAPPED: Final = 0.3
_REAL_BACKWARDS: Final = 0.2
_CLOSE: Final = {"refer": 0.7, "yes_no": 0.3}  # what is asked of a cut around one change
_SEEDS: Final = 2**31  # of training; what is scored has seeds from here on
_TEXT_SIDE: Final = 96  # of scenes whose images nobody looks at
COUPLED: Final = "Describe the first image, then the second."


class LessonSource(Protocol):
    """Endless lessons."""

    def draw(self, rng: np.random.Generator) -> Lesson:
        """A lesson, from chance alone."""


@dataclass(frozen=True)
class Mixture:
    """Lessons of several sources.

    Attributes:
        sources: each with its share.
    """

    sources: Sequence[tuple[LessonSource, float]]

    def draw(self, rng: np.random.Generator) -> Lesson:
        """A lesson of one of them."""
        shares = np.array([share for _, share in self.sources])
        return self.sources[int(rng.choice(len(shares), p=shares / shares.sum()))][0].draw(rng)


# --- text alone ---


class WrittenFacts:
    """Sentences that people wrote, asked for by the facts in them."""

    def __init__(self, texts: Texts) -> None:
        """Keep the sentences in which facts are found.

        Args:
            texts: LEVIR-CC and Spot-the-Diff come equally often.
        """
        satellite = [sentence for told in texts.satellite for sentence in told]
        self.pools = [[sentence for sentence in pool if parse(sentence)] for pool in (satellite, texts.scenes)]

    def draw(self, rng: np.random.Generator) -> Lesson:
        """One sentence."""
        pool = self.pools[int(rng.integers(len(self.pools)))]
        sentence = pool[int(rng.integers(len(pool)))]
        places = dropped(places_of_facts(parse(sentence), rng), rng)
        return Lesson(turns=(Turn("regions", answer(sentence), tuple(places)),))


class DrawnFacts:
    """What generators say of their scenes."""

    def __init__(self, scenes: Mapping[str, float], tasks: Mapping[str, float]) -> None:
        """Keep what is drawn.

        Args:
            scenes: name -> share.
            tasks: task -> share; those that can be answered from facts alone are asked.
        """
        self.scenes = DrawnPairs(scenes, {name: tasks.get(name, 0) for name in ("regions", "refer")}, 1, _TEXT_SIDE)

    def draw(self, rng: np.random.Generator) -> Lesson:
        """A question about a scene whose images are not shown."""
        while True:
            sample = self.scenes.sample(rng)
            if told_regions(sample):
                break
        return Lesson(turns=turns_of(sample, self.scenes.tasks, rng, 1))


class CoupledFacts:
    """What stands in two pictures that have nothing to do with each other, told as places where tokens will tell it."""

    def draw(self, rng: np.random.Generator) -> Lesson:
        """Two pictures."""
        told = [_told(rng, _TEXT_SIDE) for _ in range(2)]
        first, second = ("; ".join(map(str, places)) for _, _, places in told)
        question = f"First: {first}. Second: {second}. {COUPLED}"
        return Lesson(turns=(Turn("", _both(told[0][1], told[1][1]), question=question),))


# --- with images ---


class CoupledPictures:
    """Coupled Sample Training: two pictures that have nothing to do with each other, and a caption of each."""

    def __init__(self, side: int, look: Callable[[np.random.Generator], tuple[Picture, str]] | None = None) -> None:
        """Keep where pictures come from.

        Args:
            side: of drawn pictures in pixels.
            look: draws a picture and a caption of it, all of one size; drawn things unless given.
        """
        self.look = look or (lambda rng: drawn_picture(rng, side))

    def draw(self, rng: np.random.Generator) -> Lesson:
        """Two pictures."""
        (before, first), (after, second) = (self.look(rng) for _ in range(2))
        return Lesson(images=(before, after), turns=(Turn("", _both(first, second), question=COUPLED),))


class DrawnPairs:
    """Pairs of all kinds of drawn scenes with all tasks; now and then backwards, or close to one change."""

    def __init__(self, scenes: Mapping[str, float], tasks: Mapping[str, float], turns: int, side: int) -> None:
        """Find the generators.

        Args:
            scenes: name -> share.
            tasks: task -> share.
            turns: questions a pair.
            side: of the scenes in pixels.
        """
        self.draws = [scene(name) for name in scenes]
        self.shares = np.array(list(scenes.values())) / sum(scenes.values())
        self.tasks, self.turns, self.side = dict(tasks), turns, side

    def sample(self, rng: np.random.Generator) -> Sample:
        """A scene of which it is known whether it changed, three times in ten read backwards."""
        draw = self.draws[int(rng.choice(len(self.draws), p=self.shares))]
        while (sample := draw(int(rng.integers(_SEEDS)), 0, self.side)).changed is None:
            pass  # too little to be seen to say so: another one
        return swap(sample) if rng.random() < _SWAPPED else sample

    def draw(self, rng: np.random.Generator) -> Lesson:
        """Questions about the whole pair, or, as often as "refer" is asked, about one change and what is around it."""
        sample, tasks = self.sample(rng), self.tasks
        shown = told_regions(sample)
        if shown and rng.random() < tasks.get("refer", 0):
            sample = close_to(shown[int(rng.integers(len(shown)))], sample, self.side)
            tasks = _CLOSE
        turns = turns_of(sample, tasks, rng, self.turns)
        return Lesson(images=(sample.before, sample.after), turns=turns)


class RealPairs:
    """Real pairs with captions that people wrote, in four mirrorings, in other light; now and then backwards."""

    def __init__(
        self,
        samples: Sequence[tuple[Sample, Sequence[Place]]],
        tasks: Mapping[str, float],
        turns: int,
        predicted: float,
    ) -> None:
        """Keep the pairs, sorted by whether they show a change.

        Args:
            samples: each with the places that heads found in it.
            tasks: task -> share.
            turns: questions a pair.
            predicted: share of questions for which those places are told as they were found; else facts are dropped.
        """
        self.pools = [pool for flag in (True, False) if (pool := [s for s in samples if bool(s[0].changed) is flag])]
        self.tasks, self.turns, self.predicted = dict(tasks), turns, predicted
        self.palette = [statistics(image) for sample, _ in samples for image in (sample.before, sample.after)]

    def draw(self, rng: np.random.Generator) -> Lesson:
        """A changed pair seven times in ten."""
        pool = self.pools[0 if rng.random() < 0.7 else -1]
        sample, places = pool[int(rng.integers(len(pool)))]
        if rng.random() < _REAL_BACKWARDS and any(map(_came_or_went, places)):
            sample, places = backwards(sample, places)
        across, down = (bool(rng.random() < 0.5) for _ in range(2))
        sample, places = turned(sample, across=across, down=down), mirrored(places, across=across, down=down)
        if places and rng.random() >= self.predicted:
            places = dropped(places, rng)
        before, after = (
            nuisance(rng, image, self.palette[int(rng.integers(len(self.palette)))])
            for image in (sample.before, sample.after)
        )
        return Lesson(images=(before, after), turns=turns_of(sample, self.tasks, rng, self.turns, places=places))


def backwards(sample: Sample, places: Sequence[Place]) -> tuple[Sample, list[Place]]:
    """A real pair in the other order of time. Nobody said how that reads: captions are written from what heads found.

    Args:
        sample: changed, with captions.
        places: found in it; it holds a building that came or went.
    """
    height, width = sample.after.shape[:2]
    size = np.array([width, height, width, height])
    found = tuple(
        SampleRegion(kind=place.kind, label=place.label, box=tuple(np.round(place.box * size).astype(int).tolist()))
        for place in places
        if _came_or_went(place)
    )
    told = [place._replace(kind=_OTHER_WAY.get(place.kind, place.kind)) for place in places]
    return replace(swap(replace(sample, regions=found)), regions=None), told


def _came_or_went(place: Place) -> bool:
    return place.label == _DIRECTED and place.kind in _OTHER_WAY


def close_to(region: SampleRegion, sample: Sample, window: int) -> Sample:
    """One change of a sample with what is around it, cut as the describer cuts it.

    Args:
        region: of the sample.
        sample: larger than the cut, or as large.
        window: side of the model's window in pixels.
    """
    height, width = sample.after.shape[:2]
    cut = with_context(Box(*region.box), Box(0, 0, width, height), window)
    facts = dict(region.attributes)
    if "box_before" in facts:
        old = Box(*facts.pop("box_before")).shifted(-cut.x0, -cut.y0)
        if old.intersection(Box(0, 0, cut.width, cut.height)) == old:  # else the cut does not show where it came from
            facts["box_before"] = tuple(old)
    moved = replace(region, box=Box(*region.box).shifted(-cut.x0, -cut.y0), attributes=facts)
    before, after = (image[cut.slices] for image in (sample.before, sample.after))
    return replace(sample, before=before, after=after, masks={}, ignore=None, regions=(moved,), captions=())


_OTHER_WAY: Final = {"added": "removed", "removed": "added"}
_DIRECTED: Final = "building"  # what heads tell the direction of
_ACROSS: Final = {"left": "right", "right": "left"}
_DOWN: Final = {
    "top": "bottom", "bottom": "top", "upper": "lower", "lower": "upper", "above": "below", "below": "above"
}  # fmt: skip


def turned(sample: Sample, *, across: bool, down: bool) -> Sample:
    """A sample whose left and right, or top and bottom, are exchanged, in its words too.

    Args:
        sample: with captions; its masks and regions are left out.
        across: exchange left and right.
        down: exchange top and bottom.
    """
    table = {**(_ACROSS if across else {}), **(_DOWN if down else {})}

    def told(caption: str) -> str:
        return " ".join("-".join(table.get(part, part) for part in word.split("-")) for word in caption.split())

    def shown(image: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(image[:: -1 if down else 1, :: -1 if across else 1])

    return replace(
        sample,
        before=shown(sample.before),
        after=shown(sample.after),
        masks={},
        ignore=None,
        regions=None,
        captions=tuple(map(told, sample.captions)),
    )


# --- pictures that are coupled ---


def drawn_picture(rng: np.random.Generator, side_px: int) -> tuple[Picture, str]:
    """A drawn picture, and what stands in it.

    Args:
        rng: draws it.
        side_px: in pixels.
    """
    picture, caption, _ = _told(rng, side_px)
    return picture, caption


def _told(rng: np.random.Generator, side_px: int) -> tuple[np.ndarray, str, list[Place]]:
    """A picture, what stands in it, and where."""
    picture, things = still(int(rng.integers(_SEEDS)), 0, side_px)
    nouns = [_noun(thing) for thing in things]
    parts = [
        f"{english.article(noun)} {_at(side(thing.box, (side_px, side_px)))}"
        for noun, thing in zip(nouns, things, strict=True)
    ]
    places = [
        Place(tuple(edge / side_px for edge in thing.box), "", noun)  # type: ignore[arg-type]  # four numbers
        for noun, thing in zip(nouns, things, strict=True)
    ]
    return picture, english.listed(parts), places


def _noun(thing: SampleRegion) -> str:
    words = (thing.attributes.get(name, "") for name in ("size", "colour", "material"))
    return " ".join(filter(None, (*words, thing.label)))


def _at(place: str) -> str:
    if place == "centre":
        return "in the middle"
    return f"on the {place}" if place in ("left", "right") else f"at the {place}"


def _both(first: str, second: str) -> str:
    return f"before: {first}. after: {second}"
