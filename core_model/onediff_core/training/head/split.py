"""Which pairs are learned from, and which are held out."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from onediff_core.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_core.data import Sample

LEAST_PAIRS: Final = 8


class Split(NamedTuple):
    """Pairs of different groups.

    Attributes:
        training: what is learned from.
        held_out: what the run is scored and calibrated on.
    """

    training: list[Sample]
    held_out: list[Sample]


def split(samples: Sequence[Sample], share: float) -> Split:
    """Hold out a share of the groups; which ones hangs on their names alone. A pair without a group is one.

    At least one changed pair is on each side.

    Args:
        samples: labelled, `changed` known.
        share: of the groups, in (0, 1).

    Raises:
        TrainingError: too few pairs, groups or changed pairs.
    """
    if len(samples) < LEAST_PAIRS:
        raise TrainingError(f"{len(samples)} pairs can be used, and a head needs {LEAST_PAIRS} at least: label more")
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group or sample.id].append(sample)
    shuffled = by_hash(groups)
    changed = [name for name in shuffled if any(sample.changed for sample in groups[name])]
    if len(changed) < 2:
        raise TrainingError(
            f"{len(changed)} of {len(groups)} groups of pairs hold a change, and two are needed, one to learn from and "
            "one to hold out: label more changed pairs"
        )
    count = how_many(share, len(groups))
    held = _with_a_change(shuffled[:count], shuffled[count:], changed)
    return Split(
        [sample for name in shuffled if name not in held for sample in groups[name]],
        [sample for name in shuffled if name in held for sample in groups[name]],
    )


def by_hash(names: Iterable[str]) -> list[str]:
    """Names in an order that hangs on each of them alone."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())


def how_many(share: float, groups: int) -> int:
    """Groups to hold out: at least one, and never all."""
    return min(max(1, math.ceil(share * groups)), groups - 1)


def _with_a_change(held: list[str], others: list[str], changed: Sequence[str]) -> set[str]:
    """The groups to hold out, one exchanged where all changes, or none, would be among them."""
    if not set(held) & set(changed):
        held = [*held[:-1], next(name for name in others if name in changed)]
    elif not set(others) & set(changed):
        given = next(name for name in held if name in changed)
        held = [*others[:1], *(name for name in held if name != given)]
    return set(held)
