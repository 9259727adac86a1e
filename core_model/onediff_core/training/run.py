"""The dense stage as a run: crops that grow, a tower that thaws, masks that are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from onediff_core.training.evaluation import evaluate, flat
from onediff_core.training.loop import Loop
from onediff_core.training.network import parameter_groups
from onediff_core.training.objective import dense_losses, weighted_sum
from onediff_core.training.sampling import TrainingPairs, batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.training.network import DenseNetwork
    from onediff_core.training.schedule import Budget
    from onediff_core.training.settings import DenseSettings
    from onediff_core.training.sources import Source


class Run(Loop):
    """One run of the dense stage, from its first step or from its last state."""

    network: DenseNetwork

    def __init__(
        self,
        folder: Path,
        network: DenseNetwork,
        sources: Sequence[Source],
        settings: DenseSettings,
        budget: Budget,
        validation: Mapping[str, Sequence[Sample]],
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            network: with the weights that a new run starts from.
            sources: what is learned from.
            settings: of the run; those of a run that goes on must be the same.
            budget: when it is over.
            validation: set -> samples that are scored now and then, and at the end.

        Raises:
            ValueError: the folder holds a run with other settings or classes.
        """
        self.sources, self.settings, self.validation = sources, settings, validation
        self.classes = network.head.config.classes
        groups = parameter_groups(
            network, rate=settings.rate, tower_share=settings.tower_share, weight_decay=settings.weight_decay
        )
        super().__init__(folder, network, groups, settings, budget, {"classes": list(self.classes)})

    def phase(self, progress: float) -> int:
        """1 in the last part, where crops are large."""
        return int(progress >= self.settings.late_from)

    def batches(self, phase: int) -> Iterator[dict[str, Tensor]]:
        """Crops of the part's size."""
        settings = self.settings
        side, size = (settings.late_crop, settings.late_batch) if phase else (settings.crop, settings.batch)
        pairs = TrainingPairs(self.sources, self.classes, side=side, seed=settings.seed)
        return batches(pairs, first=self.seen, size=size, workers=settings.workers)

    def losses(self, batch: Mapping[str, Tensor], progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Those of each group of classes; the first stages of the tower are frozen at first."""
        settings = self.settings
        self.network.freeze_tower(settings.frozen if progress < settings.frozen_until else None)
        with self.precision():
            logits = self.network(batch["images"])
        losses = dense_losses(
            logits, batch, self.classes, border_px=settings.border_px, border_weight=settings.border_weight
        )
        return weighted_sum(losses), losses

    def size(self, batch: Mapping[str, Tensor]) -> int:
        """Pairs in a batch."""
        return len(batch["images"])

    def scores(self) -> dict[str, float]:
        """Of the validation sets."""
        network: Any = self.average.module.eval()

        @torch.inference_mode()
        def probabilities(images: Tensor) -> Tensor:
            with self.precision():
                logits: Tensor = network(images)
            return logits.float().sigmoid()

        return flat({name: evaluate(probabilities, samples, self.classes) for name, samples in self.validation.items()})
