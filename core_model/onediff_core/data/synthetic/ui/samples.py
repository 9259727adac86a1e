"""Pairs from what is known of a page, and crops of pairs."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from onediff_core.data.sample import Sample
from onediff_core.data.synthetic.captions import region_caption, write_captions
from onediff_core.data.synthetic.ui.elements import masks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_core.data.sample import SampleRegion

LICENCE = "Apache-2.0"
_SEEN = 0.35  # of a region, under which a crop does not show it
_PIXELS = 12  # of a region, too few to see


def told(sample: Sample, regions: Sequence[SampleRegion], **changes: Any) -> Sample:
    """The sample with these regions, and with the masks, the verdict and the captions that follow from them.

    The verdict is None where nothing is left but what an edit elsewhere pushed. Captions speak of the edits; of what
    was pushed only where there is nothing else. The wording hangs on the id alone.

    Args:
        sample: for everything else.
        regions: all changes.
        changes: further fields.
    """
    sample = replace(sample, masks={}, **changes)
    height, width = sample.after.shape[:2]
    rng = np.random.default_rng(zlib.crc32(f"{sample.source}/{sample.id}".encode()))
    captioned = tuple(replace(region, caption=region_caption(region, (height, width), rng)) for region in regions)
    edited = [region for region in captioned if not region.attributes.get("pushed")]
    captions = write_captions(edited or captioned, bool(captioned), (height, width), rng, int(rng.integers(3, 6)))
    return replace(
        sample,
        regions=captioned,
        masks=masks_of(captioned, (height, width)),
        changed=None if captioned and not edited else bool(captioned),
        captions=captions,
    )


def crop(sample: Sample, size: int, rng: np.random.Generator) -> Sample:
    """A square of a page to train on: around a change where there is one, three times of four; elsewhere otherwise.

    Regions that the crop does not show are dropped, the others cut to it; masks, verdict and captions follow.

    Args:
        sample: of `told`.
        size: side in pixels; no more than the sides of the sample.
        rng: decides where.

    Raises:
        ValueError: the sample is smaller than the crop.
    """
    height, width = sample.after.shape[:2]
    if size > min(height, width):
        raise ValueError(f"sample {sample.id!r} of {sample.source!r} is {width} x {height}, no crop of {size} fits")
    x, y = _corner(sample, size, rng)
    window = np.s_[y : y + size, x : x + size]
    kept = [cut for region in sample.regions or () if (cut := _cut(region, x, y, size)) is not None]
    return told(
        sample,
        kept,
        before=np.ascontiguousarray(sample.before[window]),
        after=np.ascontiguousarray(sample.after[window]),
        id=f"{sample.id}-{x}-{y}",
    )


def _corner(sample: Sample, size: int, rng: np.random.Generator) -> tuple[int, int]:
    height, width = sample.after.shape[:2]
    edits = [region for region in sample.regions or () if not region.attributes.get("pushed")]
    if not edits or rng.random() < 0.25:
        return int(rng.integers(width - size + 1)), int(rng.integers(height - size + 1))
    x0, y0, x1, y1 = edits[int(rng.integers(len(edits)))].box
    return _near(x0, x1, width, size, rng), _near(y0, y1, height, size, rng)


def _near(low: int, high: int, length: int, size: int, rng: np.random.Generator) -> int:
    """A start from which `size` pixels hold low..high, or lie inside it where it is longer."""
    start, end = sorted((high - size, low))
    return min(max(int(rng.integers(start, end + 1)), 0), length - size)


def _cut(region: SampleRegion, x: int, y: int, size: int) -> SampleRegion | None:
    """The region on the grid of a crop; None where the crop does not show enough of it."""
    x0, y0, x1, y1 = region.box
    box = max(x0 - x, 0), max(y0 - y, 0), min(x1 - x, size), min(y1 - y, size)
    area = max(box[2] - box[0], 0) * max(box[3] - box[1], 0)
    large = area >= _SEEN * (x1 - x0) * (y1 - y0) or area >= 0.1 * size * size
    if area < _PIXELS or not large:
        return None
    attributes = dict(region.attributes)
    if old := attributes.get("box_before"):
        attributes["box_before"] = (old[0] - x, old[1] - y, old[2] - x, old[3] - y)
    return replace(region, box=box, attributes=attributes)
