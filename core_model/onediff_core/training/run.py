"""The dense stage as a run: crops that grow, a tower that thaws, masks that are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from onediff_core.training.evaluation import evaluate, flat
from onediff_core.training.learner import CPU
from onediff_core.training.loop import StageRun
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


class Run(StageRun):
    """One run of the dense stage, from its first step or from its last state."""

    settings: DenseSettings

    def __init__(
        self,
        folder: Path,
        network: DenseNetwork,
        sources: Sequence[Source],
        settings: DenseSettings,
        budget: Budget,
        device: torch.device = CPU,
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            network: with the weights that a new run starts from.
            sources: what is learned from.
            settings: of the run; those of a run that goes on must be the same.
            budget: when it is over.
            device: of `torch_device`.

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
        super().__init__(folder, network, groups, settings, budget, device)
        self.restore()

    def train(self, validation: Mapping[str, Sequence[Sample]]) -> None:
        """Go on until the budget is used up.

        Args:
            validation: set -> samples that are scored now and then, and at the end.
        """
        self.go_on(lambda: self.scores(validation))

    def scores(self, validation: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
        """The scores of the averaged weights."""
        network = self.average.module.eval()

        @torch.inference_mode()
        def probabilities(images: Tensor) -> Tensor:
            with self.precision():
                logits: Tensor = network(images.to(self.device))
            return logits.float().sigmoid().cpu()

        return flat({name: evaluate(probabilities, samples, self.classes) for name, samples in validation.items()})

    def _learn(self, batch: Mapping[str, Tensor], progress: float) -> dict[str, Tensor]:
        """One step of the optimiser; the losses of each group of classes."""
        settings = self.settings
        self.network.train()
        self.network.freeze_tower(settings.frozen if progress < settings.frozen_until else None)
        with self.precision():
            logits = self.network(batch["images"])
        losses = dense_losses(
            logits,
            batch,
            self.classes,
            border_px=settings.border_px,
            border_weight=settings.border_weight,
            lovasz=settings.lovasz if self._phase(progress) else 0.0,
        )
        self.descend(weighted_sum(losses), progress, batch)
        return {group: loss.detach() for group, loss in losses.items()}

    def _phase(self, progress: float) -> int:
        """1 in the last part, where crops are large."""
        return int(progress >= self.settings.late_from)

    def _batches(self, phase: int) -> Iterator[dict[str, Tensor]]:
        settings = self.settings
        side, size = (settings.late_crop, settings.late_batch) if phase else (settings.crop, settings.batch)
        pairs = TrainingPairs(self.sources, self.classes, side=side, seed=settings.seed, unchanged=settings.unchanged)
        return batches(pairs, first=self.seen, size=size, workers=settings.workers)
