"""A record as people corrected it: which of its regions stand, what they are called, whether the pair changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import shapely

from onediff_fiftyone.values import after_regions, grid_size
from onediff_plugins.records import ChangeRegion
from onediff_plugins.regions import rasterise

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from onediff_fiftyone.loop.reviewed import Review, ReviewedRegion
    from onediff_plugins.records import ChangeResult

_MOVED_PX: Final = 1.0  # a box that somebody dragged by less is the model's own


@dataclass(frozen=True, kw_only=True, eq=False)
class Corrected:
    """A record after a review.

    Attributes:
        review: what was decided.
        found: the record as it was.
        result: the record with the regions that stand, relabelled and reworded; drawn ones last, as boxes.
        drawn: regions whose box is a person's, not the model's.
        dropped: outlines that the model found and that are no change, or not all of them.
    """

    review: Review
    found: ChangeResult
    result: ChangeResult
    drawn: tuple[ReviewedRegion, ...]
    dropped: tuple[BaseGeometry, ...]

    @property
    def as_found(self) -> bool:
        """Whether people left the places as the model found them."""
        return self.review.accepted and not self.drawn and not self.dropped

    @property
    def changed(self) -> bool | None:
        """The verdict; None where all that is known is that the model's was wrong, or where it had none."""
        if self.as_found:
            return self.found.changed
        if self.result.regions:
            return True
        return False if self.found.changed else None

    @property
    def caption(self) -> str | None:
        """What to learn to say; None where the model's words were about something else than what stands.

        Relabelled regions count as something else: the words may name them.
        """
        if self.review.rewritten:
            return self.review.caption.strip()
        if self.as_found and not any(region.relabelled for region in self.review.regions):
            return self.found.caption
        return None

    def mask(self, written: NDArray[np.bool_] | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where it changed, and where that is not known.

        Args:
            written: (H, W), the mask of the run; None draws it from the outlines.

        Returns:
            (H, W) bool each, on the after grid.
        """
        width, height = grid_size(self.found)
        if written is None:
            written = rasterise([region.geometry for region in self.found.regions], width, height)
        standing = rasterise(self._standing(), width, height)
        changed = written & standing
        if self.review.accepted:  # an outline may be a little coarser than the mask
            changed |= written & ~rasterise(self.dropped, width, height)
        unsure = np.zeros_like(changed)
        for region in self.drawn:
            x0, y0, x1, y1 = _pixels(region, self.found)
            place = slice(y0, y1), slice(x0, x1)
            if region.mask is None or region.number is not None:  # of a numbered one it is the model's own
                unsure[place] = True
            else:
                painted = cv2.resize(region.mask.astype(np.uint8), (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
                changed[place] |= painted > 0
        return changed, unsure & ~changed

    def decided(self) -> dict[str, Any]:
        """Who decided what, as JSON values."""
        kept = {region.number for region in self.review.regions if region.kept}
        numbers = [region.id for region in self.found.regions]
        relabelled = {str(one.number): one.label for one in self.review.regions if one.number and one.relabelled}
        return {
            "review": "accepted" if self.review.accepted else "rejected",
            "by": list(self.review.by),
            "at": None if self.review.at is None else self.review.at.isoformat(),
            "caption": "edited" if self.review.rewritten else None if self.caption is None else "accepted",
            "rejected_regions": [number for number in numbers if number not in kept],
            "relabelled": relabelled,
            "drawn": sum(region.number is None for region in self.drawn),
        }

    def _standing(self) -> list[BaseGeometry]:
        """What stands of the model's own outlines."""
        drawn = {region.number: region for region in self.drawn if region.number is not None}
        standing = {region.number for region in self.review.regions if region.kept}
        found = []
        for region in self.found.regions:
            if region.id in drawn:
                found.append(shapely.intersection(region.geometry, shapely.box(*_pixels(drawn[region.id], self.found))))
            elif region.id in standing:
                found.append(region.geometry)
        return [geometry for geometry in found if not geometry.is_empty]


def corrected(review: Review, result: ChangeResult) -> Corrected | None:
    """A record with what was decided about it; None where that was about another finding.

    Args:
        review: of the pair.
        result: as it is in the run's file now.
    """
    own = {region.id: (region, box) for region, box in after_regions(result)}
    reviewed = {region.number: region for region in review.regions if region.number is not None}
    if review.outdated or review.model_caption != result.caption or not reviewed.keys() <= own.keys():
        return None
    width, height = grid_size(result)
    scale = np.array([width, height, width, height])
    kept, drawn, dropped = [], [], []
    for number, (region, box) in own.items():
        now = reviewed.get(number)  # one that was deleted does not stand
        if now is None or not now.kept:
            dropped.append(region.geometry)
        elif (np.abs((np.array(box) - now.box) * scale) > _MOVED_PX).any():
            dropped.append(region.geometry)
            drawn.append(now)
        else:
            kept.append(region.replace(label=_label(now, region), caption=now.caption))
    drawn += [region for region in review.regions if region.number is None and region.kept]
    first = max(own, default=0) + 1
    boxes = [_as_found(region, first + index, result) for index, region in enumerate(drawn)]
    return Corrected(
        review=review,
        found=result,
        result=result.replace(regions=(*kept, *boxes)),
        drawn=tuple(drawn),
        dropped=tuple(dropped),
    )


def _label(now: ReviewedRegion, region: ChangeRegion) -> str:
    return now.label if now.relabelled else region.label


def _as_found(region: ReviewedRegion, number: int, result: ChangeResult) -> ChangeRegion:
    box = _pixels(region, result)
    return ChangeRegion(
        id=number,
        kind=region.kind,
        label=region.label,
        score=1.0,
        caption=region.caption,
        bbox_after=None if region.kind == "removed" else box,
        area_px=(box[2] - box[0]) * (box[3] - box[1]),
        geometry=shapely.box(*box),
    )


def _pixels(region: ReviewedRegion, result: ChangeResult) -> tuple[int, int, int, int]:
    """A person's box in whole pixels of the after grid, outwards, at least one a side."""
    width, height = grid_size(result)
    x, y, w, h = region.box
    x0, y0 = min(max(int(x * width), 0), width - 1), min(max(int(y * height), 0), height - 1)
    x1, y1 = (min(int(np.ceil(end)), limit) for end, limit in (((x + w) * width, width), ((y + h) * height, height)))
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)
