"""Real pairs with captions: which are learned from, which are scored on the way, which are for reporting alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from onediff_core.data import PairFolder
from onediff_core.evaluation.said import UNCHANGED
from onediff_core.training.sets import DataError, tuning_half

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onediff_core.data import Sample

TUNED: Final = "levir_val"
ADDED: Final = "levir_tiles"
FOLDS: Final = 5


class CaptionedPairs(NamedTuple):
    """Captioned pairs by use.

    Attributes:
        learned: `ADDED`, and of the tuning half of `TUNED` four fifths of the groups.
        scored: the other fifth.
        reported: the other half of `TUNED`, on which nothing is chosen.
    """

    learned: list[Sample]
    scored: list[Sample]
    reported: list[Sample]


def read_captioned(data: Path, fold: int) -> CaptionedPairs:
    """Decode both sets and split them by place.

    Args:
        data: the folder of all sets.
        fold: which fifth of the tuning groups is scored, from 0 to 4.

    Raises:
        DataError: no captioned pairs on one side.
        PairError: a file cannot be read.
    """
    tuned = list(PairFolder(data / TUNED))
    half = {sample.id for sample in tuning_half(tuned)}
    tuning = _captioned([sample for sample in tuned if sample.id in half])
    groups = sorted({sample.group for sample in tuning})
    scored = set(groups[fold::FOLDS])
    made = CaptionedPairs(
        learned=[
            *(sample for sample in tuning if sample.group not in scored),
            *_captioned(list(PairFolder(data / ADDED))),
        ],
        scored=[sample for sample in tuning if sample.group in scored],
        reported=_captioned([sample for sample in tuned if sample.id not in half]),
    )
    if empty := [name for name, pairs in made._asdict().items() if not pairs]:
        raise DataError(f"{data}: no captioned pairs of {TUNED} and {ADDED} are {' or '.join(empty)}")
    return made


def _captioned(samples: Sequence[Sample]) -> list[Sample]:
    """Those with captions, which also say whether anything changed: masks show buildings alone."""
    return [
        replace(sample, changed=UNCHANGED not in sample.captions, masks={}, regions=None)
        for sample in samples
        if sample.captions
    ]
