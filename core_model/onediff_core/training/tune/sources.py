"""Where a recipe's lessons come from: what a source of it draws from, and what of it is scored instead."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from onediff_core.checkpoint import load_checkpoint
from onediff_core.data import PairFolder
from onediff_core.data.pictures import PictureList
from onediff_core.errors import TrainingError
from onediff_core.training.head.split import by_hash, how_many
from onediff_core.training.learner import CPU
from onediff_core.training.tune import recipe
from onediff_core.training.tune.listed import ListedPairs, Prompted, check_tasks
from onediff_core.training.tune.looks import AnyOf, Listed, OfPairs, Shown
from onediff_core.training.words.captioned import read_captioned
from onediff_core.training.words.predicted import predicted_places
from onediff_core.training.words.sources import (
    CoupledPictures,
    DrawnPairs,
    LessonSource,
    RealPairs,
    WrittenFacts,
    drawn_picture,
)
from onediff_core.training.words.stages import REAL_HEADS
from onediff_core.training.words.texts import read_texts
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from onediff_core.data import Sample
    from onediff_core.prompts import Place
    from onediff_core.training.words.lessons import Lesson, Picture

    Look = Callable[[np.random.Generator], tuple[Picture, str]]

log = logging.getLogger("onediff_core.training")

CAPTIONED: Final = "captioned"  # among pictures: those of the pairs of that kind of source
_BLOCKS: Final = 2**62  # numbers that no lesson has


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


def check_paths(stages: Sequence[recipe.TuneStage], data: Path | None) -> None:
    """Refuse a recipe of which a list or folder is not there, before its first stage has trained for hours.

    Args:
        stages: all of it.
        data: what its paths are relative to; the current folder where None.

    Raises:
        TrainingError: each stage and path that is missing; or sets that nobody named a folder of.
    """
    lost = []
    for stage in stages:
        for part in stage.sources:
            if isinstance(part, recipe.Captioned | recipe.Written):
                _folder(data, part.kind)
            paths = [path for path in (_within(name, data) for name in _named(part)) if not path.exists()]
            lost += [f"stage {stage.name}, source of kind {part.kind}: there is no {path}" for path in paths]
    if lost:
        where = "relative to --data" if data is not None else "relative to the current folder, as there is no --data"
        raise TrainingError(f"{'; '.join(lost)} (paths are {where})")


def _named(part: recipe.Source) -> list[str]:
    """The lists and folders that a source names."""
    if isinstance(part, recipe.Coupled):
        return [name for name in part.pictures if name not in (recipe.DRAWN, CAPTIONED)]
    return [part.path] if isinstance(part, recipe.Pairs | recipe.Pictures) else []


def make_source(part: recipe.Source, data: Path | None, side: int, device: torch.device = CPU) -> Made:
    """Read what a source of a recipe names.

    Args:
        part: of the recipe.
        data: what its paths are relative to; the current folder where None.
        side: of the model's images in pixels.
        device: where places are found.

    Raises:
        TrainingError: a task that there is not, or nothing to learn from.
        PairsFileError: a list that is not there or cannot be used.
        DataError: likewise, of the sets of the words of `onediff-tiny`.
    """
    if isinstance(part, recipe.Drawn | recipe.Pairs | recipe.Captioned):
        check_tasks(part)
    if isinstance(part, recipe.Coupled):
        return _coupled(part, data, side)
    if isinstance(part, recipe.Pictures):
        pictures = PictureList(_within(part.path, data))
        return Made(Shown(pictures), part.share, len(pictures))
    if isinstance(part, recipe.Written):
        return Made(WrittenFacts(read_texts(_folder(data, part.kind))), part.share)
    if isinstance(part, recipe.Drawn):
        drawn = DrawnPairs(part.scenes, part.tasks, part.turns, part.side)
        return Made(Prompted(drawn, part.prompts), part.share, drawn=part)
    if isinstance(part, recipe.Captioned):
        return _captioned(part, _folder(data, part.kind), device)
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
            looks.append(OfPairs(pairs, side))
            size += len(pairs)
            continue
        pictures = PictureList(_within(name, data))
        looks.append(Listed(pictures, side))
        size += len(pictures)
    shares = np.array(list(part.pictures.values()))
    if (shares < 0).any() or not shares.any():
        raise TrainingError("the shares of coupled pictures are numbers of at least 0, and not all of them 0")
    return Made(CoupledPictures(side, AnyOf(looks, shares / shares.sum())), part.share, size // 2, coupled=True)


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
    source = Prompted(ListedPairs(every, learned, part), part.prompts)
    return Made(source, part.share, len(learned), scored=_told(path.stem, told))


def _told(name: str, samples: Sequence[Sample]) -> Told | None:
    """Pairs with captions that are scored, told of no place."""
    known = [one if one.changed is not None else replace(one, changed=True) for one in samples]
    return Told(name, known, [()] * len(known)) if known else None


def _captioned(part: recipe.Captioned, data: Path, device: torch.device) -> Made:
    """As `stages` has it, with the places that another OneDiff finds, since no heads are for this one."""
    finder = load_checkpoint(part.places, heads=None)
    heads = [finder.heads[name].float().to(device) for name in REAL_HEADS if name in finder.heads]
    if not heads or finder.processor is None:
        raise TrainingError(f"{finder.name} has no head {REAL_HEADS[0]!r}, which finds the places in real pairs")
    model, building = finder.model.float().to(device), heads[:1]
    pairs = read_captioned(data, part.fold)

    def found(samples: Sequence[Sample], way: Sequence[Any] = building) -> list[list[Place]]:
        return predicted_places(model, finder.processor, way, samples)  # type: ignore[arg-type]  # checked above

    ways = [building] if len(heads) == 1 else [building, heads]
    learned = [told for way in ways for told in zip(pairs.learned, found(pairs.learned, way), strict=True)]
    source = RealPairs(learned, part.tasks, part.turns, part.predicted)
    return Made(
        Prompted(source, part.prompts),
        part.share,
        len(pairs.learned),
        scored=Told("fold", pairs.scored, found(pairs.scored)),
        reported=Told("reported", pairs.reported, found(pairs.reported)),
    )


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
