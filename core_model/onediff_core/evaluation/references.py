"""What is known of pairs: records as `onediff data` writes them, in a folder, a list or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.folder import PairFolder, facts_of
from onediff_core.data.listing import classes_of
from onediff_core.errors import EvaluationError
from onediff_core.evaluation.kinds import refuse_other_files
from onediff_core.evaluation.regions import Box, component_boxes
from onediff_core.evaluation.said import says_nothing_changed
from onediff_plugins.batch import RESULTS
from onediff_plugins.errors import PairsFileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from onediff_core.data import Sample
    from onediff_core.data.sample import SampleRegion

_LISTS: Final = (".csv", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What the pictures of a pair say.

    Attributes:
        mask: (H, W) bool on the after grid, or None.
        scored: (H, W) bool, False where nobody can say; None scores every pixel.
        boxes: of the regions that were listed, else of the components of the mask; None where neither is known.
        kinds: of the regions; empty where they are components.
    """

    mask: NDArray[np.bool_] | None
    scored: NDArray[np.bool_] | None
    boxes: tuple[Box, ...] | None
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is known of a pair without its pictures.

    Attributes:
        id: unique.
        number: in the list.
        group: pairs of one group show the same place.
        captions: what people said.
        changed: whether the list says that anything changed; None where it does not.
        told_changed: whether at least half of the captions do not say that nothing changed; None without captions.
        regions: listed changes, or None.
        masked: whether there is a mask.
    """

    id: str
    number: int
    group: str
    captions: tuple[str, ...]
    changed: bool | None
    told_changed: bool | None
    regions: tuple[SampleRegion, ...] | None
    masked: bool


class References:
    """Pairs with what is known of them.

    Args:
        path: a folder, a list or Parquet, as `PairFolder` reads it.
        classes: of masks, that count as changed; all that there are unless given.
        still: grey values of masks that are no change though they are not 0.
        ignored: grey values of masks that mean nothing.
        split: pairs of this split alone.

    Attributes:
        path: as given.
        pairs: in the order of the list.

    Raises:
        EvaluationError: it holds no pairs, names an id twice, or lacks a class.
    """

    def __init__(
        self,
        path: Path,
        *,
        classes: Sequence[str] = (),
        still: tuple[int, ...] = (),
        ignored: tuple[int, ...] = (),
        split: str | None = None,
    ) -> None:
        """Read the list; pictures are read when they are asked for."""
        if not path.is_dir() and path.suffix.lower() not in _LISTS:
            refuse_other_files(path, "references", _LISTS)
        try:
            self._folder = PairFolder(path, still=still, ignored=ignored, split=split, fit=True)  # or of no split
        except PairsFileError as error:
            if (path / RESULTS).is_file():
                raise EvaluationError(
                    f"these are no references: {path} holds results of onediff; REFERENCES comes last"
                ) from error
            raise EvaluationError(f"these are no references: {error}") from error
        if any("schema" in row for row in self._folder.rows[:1]):
            raise EvaluationError(f"these are no references: {path} holds results of onediff; REFERENCES comes last")
        self.path = path
        there = classes_of(self._folder.rows, self._folder.mask_class)
        if unknown := [name for name in classes if name not in there]:
            raise EvaluationError(
                f"{path} has no masks of {', '.join(unknown)}; there are {', '.join(there) or 'none'}"
            )
        self._classes = tuple(classes) or tuple(there)
        rows = enumerate(self._folder.rows)
        self.pairs = [self._reference(number) for number, row in rows if not split or row.get("split")]
        if not self.pairs:
            raise EvaluationError(f"{path} holds no pairs{f' of the split {split!r}' if split else ''}")

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)

    def sample(self, reference: Reference) -> Sample:
        """A pair with its pictures.

        Raises:
            PairError: one is missing, cannot be read or does not fit the others.
        """
        return self._folder[reference.number]

    def truth(self, reference: Reference) -> Truth:
        """What the pictures of a pair say; errors as `sample`."""
        sample = self.sample(reference)
        masks = [mask for name, mask in sample.masks.items() if name in self._classes]
        mask = np.logical_or.reduce(masks) if masks else None
        scored = None if sample.ignore is None else ~sample.ignore
        if reference.regions is not None:
            boxes: tuple[Box, ...] | None = tuple(Box(*region.box) for region in reference.regions)
        else:
            boxes = None if mask is None else component_boxes(mask, scored=scored)
        kinds = tuple(region.kind for region in reference.regions or ())
        return Truth(mask=mask, scored=scored, boxes=boxes, kinds=kinds)

    def _reference(self, number: int) -> Reference:
        row = self._folder.rows[number]
        try:
            facts = facts_of(row)
        except (ValueError, TypeError, KeyError) as error:
            raise EvaluationError(f"{self._folder.path}, pair {row['id']!r}: {error}; correct the line") from error
        masks = row.get("masks") or {}
        named = {*masks, *([self._folder.mask_class] if row.get("mask") else [])}
        captions = facts["captions"]
        told = 2 * sum(map(says_nothing_changed, captions)) <= len(captions) if captions else None
        return Reference(
            id=facts["id"],
            number=number,
            group=facts["group"] or facts["id"],
            captions=captions,
            changed=facts["changed"],
            told_changed=told,
            regions=facts["regions"],
            masked=bool(named & set(self._classes)),
        )
