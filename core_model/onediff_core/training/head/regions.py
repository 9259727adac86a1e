"""The task "region": what kind of change a box holds, and of what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import default_collate

from onediff_core.losses import cross_entropy
from onediff_core.training.head.looks import Manner, RegionLooks, region_item, seen_with_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from onediff_core.heads import RegionHead, RegionLogits
    from onediff_core.heads.base import Head
    from onediff_core.training.head.tasks import Material


class RegionTask:
    """Boxes in crops with context, at the size of the base's window, as the detector shows them."""

    def __init__(self, material: Material) -> None:
        """Cut what is held out.

        Args:
            material: its samples have regions of its classes alone.
        """
        base, classes, settings = material.base, material.classes, material.settings
        self.base = base
        manner = Manner(settings.seed, material.upright, material.swapped)
        self.pairs = RegionLooks(material.training, classes, base.whole, base.window, manner)
        places = [(sample, region) for sample in material.held_out for region in sample.regions or ()]
        self._held = [
            region_item(*seen_with_context(sample, region.box, base.window), region, classes, base.whole)
            for sample, region in places[: settings.score_at_most]
        ]

    def losses(self, head: RegionHead, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy of labels and of kinds."""
        logits = self._logits(head, batch)
        return {
            name: cross_entropy(found.float(), batch[name].to(found.device)) for name, found in logits._asdict().items()
        }

    def scores(self, head: RegionHead) -> dict[str, float]:
        """Loss, and the shares of labels and kinds that are right."""
        found: dict[str, float] = {"region/loss": 0.0}
        for name, (logits, truth) in self._answers(head).items():
            found["region/loss"] += float(cross_entropy(logits, truth))
            found[f"region/{name}"] = float((logits.argmax(1) == truth).float().mean())
        return {name: round(value, 4) for name, value in found.items()}

    def merit(self, scores: Mapping[str, float]) -> float:
        """A low loss: of few regions it says more than shares."""
        return -scores["region/loss"]

    def calibrate(self, head: Head) -> None:
        """Nothing: the likeliest label is given whatever its probability."""

    def _logits(self, head: RegionHead, batch: Mapping[str, Tensor]) -> RegionLogits:
        features = self.base.seen(batch["pixels"], batch["mask"])
        boxes = batch["box"].to(self.base.device)
        with self.base.autocast():
            logits: RegionLogits = head(features, [box[None] for box in boxes])
        return logits

    @torch.no_grad()
    def _answers(self, head: RegionHead) -> dict[str, tuple[Tensor, Tensor]]:
        """Logits and truth of what is held out, for labels and for kinds, on the CPU."""
        parts = [default_collate(self._held[start : start + 8]) for start in range(0, len(self._held), 8)]
        answers = [self._logits(head, part)._asdict() for part in parts]
        return {
            name: (
                torch.cat([answer[name].float().cpu() for answer in answers]),
                torch.cat([part[name] for part in parts]),
            )
            for name in ("label", "kind")
        }
