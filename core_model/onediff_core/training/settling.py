"""What heads leave out, and leave to each other: the latter is chosen on the tuning halves of all sets at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from onediff_core.surroundings import surroundings
from onediff_core.training.evaluation import GSD_M, LEAST_M2, THRESHOLD, answers_of
from onediff_core.training.stored import look_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.training.sets import MaskSet

# A head that marks areas leaves the surroundings of things to the head that marks those, where both are loaded, and how
# many times as large as the things an area may be for that.
YIELDS: Final = {"satellite.change": "satellite.building"}
FACTORS: Final = (3.0, 4.0, 5.0, 6.0, 8.0)


def leave_out_specks(heads: Iterable[Any]) -> None:
    """Put the smallest thing that counts into the configurations of heads that mark places and know their scale."""
    for head in heads:
        if head.config.task == "mask" and head.config.gsd_range_m is not None:
            head.config = replace(head.config, least_m2=LEAST_M2, assumed_gsd_m=GSD_M)


def settle(base: Any, heads: Sequence[Any], sets: Mapping[MaskSet, Sequence[Sample]]) -> dict[str, float]:
    """Choose what heads yield to each other where both are loaded, and put it into their configurations.

    Args:
        base: a OneDiffModel in any dtype; left as it is.
        heads: calibrated, in any dtype.
        sets: set -> samples, on which nothing is reported.

    Returns:
        Names of two heads, as words -> the factor that was chosen.
    """
    by_name = {head.config.name: head for head in heads}
    chosen = {}
    for name, other in YIELDS.items():
        if not {name, other} <= by_name.keys():
            continue
        looks = [look_of(base, by_name[part]) for part in (name, other)]
        of_sets = [_finds(looks, samples) for samples in sets.values()]
        best = best_factor(of_sets)
        by_name[name].config = replace(by_name[name].config, yields_to={other: best})
        chosen[f"{name} to {other}"] = best
    return chosen


def best_factor(of_sets: Sequence[Sequence[Finds]]) -> float:
    """The factor of `surroundings` with which the mean over sets of pooled F1 of two heads together is best.

    Args:
        of_sets: of each set, what the two find in its pairs.
    """

    def merit(factor: float) -> float:
        return sum(_joint_f1(finds, factor) for finds in of_sets)

    return max(FACTORS, key=merit)


class Finds(NamedTuple):
    """What two heads find in a pair, each (H, W) bool, and what is there.

    Attributes:
        areas: of the head that yields.
        things: of the head that it yields to.
        truth: of the pair.
    """

    areas: NDArray[np.bool_]
    things: NDArray[np.bool_]
    truth: NDArray[np.bool_]


def _finds(looks: Sequence[Callable[[Tensor], Tensor]], samples: Sequence[Sample]) -> list[Finds]:
    masks = [[1 - (1 - answer).prod(axis=0) >= THRESHOLD for _, answer in answers_of(look, samples)] for look in looks]
    truths = [np.logical_or.reduce(list(sample.masks.values())) for sample in samples]
    return [Finds(*parts) for parts in zip(*masks, truths, strict=True)]


def _joint_f1(finds: Sequence[Finds], factor: float) -> float:
    hits = both = 0
    for areas, things, truth in finds:
        said = things | (areas & ~surroundings(areas, things, factor))
        hits += int((said & truth).sum())
        both += int(said.sum()) + int(truth.sum())
    return 2 * hits / max(both, 1)
