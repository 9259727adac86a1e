"""A word stage as a run: what it trains, what is lost on a batch of lessons, how it is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.processing_onediff import IGNORED
from onediff_core.training.loop import Loop
from onediff_core.training.optimisation import grouped
from onediff_core.training.words.batches import lesson_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor, nn

    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.training.schedule import Budget
    from onediff_core.training.words.batches import LessonBatch
    from onediff_core.training.words.settings import Stage, WordSettings
    from onediff_core.training.words.sources import LessonSource

    Score = Callable[[OneDiffForConditionalGeneration], dict[str, float]]

_SEES: Final = ("model.delta.", "model.projector.", "model.delta_projector.")
_SPEAKS: Final = ("language_model.",)
_CHUNKS: Final = 4


class WordRun(Loop):
    """One run of a word stage, from its first step or from its last state.

    Text alone trains the language model; coupled samples train the delta module and the projectors, as in the paper;
    joint tuning trains both. The tower stays as it is.
    """

    network: OneDiffForConditionalGeneration

    def __init__(
        self,
        folder: Path,
        stage: Stage,
        model: OneDiffForConditionalGeneration,
        processor: OneDiffProcessor,
        source: LessonSource,
        settings: WordSettings,
        budget: Budget,
        score: Score,
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            stage: which one.
            model: in float32, with the weights that a new run starts from.
            processor: its own.
            source: of the lessons.
            settings: of the run; those of a run that goes on must be the same.
            budget: when it is over.
            score: of the averaged weights, as `set/score`.

        Raises:
            ValueError: the folder holds a run of another stage or with other settings.
        """
        self.processor, self.source, self.settings, self._score = processor, source, settings, score
        rates = dict.fromkeys(_SEES, settings.rate) if stage != "facts" else {}
        if stage != "cst":
            rates |= dict.fromkeys(_SPEAKS, settings.rate * (1 if stage == "facts" else settings.words_share))
        groups = grouped(_trained(model, rates), weight_decay=settings.weight_decay)
        super().__init__(folder, model, groups, settings, budget, {"stage": stage})

    def batches(self, phase: int) -> Iterator[LessonBatch]:  # noqa: D102 - as the loop says
        settings = self.settings
        return lesson_batches(
            self.source,
            self.processor,
            seed=settings.seed,
            first=self.seen,
            size=settings.batch,
            workers=settings.workers,
        )

    def losses(self, batch: LessonBatch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The next word's cross-entropy, over all answers of the batch; each pair is looked at once."""
        self.network.model.vision_tower.eval()  # its statistics are those that the heads know
        with self.precision():
            if batch.pixel_values is None:
                loss = self._of_text(batch.texts)
            else:
                turns = len(batch.texts["input_ids"]) // batch.lessons
                seen = self.network.model(batch.pixel_values).repeated(turns)
                loss = self.network(**batch.texts, seen=seen).loss
        return loss, {"words": loss}

    def _of_text(self, texts: dict[str, Tensor]) -> Tensor:
        """The same loss as of the whole batch, by rows of about one length: half of it would be padding."""
        order = texts["attention_mask"].sum(1).argsort()
        total: Any = 0.0
        for rows in order.chunk(_CHUNKS):
            longest = int(texts["attention_mask"][rows[-1]].sum())
            part = {name: value[rows, -longest:] for name, value in texts.items()}
            total = total + self.network(**part).loss * (part["labels"] != IGNORED).sum()
        loss: Tensor = total / (texts["labels"] != IGNORED).sum()
        return loss

    def size(self, batch: LessonBatch) -> int:
        """Lessons in a batch."""
        return batch.lessons

    def scores(self) -> dict[str, float]:  # noqa: D102 - as the loop says
        model: Any = self.average.module.eval()
        return self._score(model)


def _trained(model: nn.Module, rates: dict[str, float]) -> Iterator[tuple[nn.Parameter, float]]:
    """Parameters by the beginning of their names; all others are frozen."""
    for name, parameter in model.named_parameters():
        rate = next((rate for start, rate in rates.items() if name.startswith(start)), 0.0)
        parameter.requires_grad_(rate > 0)
        if rate:
            yield parameter, rate
