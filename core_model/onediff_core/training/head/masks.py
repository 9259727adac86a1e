"""The task "mask": where what changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from onediff_core.calibration import fit_temperature
from onediff_core.errors import TrainingError
from onediff_core.training.evaluation import answers_of, operating_point
from onediff_core.training.head.crops import OwnPairs, tiles_of
from onediff_core.training.head.smallest import found_in, middle_gsd, smallest
from onediff_core.training.objective import dense_losses, groups_of
from onediff_core.training.sampling import TrainingPairs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.heads import ChangeMaskHead
    from onediff_core.training.evaluation import OperatingPoint
    from onediff_core.training.head.smallest import Smallest
    from onediff_core.training.head.tasks import Material

# Of the crops where the base takes images of any size.
SIDE: Final = 192
# Enough for one number.
_PIXELS: Final = 200_000


class MaskTask:
    """Crops at the resolution of the images, as the detector's tiles are.

    Attributes:
        pairs: what is learned from.
        smallest: the size from which a blob counts, once the head is calibrated.
    """

    smallest: Smallest

    def __init__(self, material: Material) -> None:
        """Cut what is held out.

        Args:
            material: its samples have masks of some of the classes.

        Raises:
            TrainingError: crops of a size that the base cannot see.
        """
        self.base, self.classes, self.settings = material.base, material.classes, material.settings
        side = crop_side(material)
        source = OwnPairs(material.training, self.classes, scale=self.settings.zoom, swapped=material.swapped)
        self.pairs = TrainingPairs([source], self.classes, side=side, seed=self.settings.seed, upright=material.upright)
        tiles = tiles_of(material.held_out, side, self.settings.score_at_most)
        self._held_out, self._gsd_m = tiles, middle_gsd(material.training)
        labelled = {name: _labelled(tiles, names) for name, names in self._groups().items()}
        # What is held out may show no change of some group: it says nothing of how well one is found.
        self._tiles = {name: some for name, some in labelled.items() if any(tile.changed for tile in some)}

    def losses(self, head: ChangeMaskHead, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Border-weighted cross-entropy plus Dice of each group of classes."""
        device = self.base.device
        with self.base.autocast():
            logits = head(self.base.dense(batch["images"]))
        labels = {name: value.to(device) for name, value in batch.items() if name != "images"}
        settings = self.settings
        return dense_losses(
            logits, labels, self.classes, border_px=settings.border_px, border_weight=settings.border_weight
        )

    def scores(self, head: ChangeMaskHead) -> dict[str, float]:
        """Pooled F1, precision and recall of each group of classes at its operating point: 0.5 once calibrated."""
        points = {group: self._point(head, tiles) for group, tiles in self._tiles.items()}
        return {
            f"{group}/{what}": round(getattr(point, what), 4)
            for group, point in points.items()
            for what in ("f1", "precision", "recall")
        }

    def merit(self, scores: Mapping[str, float]) -> float:
        """The mean F1."""
        return float(np.mean([value for name, value in scores.items() if name.endswith("/f1")]))

    def calibrate(self, head: ChangeMaskHead) -> None:
        """A temperature for each class, a bias for each group so that F1 is best at 0.5, and the smallest thing."""
        for group, tiles in self._tiles.items():
            names = self._groups()[group]
            for name in names:
                logits, labels = self._pixels(head, tiles, name)
                head.calibration.set(self.classes.index(name), fit_temperature(logits, labels)[0])
            bias = self._point(head, tiles).bias
            for name in names:
                row = self.classes.index(name)
                head.calibration.set(row, float(head.calibration.temperature[row]), bias)
        found = found_in(self._answers(head, head.probabilities), self._held_out, self.classes, self._gsd_m)
        self.smallest = smallest(found, self._gsd_m, self.settings.least_px)
        least = self.smallest
        head.config = replace(head.config, least_m2=least.least_m2, assumed_gsd_m=least.assumed_gsd_m)

    def _groups(self) -> dict[str, list[str]]:
        return {group: [self.classes[row] for row in rows] for group, rows in groups_of(self.classes).items()}

    def _point(self, head: ChangeMaskHead, tiles: list[Sample]) -> OperatingPoint:
        return operating_point(self._answers(head, lambda logits: head.calibration(logits, dim=1)), tiles, self.classes)

    def _answers(self, head: ChangeMaskHead, of: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """From crops (B, 2, 3, H, W) uint8 to what is made of the head's logits, on the CPU."""

        @torch.inference_mode()
        def answer(images: Tensor) -> Tensor:
            with self.base.autocast():
                logits: Tensor = head(self.base.dense(images))
            return of(logits.float()).cpu()

        return answer

    def _pixels(self, head: ChangeMaskHead, tiles: list[Sample], name: str) -> tuple[Tensor, Tensor]:
        """Logits and labels of one class, (N,) each, of every so-many-th pixel."""
        row = self.classes.index(name)
        pairs = [
            (answer[row].ravel(), tile.masks[name].ravel())
            for tile, answer in answers_of(self._answers(head, lambda logits: logits), tiles)
        ]
        logits, labels = (np.concatenate(part) for part in zip(*pairs, strict=True))
        step = max(1, len(logits) // _PIXELS)
        return torch.from_numpy(logits[::step].copy()), torch.from_numpy(labels[::step].astype(np.float32))


def crop_side(material: Material) -> int:
    """Side of crops in pixels: as set, else the base's own size, else `SIDE`.

    Raises:
        TrainingError: the tower does not divide it.
    """
    images, asked = material.base.images, material.settings.crop
    multiple = images.size_multiple
    if asked is None:
        return max(images.size) if images.size else max(1, SIDE // multiple) * multiple
    if asked % multiple:
        raise TrainingError(f"--set crop={asked}: crops on this base are multiples of {multiple} px")
    return asked


def _labelled(tiles: list[Sample], names: list[str]) -> list[Sample]:
    """Tiles that are labelled for all classes of a group, with the masks of that group alone."""
    known = [{name: tile.masks[name] for name in names if name in tile.masks} for tile in tiles]
    return [
        replace(tile, masks=masks, changed=any(mask.any() for mask in masks.values()))
        for tile, masks in zip(tiles, known, strict=True)
        if len(masks) == len(names)
    ]


def gsd_range(material: Material) -> tuple[float, float] | None:
    """Ground sample distances in metres that crops were seen at; None where that of some pair is not known."""
    known = [sample.gsd_m for sample in material.training if sample.gsd_m is not None]
    low, high = material.settings.zoom
    return (min(known) / high, max(known) / low) if len(known) == len(material.training) else None
