"""Pairs from what is known of a page, and crops of pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_core.data.synthetic.captions import described
from onediff_core.data.synthetic.ui.elements import masks_of, place_before
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_core.data.sample import Sample, SampleRegion

LICENCE: Final = "Apache-2.0"  # everything in the pictures is made by this package
_ELSEWHERE: Final = 0.25  # of the crops of changed pages
_TRIED: Final = 3  # places elsewhere, of which the least empty is taken
# A region is recognised in a crop that shows this share of it, or this share of the crop; and never in fewer pixels.
_SEEN: Final = 0.35
_LARGE: Final = 0.1
_PIXELS: Final = 12


def told(sample: Sample, regions: Sequence[SampleRegion], **changes: Any) -> Sample:
    """The sample with these regions, and with the masks, the verdict and the captions that follow from them.

    Where nothing is left but what an edit elsewhere pushed, nobody can say whether it counts as a change: no verdict
    and no captions.

    Args:
        sample: for everything else.
        regions: all changes.
        changes: further fields.
    """
    sample = replace(sample, masks={}, **changes)
    height, width = sample.after.shape[:2]
    only_pushed = bool(regions) and all(region.attributes.get("pushed") for region in regions)
    bare = replace(
        sample,
        regions=tuple(regions),
        masks=masks_of(regions, (height, width)),
        changed=None if only_pushed else bool(regions),
        captions=(),
    )
    return bare if only_pushed else described(bare)


def crop(sample: Sample, size: int, rng: np.random.Generator) -> Sample:
    """A square of a page to train on: around a change where there is one, three times of four; elsewhere otherwise.

    Regions outside the crop are dropped, the others cut to it; masks, verdict and captions follow. A region of which
    too little is left to be recognised is dropped, too; its rest lies in `ignore`, and where there is no other region,
    nobody can say whether the crop changed: no verdict, no regions, no captions.

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
    images = {name: np.ascontiguousarray(getattr(sample, name)[window]) for name in ("before", "after")}
    cut = [(region, rest) for region in sample.regions or () if (rest := _cut(region, x, y, size)) is not None]
    kept = [rest for region, rest in cut if _recognised(region, rest, size)]
    cropped = told(sample, kept, **images, id=f"{sample.id}-{x}-{y}")
    slivers = [rest for region, rest in cut if not _recognised(region, rest, size)]
    if not slivers:
        return cropped
    ignore = np.logical_or.reduce(list(masks_of(slivers, (size, size)).values())) & ~cropped.masks["element"]
    if kept:
        return replace(cropped, ignore=ignore)
    return replace(cropped, ignore=ignore, changed=None, regions=None, captions=())


def _corner(sample: Sample, size: int, rng: np.random.Generator) -> tuple[int, int]:
    height, width = sample.after.shape[:2]
    edits = [region for region in sample.regions or () if not region.attributes.get("pushed")]
    if edits and rng.random() >= _ELSEWHERE:
        x0, y0, x1, y1 = edits[int(rng.integers(len(edits)))].box
        return _near(x0, x1, width, size, rng), _near(y0, y1, height, size, rng)
    tried = [(int(rng.integers(width - size + 1)), int(rng.integers(height - size + 1))) for _ in range(_TRIED)]
    return max(tried, key=lambda corner: sample.after[corner[1] :, corner[0] :][:size:2, :size:2].std())


def _near(low: int, high: int, length: int, size: int, rng: np.random.Generator) -> int:
    """A start from which `size` pixels hold low..high, or lie inside it where it is longer."""
    start, end = sorted((high - size, low))
    return min(max(int(rng.integers(start, end + 1)), 0), length - size)


def _cut(region: SampleRegion, x: int, y: int, size: int) -> SampleRegion | None:
    """The region on the grid of a crop; None where it is outside."""
    x0, y0, x1, y1 = region.box
    box = max(x0 - x, 0), max(y0 - y, 0), min(x1 - x, size), min(y1 - y, size)
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    attributes = dict(region.attributes)
    if "box_before" in attributes:
        attributes |= place_before(Box(*attributes.pop("box_before")).shifted(-x, -y), Box(0, 0, size, size))
    return replace(region, box=box, attributes=attributes)


def _recognised(region: SampleRegion, rest: SampleRegion, size: int) -> bool:
    """Whether what a crop shows of a region is enough; pushed content is told by nothing that is in it."""
    if region.attributes.get("pushed"):
        return True
    seen = _area(rest)
    return seen >= _PIXELS and (seen >= _SEEN * _area(region) or seen >= _LARGE * size * size)


def _area(region: SampleRegion) -> int:
    x0, y0, x1, y1 = region.box
    return (x1 - x0) * (y1 - y0)
