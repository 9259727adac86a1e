"""The task "region": what kind of change a box holds, and of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import default_collate

from onediff_core.heads import RegionView
from onediff_core.losses import cross_entropy
from onediff_core.training.head.looks import Manner, RegionLooks, region_item, seen_with_context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.utils.data import Dataset

    from onediff_core.heads import RegionHead, RegionLogits
    from onediff_core.heads.base import Head
    from onediff_core.training.head.base import FrozenBase
    from onediff_core.training.head.settings import HeadSettings
    from onediff_core.training.head.tasks import Material

_ANSWERS = ("label", "kind")


class _Seen(NamedTuple):
    """Regions as a head goes by them, with what is true of them."""

    view: RegionView
    truth: dict[str, Tensor]  # (N,) each

    @classmethod
    def of(cls, parts: Sequence[_Seen]) -> _Seen:
        """Several as one."""
        views = [part.view for part in parts]
        view = RegionView(
            pooled=tuple(torch.cat(level) for level in zip(*(view.pooled for view in views), strict=True)),
            place=torch.cat([view.place for view in views]),
            tokens=torch.cat([view.tokens for view in views]),
        )
        return cls(view, {name: torch.cat([part.truth[name] for part in parts]) for name in _ANSWERS})

    def alone(self) -> list[_Seen]:
        """Each region for itself."""
        view, truth = self.view, self.truth
        return [
            _Seen(
                RegionView(tuple(level[one] for level in view.pooled), view.place[one], view.tokens[one]),
                {name: values[one] for name, values in truth.items()},
            )
            for one in (slice(index, index + 1) for index in range(len(view.place)))
        ]


class RegionTask:
    """Boxes in crops with context, at the size of the base's window, as the detector shows them."""

    def __init__(
        self,
        base: FrozenBase,
        pairs: Dataset[dict[str, Tensor]],
        held_out: Sequence[dict[str, Tensor]],
        settings: HeadSettings,
    ) -> None:
        """Learn from regions and be scored on others.

        Args:
            base: that the head is trained on.
            pairs: regions by number, without end; see `RegionLooks`.
            held_out: regions of the same form.
            settings: of the run.
        """
        self.base, self.pairs = base, pairs
        self._held_out: Sequence[Mapping[str, Tensor]] | _Seen = held_out
        self._replay, self._rng = settings.replay, np.random.default_rng(settings.seed)
        self._earlier: list[_Seen] = []

    @classmethod
    def of_pairs(cls, material: Material) -> RegionTask:
        """Of labelled pairs.

        Args:
            material: its samples have regions of its classes alone.
        """
        base, classes, settings = material.base, material.classes, material.settings
        manner = Manner(settings.seed, material.upright, material.swapped)
        pairs = RegionLooks(material.training, classes, base.whole, base.window, manner)
        places = [(sample, region) for sample in material.held_out for region in sample.regions or ()]
        held_out = [
            region_item(*seen_with_context(sample, region.box, base.window), region, classes, base.whole)
            for sample, region in places[: settings.score_at_most]
        ]
        return cls(base, pairs, held_out, settings)

    def losses(self, head: RegionHead, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy of labels and of kinds, of a batch and of some that were seen before."""
        new = self._seen(head, batch)
        old = self._rng.integers(len(self._earlier), size=self._replay) if self._earlier else ()
        if self._replay:
            together = _Seen.of([new, *(self._earlier[index] for index in old)])
            self._earlier += new.alone()
        else:
            together = new
        logits = self._logits(head, together.view)
        return {name: cross_entropy(found.float(), together.truth[name]) for name, found in logits._asdict().items()}

    def scores(self, head: RegionHead) -> dict[str, float]:
        """Loss, and the shares of labels and kinds that are right."""
        if not isinstance(self._held_out, _Seen):
            batches = [self._held_out[start : start + 8] for start in range(0, len(self._held_out), 8)]
            self._held_out = _Seen.of([self._seen(head, default_collate(list(batch))) for batch in batches])
        held = self._held_out
        with torch.no_grad():
            answers = self._logits(head, held.view)._asdict()
        found: dict[str, float] = {"region/loss": 0.0}
        for name, logits in answers.items():
            found["region/loss"] += float(cross_entropy(logits.float(), held.truth[name]))
            found[f"region/{name}"] = float((logits.argmax(1) == held.truth[name]).float().mean())
        return {name: round(value, 4) for name, value in found.items()}

    def merit(self, scores: Mapping[str, float]) -> float:
        """A low loss: of few regions it says more than shares."""
        return -scores["region/loss"]

    def calibrate(self, head: Head) -> None:
        """Nothing: a label is given from a probability of 0.5 on, as it comes."""

    def _seen(self, head: RegionHead, batch: Mapping[str, Tensor]) -> _Seen:
        """What the base, which stays as it is, shows of regions."""
        features = self.base.seen(batch["pixels"], batch["mask"])
        boxes = batch["box"].to(self.base.device)
        with torch.no_grad(), self.base.autocast():
            view = head.look(features, [box[None] for box in boxes])
        return _Seen(view, {name: batch[name].to(self.base.device) for name in _ANSWERS})

    def _logits(self, head: RegionHead, view: RegionView) -> RegionLogits:
        with self.base.autocast():
            return head.decide(view)
