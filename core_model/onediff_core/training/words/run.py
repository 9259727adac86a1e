"""A word stage as a run: what it trains, and what is lost on a batch of lessons."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from onediff_core.processing_onediff import IGNORED
from onediff_core.training.learner import CPU
from onediff_core.training.loop import StageRun
from onediff_core.training.network import parameter_groups
from onediff_core.training.settings import keep_settings
from onediff_core.training.words.batches import LENGTHS, lesson_batches
from onediff_core.training.words.settings import WordSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor
    from onediff_core.training.schedule import Budget
    from onediff_core.training.words.settings import Stage
    from onediff_core.training.words.sources import LessonSource

_SEES: Final = ("model.projector.",)
_ASKS: Final = ("model.delta.", "model.delta_projector.")
_SPEAKS: Final = ("language_model.",)
_CHUNKS: Final = 4


class LessonRun(StageRun):
    """A run that learns from lessons: what is lost on a batch of them."""

    model: OneDiffForConditionalGeneration

    def _lost(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The mean loss of a batch's answers; its pairs are looked at once, whatever is asked of them."""
        # Fused attention on CUDA (torch 2.11, H100) made gradients that are not numbers where rows begin with padding.
        exact = sdpa_kernel(SDPBackend.MATH) if self.device.type == "cuda" else nullcontext()
        with self.precision(), exact:
            return self._of_pairs(batch) if "pixel_values" in batch else self._of_text(batch)

    def _of_pairs(self, batch: Mapping[str, Tensor]) -> Tensor:
        texts = {name: value for name, value in batch.items() if name != "pixel_values"}
        turns = len(texts["input_ids"]) // len(batch["pixel_values"])
        seen = self.model.model(batch["pixel_values"]).repeated(turns)
        loss: Any = self.model(**_answers_alone(texts), seen=seen).loss
        return loss  # type: ignore[no-any-return]  # a scalar, with labels

    def _of_text(self, texts: Mapping[str, Tensor]) -> Tensor:
        """The same loss as of the whole batch, by rows of about one length: half of it would be padding."""
        order = texts["attention_mask"].sum(1).argsort()
        total: Any = 0.0
        for rows in order.chunk(_CHUNKS):
            longest = int(texts["attention_mask"][rows[-1]].sum())
            longest += -longest % LENGTHS
            part = {name: value[rows, -longest:] for name, value in texts.items()}
            total = total + self.model(**_answers_alone(part)).loss * (part["labels"] != IGNORED).sum()
        loss: Tensor = total / (texts["labels"] != IGNORED).sum()
        return loss


def _answers_alone(texts: Mapping[str, Tensor]) -> dict[str, Any]:
    """Arguments with which logits are made for answers alone: a vocabulary is wide, and rows end with their answers."""
    labels = texts["labels"]
    first = int((labels != IGNORED).any(0).float().argmax()) if labels.numel() else 0
    kept = min(labels.shape[1] - first + 1, labels.shape[1])  # the place before an answer says its first word
    return {**texts, "labels": labels[:, -kept:], "logits_to_keep": kept}


class WordRun(LessonRun):
    """One run of a word stage, from its first step or from its last state.

    Text alone trains the language model; coupled samples train the delta module and the projectors, as in the paper;
    joint tuning trains both. The tower stays as it is.
    """

    settings: WordSettings

    def __init__(
        self,
        folder: Path,
        stage: Stage,
        model: OneDiffForConditionalGeneration,
        processor: OneDiffProcessor,
        source: LessonSource,
        settings: WordSettings,
        budget: Budget,
        device: torch.device = CPU,
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
            device: of `torch_device`.

        Raises:
            TrainingError: the folder holds a run of another stage or with other settings.
        """
        folder.mkdir(parents=True, exist_ok=True)
        record = {"stage": stage, **settings.model_dump(mode="json")}
        keep_settings(folder, record, WordSettings().model_dump(mode="json"))
        rates: dict[tuple[str, ...], float] = {}
        if stage != "facts":
            rates[(*_ASKS, *_SEES) if settings.delta_tokens else _SEES] = settings.rate
        if stage != "cst":
            rates[_SPEAKS] = settings.rate * (1 if stage == "facts" else settings.words_share)
        super().__init__(folder, model, _groups(model, rates, settings.weight_decay), settings, budget, device)
        self.model, self.processor, self.source, self.settings = model, processor, source, settings
        self.restore()

    def _batches(self, phase: int) -> Iterator[dict[str, Tensor]]:
        settings = self.settings
        return lesson_batches(
            self.source,
            self.processor,
            seed=settings.seed,
            first=self.seen,
            size=settings.batch,
            workers=settings.workers,
        )

    def _learn(self, batch: Mapping[str, Tensor], progress: float) -> dict[str, Tensor]:
        """One step of the optimiser."""
        torch.manual_seed(self.settings.seed + self.step)  # dropout of a run that goes on is what it would have been
        self.model.train()
        self.model.model.vision_tower.eval()  # its statistics are those that the heads know
        loss = self._lost(batch)
        self.descend(loss, progress, batch)
        return {"words": loss.detach()}


def _groups(
    model: OneDiffForConditionalGeneration, rates: Mapping[tuple[str, ...], float], weight_decay: float
) -> list[dict[str, Any]]:
    """Groups of the parameters whose names begin as `rates` says; all others are frozen."""
    named = list(model.named_parameters())
    for name, parameter in named:
        parameter.requires_grad_(any(name.startswith(starts) for starts in rates))
    return [
        group
        for starts, rate in rates.items()
        for group in parameter_groups(
            ((name, parameter) for name, parameter in named if name.startswith(starts)),
            rate=rate,
            weight_decay=weight_decay,
        )
    ]
