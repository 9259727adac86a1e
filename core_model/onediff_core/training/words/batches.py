"""Batches of lessons by number, as tensors, made ahead of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from onediff_core.processing_onediff import IGNORED
from onediff_core.training.sampling import Consecutive, single_threaded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.training.words.lessons import Lesson, Turn
    from onediff_core.training.words.sources import LessonSource


# Batches have lengths that are multiples of this: for each that is new, kernels are prepared and kept.
LENGTHS: Final = 32


class NumberedLessons(Dataset["Lesson"]):
    """Lessons by number; without end. A lesson depends on the seed and its number alone."""

    def __init__(self, source: LessonSource, seed: int) -> None:
        """Keep both.

        Args:
            source: of the lessons.
            seed: of everything.
        """
        self.source, self.seed = source, seed

    def __getitem__(self, number: int) -> Lesson:
        """One lesson."""
        return self.source.draw(np.random.default_rng((self.seed, number)))


class Collate:
    """Makes a batch of lessons that all have images and equally many turns, or all have no images and one turn."""

    def __init__(self, processor: OneDiffProcessor) -> None:
        """Keep the processor; its image processor has a size."""
        self.processor = processor

    def __call__(self, lessons: Sequence[Lesson]) -> dict[str, Tensor]:
        """Lessons as tensors.

        Returns:
            pixel_values (B, 2, 3, H, W) float32 where there are images; input_ids, attention_mask and labels
            (B * n, T) of all turns, n a pair, in the order of pairs.
        """
        turns = [turn for lesson in lessons for turn in lesson.turns]
        prompts, answers = [prompt_of(self.processor, turn) for turn in turns], [turn.answer for turn in turns]
        pairs = [lesson.images for lesson in lessons if lesson.images is not None]
        if not pairs:
            return self._texts(prompts, None, answers)
        pixels = self.processor.image_processor(pairs)["pixel_values"]
        cells = (pixels.shape[-2] // self.processor.visual_stride) * (pixels.shape[-1] // self.processor.visual_stride)
        return {"pixel_values": pixels, **self._texts(prompts, [cells] * len(prompts), answers)}

    def _texts(self, prompts: list[str], visual: list[int] | None, answers: list[str]) -> dict[str, Tensor]:
        made = self.processor.tokenised(prompts, visual, answers)
        fill = {"input_ids": self.processor.tokenizer.pad_token_id, "attention_mask": 0, "labels": IGNORED}
        more = -len(made["input_ids"][0]) % LENGTHS
        return {
            name: torch.from_numpy(np.pad(value, ((0, 0), (more, 0)), constant_values=fill[name]))
            for name, value in made.items()
        }


def prompt_of(processor: OneDiffProcessor, turn: Turn) -> str:
    """A turn's question as the model reads it."""
    return processor.prompt(turn.task, turn.places, question=turn.question)


def lesson_batches(
    source: LessonSource, processor: OneDiffProcessor, *, seed: int, first: int, size: int, workers: int
) -> Iterator[dict[str, Tensor]]:
    """Batches of consecutive lessons from number `first` on, made ahead of time by worker processes; without end."""
    loader: DataLoader[Lesson] = DataLoader(
        NumberedLessons(source, seed),
        batch_sampler=Consecutive(first, size),
        num_workers=workers,
        collate_fn=Collate(processor),
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=single_threaded,
    )
    return iter(loader)
