"""Endless training pairs: which sample is drawn, what is done to it, which crop of it is taken.

A pair depends on the seed and its number alone, so that a run that was stopped goes on with the pairs that it would
have seen, however many processes make them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from onediff_core.errors import TrainingError
from onediff_core.training.geometry import cut_image, cut_mask, misregistration, random_view
from onediff_core.training.photometry import nuisance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.training.sources import Source

SELF_PAIR_SHARE: Final = 0.08
MISREGISTERED_SHARE: Final = 0.3
_TRIES: Final = 500


class TrainingPairs(Dataset[dict[str, "Tensor"]]):
    """Crops of pairs by number, from any number of sources; without end."""

    def __init__(
        self,
        sources: Sequence[Source],
        classes: Sequence[str],
        *,
        side: int,
        seed: int,
        upright: bool = False,
        unchanged: bool = True,
    ) -> None:
        """Prepare what all pairs share.

        Args:
            sources: with positive shares.
            classes: channels of the network; masks of others are left out.
            side: of the crops in pixels.
            seed: of everything.
            upright: see `random_view`.
            unchanged: whether there are pairs without a change.
        """
        self.sources, self.classes, self.side, self.seed = list(sources), tuple(classes), side, seed
        self.upright, self.unchanged = upright, unchanged
        shares = np.array([source.share for source in self.sources])
        self.shares = shares / shares.sum()
        self.palette = [colours for source in self.sources for colours in source.palette()]

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """One pair.

        Returns:
            images (2, 3, side, side) uint8, masks (K, side, side) bool, labelled (K,) bool, valid (side, side) bool.
        """
        rng = np.random.default_rng((self.seed, number))
        source = self.sources[rng.choice(len(self.sources), p=self.shares)]
        sample = source.draw(rng) if self.unchanged else changed_sample(rng, source)
        if self.unchanged and rng.random() < SELF_PAIR_SHARE:
            sample = self_pair(rng, sample, self.classes)
        return self._cropped(rng, sample, source.scale)

    def _cropped(self, rng: np.random.Generator, sample: Sample, scale: tuple[float, float]) -> dict[str, Tensor]:
        side = self.side
        height, width = sample.after.shape[:2]
        view = random_view(rng, (height, width), _focus(rng, sample), scale, side, upright=self.upright)
        drift = misregistration(rng, side) if rng.random() < MISREGISTERED_SHARE else np.eye(3)
        images = [cut_image(sample.before, drift @ view, side), cut_image(sample.after, view, side)]
        images = [nuisance(rng, image, self.palette[rng.integers(len(self.palette))]) for image in images]
        masks = {name: cut_mask(mask, view, side) for name, mask in sample.masks.items() if name in self.classes}
        valid = np.ones((side, side), np.bool_) if sample.ignore is None else ~cut_mask(sample.ignore, view, side)
        return as_tensors(images, masks, valid, self.classes)


def changed_sample(rng: np.random.Generator, source: Source) -> Sample:
    """A sample that shows a change.

    Raises:
        TrainingError: the source has hardly any.
    """
    for _ in range(_TRIES):
        sample = source.draw(rng)
        if sample.changed:
            return sample
    raise TrainingError(
        f"{_TRIES} samples for {', '.join(source.classes)} show no change: without unchanged pairs nothing is learned "
        "from there. Add changed pairs to that set, or leave the setting unchanged=true"
    )


def self_pair(rng: np.random.Generator, sample: Sample, classes: Sequence[str]) -> Sample:
    """Two looks at one image of a sample: no change of any class, whatever the sample is labelled for."""
    image = (sample.before, sample.after)[rng.integers(2)]
    nothing = np.zeros(image.shape[:2], np.bool_)
    return replace(
        sample, before=image, after=image, masks=dict.fromkeys(classes, nothing), ignore=None, changed=False,
        regions=None, captions=(),
    )  # fmt: skip


def _focus(rng: np.random.Generator, sample: Sample) -> tuple[float, float]:
    """A pixel of a change, if there is any, else any pixel: x, y."""
    height, width = sample.after.shape[:2]
    changed = np.flatnonzero(np.logical_or.reduce(list(sample.masks.values()))) if sample.masks else ()
    if not len(changed):
        return float(rng.uniform(0, width)), float(rng.uniform(0, height))
    y, x = divmod(int(changed[rng.integers(len(changed))]), width)
    return x + 0.5, y + 0.5


def as_tensors(
    images: Sequence[NDArray[np.uint8]],
    masks: Mapping[str, NDArray[np.bool_]],
    valid: NDArray[np.bool_],
    classes: Sequence[str],
) -> dict[str, Tensor]:
    """Channels first, with a channel for every class and a flag for those that are labelled."""
    nothing = np.zeros_like(valid)
    return {
        "images": torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy()),  # (2, 3, H, W)
        "masks": torch.from_numpy(np.stack([masks.get(name, nothing) for name in classes])),  # (K, H, W)
        "labelled": torch.tensor([name in masks for name in classes]),  # (K,)
        "valid": torch.from_numpy(valid.copy()),  # (H, W)
    }


def batches(pairs: Dataset[dict[str, Tensor]], *, first: int, size: int, workers: int) -> Iterator[dict[str, Tensor]]:
    """Batches of consecutive pairs from number `first` on, made ahead of time by worker processes; without end."""
    loader: DataLoader[dict[str, Tensor]] = DataLoader(
        pairs,
        batch_sampler=Consecutive(first, size),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=single_threaded,
    )
    return iter(loader)


class Consecutive:
    """Numbers of pairs, a batch at a time."""

    def __init__(self, first: int, size: int) -> None:
        """From number `first` on."""
        self.first, self.size = first, size

    def __iter__(self) -> Iterator[list[int]]:
        """Without end."""
        start = self.first
        while True:
            yield list(range(start, start + self.size))
            start += self.size


def single_threaded(_: int) -> None:
    """One thread of OpenCV in a worker process: the network has the others."""
    cv2.setNumThreads(0)
