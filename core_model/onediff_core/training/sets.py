"""The real sets that dense training reads: which class each mask stands for, and how much of each is drawn."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data import PairFolder
from onediff_core.data.listing import holds_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onediff_core.data import Sample


PAIRS_NAME: Final = "pairs.jsonl"


class DataError(ValueError):
    """A set is missing or holds what cannot be trained on."""


@dataclass(frozen=True, kw_only=True)
class MaskSet:
    """A folder with a `pairs.jsonl` whose masks stand for one class.

    Attributes:
        name: of the folder.
        mask: class that the mask shows.
        empty: classes that are labelled too, and nowhere present: the other direction of `mask`.
        quiet: classes that samples without a change are now and then labelled for, too, as not present.
        share: of the pairs that are drawn.
        scale: smallest and largest magnification that its crops are drawn at.
        swapped: whether before and after may change places. Not where the reverse of a change is no change of
            the class.
        partly: whether pairs without a mask are left out; else they are an error.
        licence: of its images.
    """

    name: str
    mask: str
    empty: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    share: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    swapped: bool = False
    partly: bool = False
    licence: str = ""


_LEVIR: Final = "LEVIR-CD, academic use, not commercial"
_DSIFN: Final = "DSIFN, research"

# Every change in LEVIR-CD is a building that came.
_BUILDINGS: Final = MaskSet(name="", mask="building+", empty=("building-",), swapped=True, licence=_LEVIR)

TRAINING_SETS: Final = (
    # Where nothing was built there may still be a new road: "quiet" is right more often than not, and drawn rarely.
    replace(_BUILDINGS, name="levir_train", quiet=("landcover",), share=0.55, scale=(0.6, 1.9)),
    # Of other scenes: those of LEVIR-CD's test split, so that nothing may be reported on that.
    replace(_BUILDINGS, name="levir_tiles", quiet=("landcover",), share=0.05, scale=(0.6, 1.9), partly=True),
    # Scenes at half the resolution: large roofs, and more of what is around them in one crop.
    replace(_BUILDINGS, name="levir_train_half", share=0.12, scale=(0.7, 1.9)),
    MaskSet(name="dsifn_train", mask="landcover", share=0.28, scale=(0.6, 1.6), licence=_DSIFN),
)
VALIDATION_SETS: Final = (
    replace(_BUILDINGS, name="levir_val"),
    MaskSet(name="dsifn_val", mask="landcover", licence=_DSIFN),
)


def data_folder(given: Path | None) -> Path:
    """The folder of the sets: as given, else the variable ONEDIFF_DATA.

    Raises:
        DataError: neither names a folder.
    """
    folder = given or (Path(os.environ["ONEDIFF_DATA"]) if os.environ.get("ONEDIFF_DATA") else None)
    if folder is None:
        raise DataError("no data: name the folder of the sets with --data or the variable ONEDIFF_DATA")
    if not folder.is_dir():
        raise DataError(f"no data: {folder} is no folder; --data or ONEDIFF_DATA names the folder of the sets")
    return folder


def require_sets(folder: Path, sets: Iterable[MaskSet]) -> None:
    """Check that every set is there, before anything runs.

    Raises:
        DataError: with the names of those that are missing.
    """
    missing = [entry.name for entry in sets if not holds_pairs(folder / entry.name)]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}: each is a folder with a {PAIRS_NAME} and its images")


def read_set(folder: Path, entry: MaskSet) -> list[Sample]:
    """Decode a set into memory.

    Args:
        folder: that of all sets.
        entry: which one.

    Raises:
        DataError: a pair has no mask, in a set where all have one.
        PairError: `pairs.jsonl`, an image or a mask cannot be read, or they are of different sizes.
    """
    pairs = PairFolder(folder / entry.name, mask_class=entry.mask)
    return [_labelled(entry, sample) for sample in pairs if entry.mask in sample.masks or not entry.partly]


def tuning_half(samples: Sequence[Sample]) -> list[Sample]:
    """Every second group in the order of names, the first included; the other half is for reporting alone."""
    return _in_groups(samples, first=0)


def held_out_half(samples: Sequence[Sample]) -> list[Sample]:
    """The groups that `tuning_half` leaves."""
    return _in_groups(samples, first=1)


def _in_groups(samples: Sequence[Sample], *, first: int) -> list[Sample]:
    groups = sorted({sample.group or sample.id for sample in samples})
    kept = set(groups[first::2])
    return [sample for sample in samples if (sample.group or sample.id) in kept]


def _labelled(entry: MaskSet, sample: Sample) -> Sample:
    """What a set says of its pairs, and no more: its captions and regions are for other stages."""
    mask = sample.masks.get(entry.mask)
    if mask is None:
        raise DataError(f"pair {sample.id!r} of {entry.name} has no mask, which the dense stage learns from")
    return replace(
        sample,
        masks={entry.mask: mask, **dict.fromkeys(entry.empty, np.zeros_like(mask))},
        changed=bool(mask.any()),
        regions=None,
        captions=(),
        source=entry.name,
        licence=entry.licence,
    )
