"""One pair to learn from, with everything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from onediff_plugins.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SampleRegion:
    """One change.

    Attributes:
        kind: added, removed, changed or moved.
        label: what changed, such as "building"; empty where nobody said.
        box: x0, y0, x1, y1 in pixels of the after image, outer corners, x1 and y1 exclusive; of something removed, the
            place where it was.
        caption: one sentence about this change alone; empty where there is none.
        attributes: further facts for captions, such as {"colour": "red"}.
    """

    kind: str
    label: str
    box: tuple[int, int, int, int]
    caption: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check kind and box."""
        if self.kind not in KINDS:
            raise ValueError(f"SampleRegion.kind {self.kind!r} must be one of {', '.join(KINDS)}")
        x0, y0, x1, y1 = self.box
        if not (x0 < x1 and y0 < y1):
            raise ValueError(f"SampleRegion.box must have x0 < x1 and y0 < y1, got {self.box}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A pair of images of one size, and what is known of how they differ.

    What is not known is absent: a class without a mask is not labelled, which is not the same as an empty mask.

    Attributes:
        before: (H, W, 3) uint8 RGB.
        after: (H, W, 3) uint8 RGB, on the grid of which everything below lies.
        masks: class name -> (H, W) bool, for each class that is labelled.
        ignore: (H, W) bool, where no mask means anything, or None.
        regions: the changes, all of them, or None where they were never listed.
        captions: sentences about the whole pair that say the same, unless `task` says otherwise; empty where there are
            none.
        changed: whether anything changed, or None where nobody said.
        domain: satellite, ui, surveillance, or another.
        source: which set or generator it is from.
        licence: of the images, an SPDX name or words.
        group: pairs of one group show the same place and are never split.
        id: unique within its source.
        gsd_m: ground sample distance in metres, or None.
        task: what the captions are, a name of `record.TASKS`; empty where nobody said.
        split: train, val or test; empty where there is none.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    ignore: NDArray[np.bool_] | None = None
    regions: tuple[SampleRegion, ...] | None = None
    captions: tuple[str, ...] = ()
    changed: bool | None = None
    domain: str = ""
    source: str = ""
    licence: str = ""
    group: str = ""
    id: str = ""
    gsd_m: float | None = None
    task: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        """Check shapes and dtypes."""
        shape, owner = self.after.shape[:2], f"sample {self.id!r} of {self.source!r}"
        for side, image in (("before", self.before), ("after", self.after)):
            if image.dtype != np.uint8 or image.shape != (*shape, 3):
                raise ValueError(f"{owner}: {side} must be {(*shape, 3)} uint8, got {tuple(image.shape)} {image.dtype}")
        named = dict(self.masks) if self.ignore is None else {**self.masks, "ignore": self.ignore}
        for name, mask in named.items():
            if mask.dtype != np.bool_ or mask.shape != shape:
                raise ValueError(f"{owner}: {name} must be {shape} bool, got {tuple(mask.shape)} {mask.dtype}")
