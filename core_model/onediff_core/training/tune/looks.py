"""Pictures that are shown: coupled with another, or one as both of a pair; one that cannot be read is passed over."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onediff_core.errors import TrainingError
from onediff_core.training.words.lessons import Lesson, Turn, answer
from onediff_core.training.words.sources import turned
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onediff_core.data import Sample
    from onediff_core.data.pictures import PictureList
    from onediff_core.training.words.lessons import Picture

    Look = Callable[[np.random.Generator], tuple[Picture, str]]

log = logging.getLogger("onediff_core.training")

_TRIES: Final = 20


@dataclass(frozen=True)
class AnyOf:
    """Pictures of several places.

    Attributes:
        looks: each draws a picture and a caption of it.
        shares: of each; they sum to one.
    """

    looks: Sequence[Look]
    shares: Any

    def __call__(self, rng: np.random.Generator) -> tuple[Picture, str]:
        """A picture of one of them."""
        return self.looks[int(rng.choice(len(self.shares), p=self.shares))](rng)


@dataclass(frozen=True)
class OfPairs:
    """After pictures of changed pairs.

    Attributes:
        samples: with captions.
        side: of what is shown, in pixels.
    """

    samples: Sequence[Sample]
    side: int

    def __call__(self, rng: np.random.Generator) -> tuple[Picture, str]:
        """A picture, mirrored now and then, and one of the sentences about its pair."""
        sample = self.samples[int(rng.integers(len(self.samples)))]
        across, down = (bool(rng.random() < 0.5) for _ in range(2))
        shown = turned(sample, across=across, down=down)
        return _square(shown.after, self.side), answer(shown.captions[int(rng.integers(len(shown.captions)))])


@dataclass(frozen=True)
class Listed:
    """Pictures of a list.

    Attributes:
        pictures: read when they are drawn.
        side: of what is shown, in pixels.
    """

    pictures: PictureList
    side: int

    def __call__(self, rng: np.random.Generator) -> tuple[Picture, str]:
        """A picture and one of the things said of it."""
        at, picture = readable(rng, len(self.pictures), self.pictures.picture)
        said = self.pictures[at]
        return _square(picture, self.side), answer(said[int(rng.integers(len(said)))].answer)


@dataclass(frozen=True)
class Shown:
    """One picture as both of a pair.

    Attributes:
        pictures: read when they are drawn.
    """

    pictures: PictureList

    def draw(self, rng: np.random.Generator) -> Lesson:
        """One question of its conversation, or for its caption."""
        at, picture = readable(rng, len(self.pictures), self.pictures.picture)
        said = self.pictures[at][int(rng.integers(len(self.pictures[at])))]
        turn = Turn("", said.answer, question=said.question or "Both images are the same one. Describe it.")
        return Lesson(images=(picture, picture), turns=(turn,))


def _square(picture: Picture, side: int) -> Picture:
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def readable(rng: np.random.Generator, size: int, read: Callable[[int], Any]) -> tuple[int, Any]:
    """One that can be read, drawn at random; the others are named in the log.

    Args:
        rng: draws it.
        size: how many there are.
        read: reads one by its number.

    Returns:
        Its number, and what was read.

    Raises:
        TrainingError: many in a row cannot be read.
    """
    for _ in range(_TRIES):
        at = int(rng.integers(size))
        try:
            return at, read(at)
        except PairError as error:
            log.warning("passed over: %s", error)
    raise TrainingError(f"{_TRIES} pictures in a row cannot be read, the last is named above: look at the list")
