"""The tokenizer of `onediff-tiny`, learned from what it shall read and say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import PreTrainedTokenizerFast

from onediff_core.presets import tiny_tokenizer
from onediff_core.prompts import instruction
from onediff_plugins.atomic import replaced_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from onediff_core.training.words.lessons import Lesson
    from onediff_core.training.words.texts import Texts


def learn_tokenizer(texts: Texts, lessons: Iterable[Lesson], **options: Any) -> PreTrainedTokenizerFast:
    """A tokenizer of 1,536 lower-case tokens; words for sides, counts and kinds and of the prompts are never cut.

    Args:
        texts: what people wrote; each sentence once.
        lessons: answers are learned, and questions with places, which the numbers of boxes come from.
        **options: of `presets.tiny_tokenizer`.
    """
    said = {sentence for told in texts.satellite for sentence in told} | set(texts.scenes) | set(texts.requests)
    taught = {turn.answer for lesson in lessons for turn in lesson.turns}
    asked = {
        turn.question or instruction(turn.task, turn.places)
        for lesson in lessons
        for turn in lesson.turns
        if turn.places or turn.question
    }
    return tiny_tokenizer(sorted(said | taught | asked), **options)


def kept_tokenizer(folder: Path) -> PreTrainedTokenizerFast | None:
    """The tokenizer of a run that was begun, or None."""
    if not (folder / "tokenizer.json").is_file():
        return None
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer


def keep_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a tokenizer to a folder that appears whole."""
    with replaced_folder(folder) as new:
        tokenizer.save_pretrained(new)
