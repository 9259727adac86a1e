"""What is learned from: a pair of images, or none, with questions and answers about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from onediff_core.data.synthetic.captions import NOTHING_CHANGED, PLACE, region_caption
from onediff_core.training.words.places import dropped, loosened, named_places, place_of_region

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onediff_core.data import Sample, SampleRegion
    from onediff_core.prompts import Place

    Picture = NDArray[np.uint8]

_LISTED: Final = 8
_QUOTED: Final = re.compile(r"(?: from| to)? [\"“][^\"”]*[\"”]")


class Turn(NamedTuple):
    """A question and its answer.

    Attributes:
        task: a name of `onediff_core.prompts.INSTRUCTIONS`.
        answer: as the language model shall say it.
        places: that the question names.
        question: in other words than the task's, or None.
    """

    task: str
    answer: str
    places: tuple[Place, ...] = ()
    question: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """Questions about one pair.

    Attributes:
        turns: one or more.
        images: before and after, (H, W, 3) uint8; None for text alone.
    """

    turns: tuple[Turn, ...]
    images: tuple[Picture, Picture] | None = None


def answer(text: str) -> str:
    """A sentence as the language model says it: in lower case, without the full stop that the describer adds.

    What is written in the images is left out: at 256 px nobody can read it, and who is taught to quote it makes it up.
    """
    return " ".join(_QUOTED.sub("", text.lower()).split()).removesuffix(".")


def turns_of(
    sample: Sample, tasks: Mapping[str, float], rng: np.random.Generator, n: int, *, places: Sequence[Place] = ()
) -> tuple[Turn, ...]:
    """Questions about a sample, none of a kind that it says nothing of.

    Args:
        sample: with captions, or not changed.
        tasks: task -> share.
        rng: draws tasks, captions and what is told of places.
        n: how many; a task may come twice, with other words.
        places: found by a detector, in place of the sample's own.
    """
    known = list(places) or named_places(sample)
    fitting = answered(tasks, sample, known)
    shares = [share / sum(fitting.values()) for share in fitting.values()]
    drawn = rng.choice(list(fitting), size=n, p=shares)
    return tuple(_turn(str(task), sample, known, rng, exact=bool(places)) for task in drawn)


def answered(tasks: Mapping[str, float], sample: Sample, places: Sequence[Place]) -> dict[str, float]:
    """Those of some tasks that a sample says something of, with their shares.

    Args:
        tasks: task -> share.
        sample: with captions, or not changed.
        places: that are known in it.
    """
    return {name: share for name, share in tasks.items() if share and _fits(name, sample, places)}


def told_regions(sample: Sample) -> list[SampleRegion]:
    """The changes of a sample that can be asked about one by one; what nobody would report is none."""
    if not sample.changed:
        return []
    return [region for region in sample.regions or () if region.caption and region.label != PLACE]


def _fits(task: str, sample: Sample, places: Sequence[Place]) -> bool:
    if task == "yes_no":
        return sample.changed is not None
    if not sample.changed:
        return task in ("caption", "list") and sample.changed is False
    told = told_regions(sample)
    return {
        "caption": bool(sample.captions),
        "regions": bool(sample.captions and places),
        "refer": bool(told),
        "list": bool(told),
    }[task]


def _turn(task: str, sample: Sample, places: Sequence[Place], rng: np.random.Generator, *, exact: bool) -> Turn:
    if task == "yes_no":
        return Turn(task, "yes" if sample.changed else "no")
    if not sample.changed:
        return Turn(task, answer(NOTHING_CHANGED))
    if task == "refer":
        choice = told_regions(sample)
        region = choice[int(rng.integers(len(choice)))]
        known = loosened([place_of_region(region, sample)], rng)
        size = sample.after.shape[0], sample.after.shape[1]
        told = region_caption(region, size, rng, places=False)  # the place is in the question, or is a cut of an image
        return Turn(task, answer(told), tuple(dropped(known, rng)))
    if task == "list":
        lines = [answer(region.caption) for region in told_regions(sample)]
        return Turn(task, "\n".join(lines[:_LISTED]))
    said = answer(sample.captions[int(rng.integers(len(sample.captions)))])
    if task == "caption":
        return Turn(task, said)
    return Turn(task, said, tuple(places if exact else dropped(loosened(places, rng), rng)))
