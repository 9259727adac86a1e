"""From what a generator changed to what a sample says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from onediff_core.data.sample import Sample, SampleRegion
from onediff_core.data.synthetic.captions import described

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One thing that happened.

    Attributes:
        kind: added, removed, changed or moved.
        label: what it happened to.
        mask: (H, W), on the after grid: what is to be seen of it, or where it was to be seen.
        left: (H, W), of something moved, where it was; else None.
        classes: masks of the sample that these pixels belong to; of one whose directions are labelled apart, such as
            "object+" and "object-", its bare name: what came belongs to the one, what went to the other.
        attributes: facts for captions.
    """

    kind: str
    label: str
    mask: Mask
    left: Mask | None = None
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> Mask:
        """All that differs because of it."""
        return self.mask if self.left is None else self.mask | self.left

    def region(self) -> SampleRegion:
        """What a sample says of it."""
        known = dict(self.attributes)
        if self.left is not None:
            known["box_before"] = bounds(self.left)
        return SampleRegion(kind=self.kind, label=self.label, box=bounds(self.mask), attributes=known)


def sample_of(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    changes: Sequence[Change],
    classes: Iterable[str],
    **about: Any,
) -> Sample:
    """A sample with masks, regions and captions.

    Args:
        before: (H, W, 3) RGB.
        after: the same.
        changes: all of them; nothing changed where there are none.
        classes: every class that is labelled, also where nothing belongs to it.
        about: further fields of the sample.
    """
    shape = after.shape[:2]
    masks = {name: np.zeros(shape, np.bool_) for name in classes}
    for change in changes:
        for name in change.classes:
            if name in masks:
                masks[name] |= change.pixels
                continue
            if change.kind != "removed":
                masks[f"{name}+"] |= change.mask
            if change.kind != "added":
                masks[f"{name}-"] |= change.mask if change.left is None else change.left
    regions = tuple(change.region() for change in changes)
    return described(
        Sample(
            before=before,
            after=after,
            masks=masks,
            regions=regions,
            changed=bool(changes),
            licence="Apache-2.0",
            **about,
        )
    )


def bounds(mask: Mask) -> Box:
    """x0, y0, x1, y1 of what is set, x1 and y1 exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
