"""Crops for mask heads: endless ones to learn from, and fixed ones to be scored on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from onediff_core.data import swap
from onediff_core.training.photometry import statistics
from onediff_core.training.sources import CHANGED_SHARE, SWAPPED_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from onediff_core.data import Sample
    from onediff_core.training.photometry import Statistics


class OwnPairs:
    """A user's pairs as a `Source`: changed ones come more often than their share of all."""

    share = 1.0

    def __init__(
        self, samples: Sequence[Sample], classes: Sequence[str], *, scale: tuple[float, float], swapped: bool
    ) -> None:
        """Sort samples by whether they show a change.

        Args:
            samples: decoded.
            classes: that some of them are labelled for.
            scale: smallest and largest magnification.
            swapped: whether pairs are also read backwards.
        """
        self.classes, self.scale, self.swapped = tuple(classes), scale, swapped
        self.samples = list(samples)
        self.changed = [sample for sample in samples if sample.changed]
        self.unchanged = [sample for sample in samples if not sample.changed]

    def draw(self, rng: np.random.Generator) -> Sample:
        """A sample, perhaps read backwards."""
        pool = (self.changed if rng.random() < CHANGED_SHARE else self.unchanged) or self.samples
        sample = pool[rng.integers(len(pool))]
        return swap(sample) if self.swapped and rng.random() < SWAPPED_SHARE else sample

    def palette(self) -> Iterable[Statistics]:
        """Colours of both images of each sample."""
        return (statistics(image) for sample in self.samples for image in (sample.before, sample.after))


def has_both_directions(classes: Sequence[str]) -> bool:
    """Whether each class has its opposite: "pool+" and "pool-"."""
    opposite = {"+": "-", "-": "+"}
    return all(name[-1] in opposite and name[:-1] + opposite[name[-1]] in classes for name in classes)


def tiles_of(samples: Iterable[Sample], side: int, at_most: int) -> list[Sample]:
    """Samples cut into squares of one size; of more than enough, every so-many-th, changed and unchanged ones apart.

    An image that is smaller is mirrored at its end. What is to be ignored shows no difference.

    Args:
        samples: of any sizes.
        side: of a tile in pixels.
        at_most: tiles.
    """
    tiles = [tile for sample in samples for tile in _tiles(_without_ignored(sample), side)]
    changed, unchanged = ([tile for tile in tiles if _marked(tile) is marked] for marked in (True, False))
    few = min(len(unchanged), at_most // 2)
    some = _every_so_many(changed, at_most - few)
    return [*some, *_every_so_many(unchanged, at_most - len(some))]


def _marked(sample: Sample) -> bool:
    return any(bool(mask.any()) for mask in sample.masks.values())


def _every_so_many(tiles: Sequence[Sample], at_most: int) -> list[Sample]:
    chosen = np.linspace(0, len(tiles) - 1, min(at_most, len(tiles))).round().astype(int)
    return [tiles[index] for index in chosen]


def _without_ignored(sample: Sample) -> Sample:
    if sample.ignore is None:
        return sample
    before = np.where(sample.ignore[..., None], sample.after, sample.before)
    masks = {name: mask & ~sample.ignore for name, mask in sample.masks.items()}
    return replace(sample, before=before, masks=masks, ignore=None)


def _tiles(sample: Sample, side: int) -> Iterable[Sample]:
    height, width = sample.after.shape[:2]
    rows, columns = (_indices(length, side) for length in (height, width))
    for row in rows:
        for column in columns:
            box = np.ix_(row, column)
            yield replace(
                sample,
                before=sample.before[box],
                after=sample.after[box],
                masks={name: mask[box] for name, mask in sample.masks.items()},
            )


def _indices(length: int, side: int) -> list[NDArray[np.int_]]:
    """Pixels of tiles beside each other along an axis, the last one moved back to lie inside."""
    mirrored = np.pad(np.arange(length), (0, max(0, side - length)), mode="symmetric")
    starts = [*range(0, length - side, side), length - side] if length > side else [0]
    return [mirrored[start : start + side] for start in starts]
