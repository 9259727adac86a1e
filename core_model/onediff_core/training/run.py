"""The loop of the dense stage, from its first step or from its last state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from onediff_core.training.evaluation import evaluate, flat
from onediff_core.training.learner import Learner
from onediff_core.training.logs import RunLog, plot_curves
from onediff_core.training.network import parameter_groups
from onediff_core.training.objective import dense_losses, weighted_sum
from onediff_core.training.sampling import TrainingPairs, batches
from onediff_core.training.settings import DenseSettings, keep_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.training.network import DenseNetwork
    from onediff_core.training.schedule import Budget
    from onediff_core.training.sources import Source


class Run(Learner):
    """One run of the dense stage, from its first step or from its last state."""

    def __init__(
        self, folder: Path, network: DenseNetwork, sources: Sequence[Source], settings: DenseSettings, budget: Budget
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            network: with the weights that a new run starts from.
            sources: what is learned from.
            settings: of the run; those of a run that goes on must be the same.
            budget: when it is over.

        Raises:
            TrainingError: the folder holds a run with other settings or classes.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.network, self.sources, self.settings = network, sources, settings
        self.classes = network.head.config.classes
        record = {"classes": list(self.classes), **settings.model_dump(mode="json")}
        keep_settings(folder, record, DenseSettings().model_dump(mode="json"))
        groups = parameter_groups(
            network.trained(), rate=settings.rate, weight_decay=settings.weight_decay, tower_share=settings.tower_share
        )
        super().__init__(folder, network, groups, settings, budget)
        self.restore()

    def train(self, validation: Mapping[str, Sequence[Sample]]) -> None:
        """Go on until the budget is used up.

        Args:
            validation: set -> samples that are scored now and then, and at the end.
        """
        with RunLog(self.folder, resume_at=self.step) as log:
            last_saved = last_scored = time.monotonic()
            while (progress := self.progress) < 1:
                late = progress >= self.settings.late_from
                for batch in self._batches(late):
                    losses = self._learn(batch, progress)
                    if self.step % self.settings.log_every == 0:
                        log.write(self.step, self.figures(losses))
                    progress = self.progress
                    if progress >= 1 or (progress >= self.settings.late_from) != late:
                        break
                    if time.monotonic() - last_saved >= self.settings.save_every_s:
                        self.save()
                        last_saved = time.monotonic()
                    if time.monotonic() - last_scored >= self.settings.score_every_s:
                        log.write(self.step, self.scores(validation))
                        last_scored = time.monotonic()
            self.save()
            log.write(self.step, self.scores(validation))
        plot_curves(self.folder)

    def scores(self, validation: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
        """The scores of the averaged weights."""
        network = self.average.module.eval()

        @torch.inference_mode()
        def probabilities(images: Tensor) -> Tensor:
            with self.precision("cpu"):
                logits: Tensor = network(images)
            return logits.float().sigmoid()

        return flat({name: evaluate(probabilities, samples, self.classes) for name, samples in validation.items()})

    def _learn(self, batch: Mapping[str, Tensor], progress: float) -> dict[str, Tensor]:
        """One step of the optimiser; the losses of each group of classes."""
        settings = self.settings
        self.network.train()
        self.network.freeze_tower(settings.frozen if progress < settings.frozen_until else None)
        with self.precision("cpu"):
            logits = self.network(batch["images"])
        losses = dense_losses(
            logits, batch, self.classes, border_px=settings.border_px, border_weight=settings.border_weight
        )
        self.descend(weighted_sum(losses), progress, batch)
        return {group: loss.detach() for group, loss in losses.items()}

    def _batches(self, late: bool) -> Iterator[dict[str, Tensor]]:
        side, size = (
            (self.settings.late_crop, self.settings.late_batch) if late else (self.settings.crop, self.settings.batch)
        )
        pairs = TrainingPairs(self.sources, self.classes, side=side, seed=self.settings.seed)
        return batches(pairs, first=self.seen, size=size, workers=self.settings.workers)
