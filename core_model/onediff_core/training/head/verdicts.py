"""The task "pair": did anything change at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import default_collate

from onediff_core.calibration import fit_temperature
from onediff_core.losses import binary_cross_entropy
from onediff_core.training.head.looks import Manner, PairLooks, pair_item

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from onediff_core.heads import ChangeMaskHead, PairHead
    from onediff_core.training.head.tasks import Material


class PairTask:
    """Whole pairs at the size of the base's window, as the detector shows them."""

    def __init__(self, material: Material, evidence: ChangeMaskHead | None) -> None:
        """Bring what is held out to its size.

        Args:
            material: its samples are known to have changed or not.
            evidence: mask head beside the base whose score the head looks at, in `eval` mode, or None.
        """
        self.base, self.evidence = material.base, evidence
        manner = Manner(material.settings.seed, material.upright, material.swapped)
        self.pairs = PairLooks(material.training, self.base.whole, manner)
        self._held = [
            pair_item([sample.before, sample.after], bool(sample.changed), self.base.whole)
            for sample in material.held_out[: material.settings.score_at_most]
        ]

    def losses(self, head: PairHead, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy."""
        logits = self._logits(head, batch)
        return {"pair": binary_cross_entropy(logits.float(), batch["changed"].to(logits.device))}

    def scores(self, head: PairHead) -> dict[str, float]:
        """Loss, and the shares of changed and of unchanged pairs that are told rightly."""
        logits, changed = self._answers(head)
        said = head.score(logits.to(self.base.device)).cpu() >= 0.5
        found = {"pair/loss": float(binary_cross_entropy(logits, changed))}
        if bool(changed.any()):
            found["pair/recall"] = float(said[changed > 0].float().mean())
        if not bool(changed.all()):
            found["pair/tnr"] = float((~said[changed == 0]).float().mean())
        return {name: round(value, 4) for name, value in found.items()}

    def merit(self, scores: Mapping[str, float]) -> float:
        """A low loss: of few pairs it says more than shares."""
        return -scores["pair/loss"]

    def calibrate(self, head: PairHead) -> None:
        """A temperature, and the bias with which the two shares are best at 0.5."""
        logits, changed = self._answers(head)
        temperature, _ = fit_temperature(logits, changed)
        bias = -best_threshold(logits.numpy(), changed.numpy() > 0) / temperature if 0 < changed.mean() < 1 else 0.0
        head.calibration.set(0, temperature, bias)

    def _logits(self, head: PairHead, batch: Mapping[str, Tensor]) -> Tensor:
        features = self.base.seen(batch["pixels"], batch["mask"])
        score = None if self.evidence is None else self.base.score(self.evidence, features)
        with self.base.autocast():
            logits: Tensor = head(features, score)
        return logits

    @torch.no_grad()
    def _answers(self, head: PairHead) -> tuple[Tensor, Tensor]:
        """Logits and labels of what is held out, (N,) each, on the CPU."""
        parts = [default_collate(self._held[start : start + 8]) for start in range(0, len(self._held), 8)]
        logits = torch.cat([self._logits(head, part).float().cpu() for part in parts])
        return logits, torch.cat([part["changed"] for part in parts])


def best_threshold(logits: np.ndarray, changed: np.ndarray) -> float:
    """The logit from which on a pair counts as changed, so that recall plus TNR is highest.

    Halfway between neighbours; of several, the one nearest to 0.

    Args:
        logits: (N,).
        changed: (N,) bool, both values among them.
    """
    ordered = np.unique(logits)
    between = np.concatenate([[ordered[0] - 1], (ordered[1:] + ordered[:-1]) / 2, [ordered[-1] + 1]])
    shares = [(logits[changed] >= at).mean() + (logits[~changed] < at).mean() for at in between]
    best = between[np.isclose(shares, max(shares))]
    return float(best[np.abs(best).argmin()])
