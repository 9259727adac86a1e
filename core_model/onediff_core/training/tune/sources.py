"""Where a recipe's lessons come from: what a source of it draws from, and what of it is scored instead."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np
from torch.utils.data import Dataset

from onediff_core.checkpoint import load_checkpoint
from onediff_core.data import PairFolder
from onediff_core.data.pictures import PictureList
from onediff_core.errors import TrainingError
from onediff_core.prompts import INSTRUCTIONS
from onediff_core.training.head.split import by_hash, how_many
from onediff_core.training.photometry import nuisance, statistics
from onediff_core.training.tune import recipe
from onediff_core.training.words.captioned import read_captioned
from onediff_core.training.words.lessons import Lesson, Turn, answer, turns_of
from onediff_core.training.words.predicted import predicted_places
from onediff_core.training.words.sources import (
    CoupledPictures,
    DrawnPairs,
    LessonSource,
    RealPairs,
    WrittenFacts,
    drawn_picture,
    turned,
)
from onediff_core.training.words.stages import REAL_HEADS
from onediff_core.training.words.texts import read_texts
from onediff_plugins.errors import PairError, near_miss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onediff_core.data import Sample
    from onediff_core.prompts import Place
    from onediff_core.training.words.lessons import Picture

    Look = Callable[[np.random.Generator], tuple[Picture, str]]

log = logging.getLogger("onediff_core.training")

CAPTIONED: Final = "captioned"  # among pictures: those of the pairs of that kind of source
_BLOCKS: Final = 2**62  # numbers that no lesson has
_TRIES: Final = 20
# What captions answer that are neither sentences about a change nor a list of changes: our wording.
_OF_RECORDS: Final = {
    "edit": "Which edit makes the second image of the first?",
    "compare": "How does the second image differ from the first?",
}
TASKS: Final = (*INSTRUCTIONS, *_OF_RECORDS)


class Told(NamedTuple):
    """Pairs that are scored, and the places that are told of each.

    Attributes:
        name: of the set, in the scores.
        samples: with captions.
        places: of each.
    """

    name: str
    samples: Sequence[Sample]
    places: Sequence[Sequence[Place]]


@dataclass(frozen=True)
class Made:
    """A source that can be drawn from.

    Attributes:
        source: of lessons.
        share: among all of a stage.
        size: pictures or pairs in its lists; 0 where it draws without end.
        scored: what of it is scored and not learned from.
        reported: what nothing is chosen on.
        coupled: whether its pictures are coupled.
        drawn: the part of the recipe, where it draws pairs.
    """

    source: LessonSource
    share: float
    size: int = 0
    scored: Told | None = None
    reported: Told | None = None
    coupled: bool = False
    drawn: recipe.Drawn | None = None


class MixedLessons(Dataset["Lesson"]):
    """Lessons by number, all of a block from one source, so that a block has images or none; without end."""

    def __init__(self, made: Sequence[Made], block: int, seed: int) -> None:
        """Keep all.

        Args:
            made: the sources.
            block: lessons in one.
            seed: of everything: a lesson depends on it and on its number alone.
        """
        self.sources = [one.source for one in made]
        self.shares = np.array([one.share for one in made]) / sum(one.share for one in made)
        self.block, self.seed = block, seed

    def __getitem__(self, number: int) -> Lesson:
        """One lesson."""
        chosen = np.random.default_rng((self.seed, _BLOCKS + number // self.block)).choice(
            len(self.shares), p=self.shares
        )
        return self.sources[int(chosen)].draw(np.random.default_rng((self.seed, number)))


def make_source(part: recipe.Source, data: Path | None, side: int) -> Made:
    """Read what a source of a recipe names.

    Args:
        part: of the recipe.
        data: what its paths are relative to; the current folder where None.
        side: of the model's images in pixels.

    Raises:
        TrainingError: a task that there is not, or nothing to learn from.
        PairsFileError: a list that is not there or cannot be used.
        DataError: likewise, of the sets of the words of `onediff-tiny`.
    """
    if isinstance(part, recipe.Drawn | recipe.Pairs | recipe.Captioned):
        _check_tasks(part)
    if isinstance(part, recipe.Coupled):
        return _coupled(part, data, side)
    if isinstance(part, recipe.Pictures):
        pictures = PictureList(_within(part.path, data))
        return Made(_Shown(pictures), part.share, len(pictures))
    if isinstance(part, recipe.Written):
        return Made(WrittenFacts(read_texts(_folder(data, part.kind))), part.share)
    if isinstance(part, recipe.Drawn):
        drawn = DrawnPairs(part.scenes, part.tasks, part.turns, part.side)
        return Made(_Prompted(drawn, part.prompts), part.share, drawn=part)
    if isinstance(part, recipe.Captioned):
        return _captioned(part, _folder(data, part.kind))
    return _pairs(part, data)


# --- pictures ---


def _coupled(part: recipe.Coupled, data: Path | None, side: int) -> Made:
    looks: list[Look] = []
    size = 0
    for name in part.pictures:
        if name == recipe.DRAWN:
            looks.append(lambda rng: drawn_picture(rng, side))
            continue
        if name == CAPTIONED:
            pairs = [one for one in read_captioned(_folder(data, name), 0).learned if one.changed]
            looks.append(_OfPairs(pairs, side))
            size += len(pairs)
            continue
        pictures = PictureList(_within(name, data))
        looks.append(_Listed(pictures, side))
        size += len(pictures)
    shares = np.array(list(part.pictures.values()))
    if (shares < 0).any() or not shares.any():
        raise TrainingError("the shares of coupled pictures are numbers of at least 0, and not all of them 0")
    return Made(CoupledPictures(side, _AnyOf(looks, shares / shares.sum())), part.share, size // 2, coupled=True)


@dataclass(frozen=True)
class _AnyOf:
    looks: Sequence[Look]
    shares: Any

    def __call__(self, rng: np.random.Generator) -> tuple[Picture, str]:
        return self.looks[int(rng.choice(len(self.shares), p=self.shares))](rng)


@dataclass(frozen=True)
class _OfPairs:
    """After pictures of changed pairs with one of the sentences about them."""

    samples: Sequence[Sample]
    side: int

    def __call__(self, rng: np.random.Generator) -> tuple[Picture, str]:
        sample = self.samples[int(rng.integers(len(self.samples)))]
        across, down = (bool(rng.random() < 0.5) for _ in range(2))
        shown = turned(sample, across=across, down=down)
        return _square(shown.after, self.side), answer(shown.captions[int(rng.integers(len(shown.captions)))])


@dataclass(frozen=True)
class _Listed:
    """Pictures of a list with one of the things said of them; one that cannot be read is passed over."""

    pictures: PictureList
    side: int

    def __call__(self, rng: np.random.Generator) -> tuple[Picture, str]:
        at, picture = _readable(rng, len(self.pictures), self.pictures.picture)
        said = self.pictures[at]
        return _square(picture, self.side), answer(said[int(rng.integers(len(said)))].answer)


@dataclass(frozen=True)
class _Shown:
    """A picture as both of a pair, and one question of its conversation, or for its caption."""

    pictures: PictureList

    def draw(self, rng: np.random.Generator) -> Lesson:
        at, picture = _readable(rng, len(self.pictures), self.pictures.picture)
        said = self.pictures[at][int(rng.integers(len(self.pictures[at])))]
        turn = Turn("", said.answer, question=said.question or "Both images are the same one. Describe it.")
        return Lesson(images=(picture, picture), turns=(turn,))


def _square(picture: Picture, side: int) -> Picture:
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _readable(rng: np.random.Generator, size: int, read: Callable[[int], Any]) -> tuple[int, Any]:
    """One that can be read, drawn at random; the others are named in the log."""
    for _ in range(_TRIES):
        at = int(rng.integers(size))
        try:
            return at, read(at)
        except PairError as error:
            log.warning("passed over: %s", error)
    raise TrainingError(f"{_TRIES} pictures in a row cannot be read, the last is named above: look at the list")


# --- pairs ---


def _pairs(part: recipe.Pairs, data: Path | None) -> Made:
    path = _within(part.path, data)
    every = PairFolder(path, fit=True)
    groups = by_hash({_group(row) for row in every.rows if not row.get("split")})
    kept = set(groups[: how_many(part.held_out, len(groups))]) if part.held_out and groups else set()
    learned, scored = [], []
    for number, row in enumerate(every.rows):
        split = row.get("split") or ("val" if _group(row) in kept else "train")
        if split == "train":
            learned.append(number)
        elif split == "val":
            scored.append(number)
    if not learned:
        raise TrainingError(f"{path} holds no pair to learn from: all {len(every.rows)} are of other splits than train")
    told = [sample for sample in (_sample(every, number) for number in scored) if sample and sample.captions]
    source = _Prompted(_ListedPairs(every, learned, part), part.prompts)
    return Made(source, part.share, len(learned), scored=_told(path.stem, told))


def _told(name: str, samples: Sequence[Sample]) -> Told | None:
    """Pairs with captions that are scored, told of no place."""
    known = [one if one.changed is not None else replace(one, changed=True) for one in samples]
    return Told(name, known, [()] * len(known)) if known else None


@dataclass(frozen=True)
class _ListedPairs:
    """Pairs of a list, read when they are drawn."""

    pairs: PairFolder
    numbers: Sequence[int]
    part: recipe.Pairs

    def draw(self, rng: np.random.Generator) -> Lesson:
        for _ in range(_TRIES):
            at, sample = _readable(rng, len(self.numbers), lambda at: self.pairs[self.numbers[at]])
            if sample.changed is None and sample.captions:  # whoever tells a difference has seen one
                sample = replace(sample, changed=True)
            if self.part.mirrored:
                sample = turned(sample, across=bool(rng.random() < 0.5), down=False)
            if turns := self._turns(sample, rng):
                before, after = sample.before, sample.after
                if self.part.light:
                    palette = statistics(after)
                    before, after = (nuisance(rng, image, palette) for image in (before, after))
                return Lesson(images=(before, after), turns=turns)
        raise TrainingError(f"{self.pairs.path}: {_TRIES} pairs in a row have nothing that its tasks ask for; the last "
                            f"is pair {self.pairs.rows[self.numbers[at]]['id']!r}")  # fmt: skip

    def _turns(self, sample: Sample, rng: np.random.Generator) -> tuple[Turn, ...]:
        n, wanted = self.part.turns, self.part.tasks
        if sample.task in _OF_RECORDS:
            if not wanted.get(sample.task) or not sample.captions:
                return ()
            said = answer(sample.captions[int(rng.integers(len(sample.captions)))])
            return (Turn(sample.task, said, question=_OF_RECORDS[sample.task]),) * n
        if sample.task == "list" and not sample.regions and sample.captions and sample.changed:
            return self._listed(sample, rng)
        tasks = {name: share for name, share in wanted.items() if name in INSTRUCTIONS}
        try:
            return turns_of(sample, tasks, rng, n)
        except (ValueError, ZeroDivisionError):  # none of them fits
            return ()

    def _listed(self, sample: Sample, rng: np.random.Generator) -> tuple[Turn, ...]:
        """Sentences that tell one difference each: all of them as a list, or one as a caption."""
        shares = np.array([self.part.tasks.get(name, 0.0) for name in ("list", "caption")])
        if not shares.any():
            return ()
        texts = [answer(text) for text in sample.captions]
        drawn = rng.random(self.part.turns) * shares.sum() < shares[0]
        return tuple(
            Turn("list", "\n".join(texts)) if whole else Turn("caption", texts[int(rng.integers(len(texts)))])
            for whole in drawn
        )


@dataclass(frozen=True)
class _Prompted:
    """Lessons whose tasks have other prompts."""

    source: LessonSource
    prompts: Mapping[str, str]

    def draw(self, rng: np.random.Generator) -> Lesson:
        lesson = self.source.draw(rng)
        return replace(lesson, turns=tuple(map(self._asked, lesson.turns))) if self.prompts else lesson

    def _asked(self, turn: Turn) -> Turn:
        if turn.task not in self.prompts:
            return turn
        return turn._replace(question=self.prompts[turn.task].format(places="; ".join(map(str, turn.places))))


def _captioned(part: recipe.Captioned, data: Path) -> Made:
    """As `stages` has it, with the places that another OneDiff finds, since no heads are for this one."""
    finder = load_checkpoint(part.places, heads=None)
    heads = [finder.heads[name].float() for name in REAL_HEADS if name in finder.heads]
    if not heads or finder.processor is None:
        raise TrainingError(f"{finder.name} has no head {REAL_HEADS[0]!r}, which finds the places in real pairs")
    model, building = finder.model.float(), heads[:1]
    pairs = read_captioned(data, part.fold)

    def found(samples: Sequence[Sample], way: Sequence[Any] = building) -> list[list[Place]]:
        return predicted_places(model, finder.processor, way, samples)  # type: ignore[arg-type]  # checked above

    ways = [building] if len(heads) == 1 else [building, heads]
    learned = [told for way in ways for told in zip(pairs.learned, found(pairs.learned, way), strict=True)]
    source = RealPairs(learned, part.tasks, part.turns, part.predicted)
    return Made(
        _Prompted(source, part.prompts),
        part.share,
        len(pairs.learned),
        scored=Told("fold", pairs.scored, found(pairs.scored)),
        reported=Told("reported", pairs.reported, found(pairs.reported)),
    )


def _check_tasks(part: recipe.Drawn | recipe.Pairs | recipe.Captioned) -> None:
    known = TASKS if isinstance(part, recipe.Pairs) else tuple(INSTRUCTIONS)
    for name in (*part.tasks, *part.prompts):
        if name not in known:
            near = near_miss(name, known)
            raise TrainingError(f"there is no task {name!r}" + (f"; did you mean {near!r}?" if near else
                                f": there are {', '.join(known)}"))  # fmt: skip
    if not any(part.tasks.values()):
        raise TrainingError(f"the shares of the tasks of a source of kind {part.kind} are all 0")
    if part.prompts.get("regions") and "{places}" not in part.prompts["regions"]:
        raise TrainingError("the prompt of the task regions names the places: write {places} where they go")


def _sample(pairs: PairFolder, number: int) -> Sample | None:
    try:
        return pairs[number]
    except PairError as error:
        log.warning("not scored: %s", error)
        return None


def _group(row: Mapping[str, Any]) -> str:
    return str(row.get("group") or row["id"])


def _within(path: str, data: Path | None) -> Path:
    return Path(path) if data is None else data / path


def _folder(data: Path | None, kind: str) -> Path:
    if data is None:
        raise TrainingError(
            f"a source of kind {kind} reads the sets of onediff-tiny's words: name their folder with --data or the "
            "variable ONEDIFF_DATA"
        )
    return data
