"""Pictures for pair and region heads, brought to the size of the base's window as the detector brings them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from onediff_core.data import swap
from onediff_core.imagery import with_context
from onediff_core.training.photometry import nuisance, statistics
from onediff_core.training.sampling import SELF_PAIR_SHARE, self_pair
from onediff_core.training.sources import SWAPPED_SHARE
from onediff_plugins.specs import KINDS
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.data import Sample, SampleRegion
    from onediff_core.image_processing_onediff import OneDiffImageProcessor
    from onediff_core.training.photometry import Statistics

    Image = NDArray[np.uint8]
    Corners = tuple[float, float, float, float]

# A box by another hand would be off by about this share of its sides.
_LOOSE: Final = 0.08


class Manner(NamedTuple):
    """How pictures are varied.

    Attributes:
        seed: of everything.
        upright: never turned nor mirrored.
        swapped: also read backwards.
    """

    seed: int
    upright: bool
    swapped: bool


class PairLooks(Dataset[dict[str, "Tensor"]]):
    """Whole pairs by number, without end: half of them changed."""

    def __init__(self, samples: Sequence[Sample], image_processor: OneDiffImageProcessor, manner: Manner) -> None:
        """Sort them by whether they changed.

        Args:
            samples: with `changed` known.
            image_processor: with a size.
            manner: how they are varied.
        """
        self.processor, self.manner = image_processor, manner
        self.changed = [sample for sample in samples if sample.changed]
        self.unchanged = [sample for sample in samples if not sample.changed]
        self.palette = _palette(samples)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """One pair: pixels (2, 3, S, S), mask (S, S) bool, changed ()."""
        rng = np.random.default_rng((self.manner.seed, number))
        pool = (self.changed if rng.random() < 0.5 else self.unchanged) or [*self.changed, *self.unchanged]
        sample = pool[rng.integers(len(pool))]
        # Two looks at one image: without an unchanged pair, half of all pairs are such.
        if rng.random() < (SELF_PAIR_SHARE if self.unchanged else 0.5):
            sample = self_pair(rng, sample, ())
        images = [sample.before, sample.after]
        if self.manner.swapped and rng.random() < SWAPPED_SHARE:
            images.reverse()
        if not self.manner.upright:
            images, _ = turned(rng, images)
        images = [nuisance(rng, image, self.palette[rng.integers(len(self.palette))]) for image in images]
        return pair_item(images, bool(sample.changed), self.processor)


class RegionLooks(Dataset[dict[str, "Tensor"]]):
    """Regions in crops with context by number, without end: labels come equally often."""

    def __init__(
        self,
        samples: Sequence[Sample],
        classes: Sequence[str],
        image_processor: OneDiffImageProcessor,
        window: int,
        manner: Manner,
    ) -> None:
        """Sort regions by their labels.

        Args:
            samples: with regions of these classes alone.
            classes: labels, each of which some region has.
            image_processor: with a size.
            window: of the base, in pixels.
            manner: how they are varied.
        """
        self.classes, self.processor, self.window, self.manner = tuple(classes), image_processor, window, manner
        self.places = {
            label: [(sample, index) for sample in samples for index, region in enumerate(sample.regions or ())
                    if region.label == label]
            for label in classes
        }  # fmt: skip
        self.palette = _palette(samples)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """One region: pixels (2, 3, S, S), mask (S, S) bool, box (4,), label () and kind ()."""
        rng = np.random.default_rng((self.manner.seed, number))
        places = self.places[self.classes[rng.integers(len(self.classes))]]
        sample, index = places[rng.integers(len(places))]
        if self.manner.swapped and rng.random() < SWAPPED_SHARE:
            sample = swap(replace(sample, captions=()))
        region = (sample.regions or ())[index]
        images, corners = seen_with_context(sample, loosened(rng, region.box, sample.after.shape), self.window)
        if not self.manner.upright:
            images, corners = turned(rng, images, corners)
        images = [nuisance(rng, image, self.palette[rng.integers(len(self.palette))]) for image in images]
        return region_item(images, corners, region, self.classes, self.processor)


def pair_item(images: Sequence[Image], changed: bool, processor: OneDiffImageProcessor) -> dict[str, Tensor]:
    """A pair as tensors; see `PairLooks`."""
    pixels, mask, _ = _canvas(images, processor)
    return {"pixels": pixels, "mask": mask, "changed": torch.tensor(float(changed))}


def region_item(
    images: Sequence[Image],
    corners: Corners,
    region: SampleRegion,
    classes: Sequence[str],
    processor: OneDiffImageProcessor,
) -> dict[str, Tensor]:
    """A region as tensors; see `RegionLooks`."""
    pixels, mask, (x, y) = _canvas(images, processor)
    x0, y0, x1, y1 = corners
    return {
        "pixels": pixels,
        "mask": mask,
        "box": torch.tensor([x0 * x, y0 * y, x1 * x, y1 * y]),
        "label": torch.tensor(classes.index(region.label)),
        "kind": torch.tensor(KINDS.index(region.kind)),
    }


def seen_with_context(sample: Sample, box: tuple[int, int, int, int], window: int) -> tuple[list[Image], Corners]:
    """Both images around a box, as the detector cuts them, and the corners of the box in there."""
    height, width = sample.after.shape[:2]
    crop = with_context(Box(*box), Box(0, 0, width, height), window)
    x0, y0, x1, y1 = Box(*box).shifted(-crop.x0, -crop.y0)
    return [sample.before[crop.slices], sample.after[crop.slices]], (x0, y0, x1, y1)


def turned(
    rng: np.random.Generator, images: Sequence[Image], corners: Corners = (0, 0, 0, 0)
) -> tuple[list[Image], Corners]:
    """Images in any of eight orientations, and corners x0, y0, x1, y1 that turn with them."""
    x0, y0, x1, y1 = corners
    made = list(images)
    if rng.random() < 0.5:
        width = made[0].shape[1]
        made, (x0, x1) = [image[:, ::-1] for image in made], (width - x1, width - x0)
    for _ in range(int(rng.integers(4))):
        width = made[0].shape[1]
        made, (x0, y0, x1, y1) = [np.rot90(image) for image in made], (y0, width - x1, y1, width - x0)
    return [np.ascontiguousarray(image) for image in made], (x0, y0, x1, y1)


def loosened(
    rng: np.random.Generator, box: tuple[int, int, int, int], shape: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """A box moved at each side by a few percent, within the image and at least a pixel wide."""
    x0, y0, x1, y1 = box
    off = np.rint(rng.uniform(-_LOOSE, _LOOSE, 4) * ([x1 - x0, y1 - y0] * 2)).astype(int).tolist()
    left, top = min(max(x0 + off[0], 0), x1 - 1), min(max(y0 + off[1], 0), y1 - 1)
    right, bottom = min(max(x1 + off[2], left + 1), shape[1]), min(max(y1 + off[3], top + 1), shape[0])
    return left, top, right, bottom


def _canvas(images: Sequence[Image], processor: OneDiffImageProcessor) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """Both images in the upper left of a square of the processor's size, where they are, and how much larger."""
    height, width = images[0].shape[:2]
    made = torch.from_numpy(processor([(images[0], images[1])], return_tensors="np")["pixel_values"][0])
    rows, columns = processor.size or made.shape[2:]
    pixels, mask = made.new_zeros(2, 3, rows, columns), torch.zeros(rows, columns, dtype=torch.bool)
    pixels[:, :, : made.shape[2], : made.shape[3]] = made
    mask[: made.shape[2], : made.shape[3]] = True
    return pixels, mask, (made.shape[3] / width, made.shape[2] / height)


def _palette(samples: Sequence[Sample]) -> list[Statistics]:
    return [statistics(image) for sample in samples for image in (sample.before, sample.after)]
