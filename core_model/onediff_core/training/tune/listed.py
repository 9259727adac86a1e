"""Pairs of a list, asked what they answer, and prompts of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.errors import TrainingError
from onediff_core.prompts import INSTRUCTIONS
from onediff_core.training.photometry import nuisance, statistics
from onediff_core.training.tune import recipe
from onediff_core.training.tune.looks import readable
from onediff_core.training.words.lessons import Lesson, Turn, answer, answered, turns_of
from onediff_core.training.words.places import named_places
from onediff_core.training.words.sources import LessonSource, turned
from onediff_plugins.errors import near_miss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onediff_core.data import PairFolder, Sample

_TRIES: Final = 20
# What captions answer that are neither sentences about a change nor a list of changes: our wording.
_OF_RECORDS: Final = {
    "edit": "Which edit makes the second image of the first?",
    "compare": "How does the second image differ from the first?",
}
TASKS: Final = (*INSTRUCTIONS, *_OF_RECORDS)


@dataclass(frozen=True)
class ListedPairs:
    """Pairs of a list, read when they are drawn.

    Attributes:
        pairs: all of the list.
        numbers: those that are learned from.
        part: of the recipe: what is asked of them.
    """

    pairs: PairFolder
    numbers: Sequence[int]
    part: recipe.Pairs

    def draw(self, rng: np.random.Generator) -> Lesson:
        """Questions about a pair.

        Raises:
            TrainingError: many pairs in a row cannot be read, or answer none of the tasks.
        """
        for _ in range(_TRIES):
            at, sample = readable(rng, len(self.numbers), lambda at: self.pairs[self.numbers[at]])
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
        return turns_of(sample, tasks, rng, n) if answered(tasks, sample, named_places(sample)) else ()

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
class Prompted:
    """Lessons whose tasks have other prompts.

    Attributes:
        source: of the lessons.
        prompts: task -> its prompt; `{places}` stands for the places.
    """

    source: LessonSource
    prompts: Mapping[str, str]

    def draw(self, rng: np.random.Generator) -> Lesson:
        """A lesson of the source, asked in other words."""
        lesson = self.source.draw(rng)
        return replace(lesson, turns=tuple(map(self._asked, lesson.turns))) if self.prompts else lesson

    def _asked(self, turn: Turn) -> Turn:
        if turn.task not in self.prompts:
            return turn
        return turn._replace(question=self.prompts[turn.task].replace("{places}", "; ".join(map(str, turn.places))))


def check_tasks(part: recipe.Drawn | recipe.Pairs | recipe.Captioned) -> None:
    """Refuse tasks and prompts that cannot be asked.

    Args:
        part: of a recipe.

    Raises:
        TrainingError: an unknown task, with the nearest one; no task at all; or a prompt that lacks what it must name.
    """
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
