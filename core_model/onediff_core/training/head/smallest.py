"""The smallest thing that a mask head finds: chosen on held-out crops, where there are enough of them to tell.

The heads that ship leave out blobs under 50 m², the first size that told 95 of 100 unchanged pairs. A user holds out a
handful of pairs, on which such a rate cannot be told. What can be told is whether a size makes more crops right than it
makes wrong, and where few differ, the smaller one is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from onediff_core.surroundings import specks
from onediff_core.training.evaluation import THRESHOLD, answers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.data import Sample

SIZES: Final = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
# Crops with a change, and crops without, from which a size is chosen at all; see benchmarks/smallest_thing.py.
FEWEST: Final = 10
# Pooled F1 of pixels may fall by so much: the size is there to leave out specks, not things.
_MOST_LOST: Final = 0.005


class Found(NamedTuple):
    """What a head marks in a crop, and what is there.

    Attributes:
        said: (H, W) bool.
        truth: (H, W) bool.
        zoom: how many of its pixels are one of those that sizes are told in.
    """

    said: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    zoom: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Smallest:
    """The size from which a blob counts, and why.

    Attributes:
        px: pixels of images of `gsd_m`, or of any where that is None; 0 where every blob counts.
        gsd_m: ground sample distance of the pairs, the middle one, or None where some do not know theirs.
        why: in words.
    """

    px: float
    gsd_m: float | None
    why: str

    @property
    def assumed_gsd_m(self) -> float:
        """That a head's configuration holds; pixels themselves where no scale is known."""
        return self.gsd_m or 1.0

    @property
    def least_m2(self) -> float:
        """Likewise."""
        return self.px * self.assumed_gsd_m**2

    @property
    def words(self) -> str:
        """One line for people."""
        if not self.px:
            return f"every blob counts: {self.why}"
        ground = "" if self.gsd_m is None else f" at {self.gsd_m:g} m, {self.least_m2:.3g} m²"
        return f"{self.px:g} px{ground}: {self.why}"


def smallest(found: Iterable[Found], gsd_m: float | None, asked: float | None) -> Smallest:
    """The size from which blobs count.

    Args:
        found: of crops that nothing was learned from.
        gsd_m: of the pairs, or None.
        asked: the size in pixels that somebody set, or None.
    """
    if asked is not None:
        return Smallest(px=asked, gsd_m=gsd_m, why="as set")
    crops = list(found)
    changed = sum(bool(crop.truth.any()) for crop in crops)
    rest = len(crops) - changed
    if min(changed, rest) < FEWEST:
        why = (
            f"{changed} held-out crops show a change and {rest} show none, too few to choose a size on "
            f"({FEWEST} of each); --set least_px=PIXELS sets one"
        )
        return Smallest(px=0, gsd_m=gsd_m, why=why)
    return Smallest(px=best_size(crops), gsd_m=gsd_m, why=f"chosen on {changed} + {rest} held-out crops")


def best_size(crops: Sequence[Found]) -> int:
    """The one of `SIZES` with which crops are told best: the mean of right ones with a change and right ones without.

    Of several, the smallest. Those with which pooled F1 of pixels falls are left out.

    Args:
        crops: some with a change and some without.
    """
    changed = np.array([crop.truth.any() for crop in crops])
    there = sum(int(crop.truth.sum()) for crop in crops)
    right, f1 = [], []
    for size in SIZES:
        left = [crop.said & ~specks(crop.said, size * crop.zoom) for crop in crops]
        told = np.array([mask.any() for mask in left])
        right.append((told[changed].mean() + (~told[~changed]).mean()) / 2)
        hits = sum(int((mask & crop.truth).sum()) for mask, crop in zip(left, crops, strict=True))
        f1.append(2 * hits / max(there + sum(int(mask.sum()) for mask in left), 1))
    return max(
        (size for size, score in zip(SIZES, f1, strict=True) if score >= f1[0] - _MOST_LOST),
        key=lambda size: (right[SIZES.index(size)], -size),
    )


def found_in(
    probabilities: Callable[[Tensor], Tensor], crops: Sequence[Sample], classes: Sequence[str], gsd_m: float | None
) -> Iterable[Found]:
    """What a calibrated head finds in crops.

    Args:
        probabilities: (B, 2, 3, H, W) uint8 -> (B, K, H, W) in [0, 1].
        crops: of one size, each labelled for some of the classes.
        classes: of the head.
        gsd_m: that sizes are told for, or None.
    """
    for crop, answer in answers_of(probabilities, crops):
        rows = [classes.index(name) for name in crop.masks]
        said = 1 - (1 - answer[rows]).prod(axis=0) >= THRESHOLD  # as `ChangeMaskHead.score`
        zoom = (gsd_m / crop.gsd_m) ** 2 if gsd_m and crop.gsd_m else 1.0
        yield Found(said, np.logical_or.reduce(list(crop.masks.values())), zoom)


def middle_gsd(samples: Sequence[Any]) -> float | None:
    """The middle one of the ground sample distances in metres; None where some samples do not know theirs."""
    known = [sample.gsd_m for sample in samples if sample.gsd_m is not None]
    return float(np.median(known)) if known and len(known) == len(samples) else None
