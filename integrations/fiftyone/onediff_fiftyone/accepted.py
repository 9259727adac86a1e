"""What was accepted in a review, as plain values: what the exports write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from onediff_fiftyone import schema
from onediff_fiftyone.deciding import region_decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, kw_only=True)
class AcceptedRegion:
    """A region that stands.

    Attributes:
        number: its number in the record; None for one that somebody drew.
        kind: added, removed, changed or moved; None for a drawn one without.
        label: what it is, as it reads after the review.
        score: in [0, 1], or None for a drawn one.
        caption: as it reads after the review.
        geometry: (Multi)Polygon on the after grid, in [0, 1], y down.
        attributes: scalar facts of the record, such as area_m2.
    """

    number: int | None
    kind: str | None
    label: str
    score: float | None
    caption: str
    geometry: BaseGeometry
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AcceptedPair:
    """A pair of which something was accepted.

    Attributes:
        id: the record's id.
        domain: that compared it.
        review: what was decided about the pair; "pending" where only regions were.
        caption: as it reads after the review.
        before: source of the before image.
        after: source of the after image.
        picture: file of the after picture that was reviewed.
        grid: columns and rows of the after grid, or None where the dataset does not say.
        crs: of the after grid, or None.
        transform: a to f of the after grid, or None.
        regions: that were accepted, or that belong to an accepted pair and were not rejected.
        reviewed_at: when the last decision was made, UTC, or None.
        reviewed_by: by whom, or None.
    """

    id: str
    domain: str
    review: str
    caption: str
    before: str | None
    after: str
    picture: str
    grid: tuple[int, int] | None
    crs: str | None
    transform: tuple[float, ...] | None
    regions: tuple[AcceptedRegion, ...]
    reviewed_at: datetime | None
    reviewed_by: str | None


def accepted_pairs(view: Any) -> Iterator[AcceptedPair]:  # noqa: ANN401  # fiftyone has no types
    """Pairs of a view that were accepted, or of which regions were; one in memory at a time.

    Args:
        view: a review dataset or a view into it.
    """
    samples = view.select_group_slices(schema.AFTER) if view.media_type == "group" else view
    dataset = getattr(view, "_dataset", view)
    regions = f"{schema.CHANGES}.detections"
    stands = {
        "$or": [
            {f"{schema.REVIEW}.label": schema.ACCEPTED},
            {f"{regions}.{schema.REGION_REVIEW}": schema.ACCEPTED},
            {regions: {"$elemMatch": {schema.REGION_ID: None}}},  # drawn by somebody, who says that it is there
            {f"{regions}.{schema.ORPHANED}": True},  # decided about, and then no longer found
        ]
    }
    befores = _before_sources(dataset)
    for sample in samples.mongo([{"$match": stands}]):
        pair = _pair(sample, befores)
        if pair.review == schema.ACCEPTED or pair.regions:
            yield pair


def _before_sources(dataset: Any) -> Mapping[str, str]:  # noqa: ANN401
    before = dataset.select_group_slices(schema.BEFORE)
    return dict(zip(*before.values([f"{schema.PAIR}.id", schema.SOURCE]), strict=True))


def _pair(sample: Any, befores: Mapping[str, str]) -> AcceptedPair:  # noqa: ANN401
    review = sample[schema.REVIEW].label if sample[schema.REVIEW] else schema.PENDING
    outlines = {
        line[schema.REGION_ID]: line.points
        for line in (sample[schema.POLYGONS].polylines if sample[schema.POLYGONS] else [])
        if line.has_field(schema.REGION_ID)
    }
    stand = [
        _region(region, outlines)
        for region in (sample[schema.CHANGES].detections if sample[schema.CHANGES] else [])
        if region_decision(region, review) == schema.ACCEPTED
    ]
    grid, transform = _of(sample, schema.GRID), sample[schema.TRANSFORM]
    return AcceptedPair(
        id=sample[schema.PAIR_ID],
        domain=sample[schema.DOMAIN] or "",
        review=review,
        caption=sample[schema.CAPTION] or "",
        before=befores.get(sample[schema.PAIR].id),
        after=sample[schema.SOURCE],
        picture=sample.filepath,
        grid=(grid[0], grid[1]) if grid else None,
        crs=sample[schema.CRS],
        transform=tuple(transform) if transform else None,
        regions=tuple(stand),
        reviewed_at=_of(sample, schema.REVIEWED_AT),
        reviewed_by=_of(sample, schema.REVIEWED_BY),
    )


_NOT_FACTS = frozenset(
    {
        *(schema.REGION_ID, schema.KIND, schema.REGION_CAPTION, schema.MODEL_LABEL, schema.MODEL_REGION_CAPTION),
        *(schema.REGION_REVIEW, schema.ORPHANED),
    }
)


def _region(region: Any, outlines: Mapping[int, Sequence[Any]]) -> AcceptedRegion:  # noqa: ANN401
    number = region.get_attribute_value(schema.REGION_ID, None)
    rings = outlines.get(number) if number is not None else None
    x, y, width, height = region.bounding_box
    facts = {
        name: value
        for name, value in region.iter_attributes()
        if name not in _NOT_FACTS and isinstance(value, str | int | float | bool)
    }
    return AcceptedRegion(
        number=number,
        kind=region.get_attribute_value(schema.KIND, None),
        label=region.label or "",
        score=region.confidence,
        caption=region.get_attribute_value(schema.REGION_CAPTION, None) or "",
        geometry=polygon_of(rings) if rings else shapely.box(x, y, x + width, y + height),
        attributes=facts,
    )


def polygon_of(rings: Sequence[Sequence[Sequence[float]]]) -> BaseGeometry:
    """The (Multi)Polygon whose outer and inner rings these are: what lies inside an odd number of them.

    Args:
        rings: each of at least three points, closed or not.
    """
    areas = [shapely.Polygon(ring) for ring in rings if len(ring) >= 3]
    found: BaseGeometry = shapely.Polygon()
    for area in sorted(areas, key=lambda area: -area.area):
        found = shapely.symmetric_difference(found, shapely.make_valid(area))
    return found


def in_pixels(geometry: BaseGeometry, grid: tuple[int, int]) -> BaseGeometry:
    """A geometry in [0, 1] in pixels of a grid of (columns, rows)."""
    return shapely.transform(geometry, lambda points: points * np.array(grid, np.float64))


def _of(sample: Any, name: str) -> Any:  # noqa: ANN401
    return sample[name] if sample.has_field(name) else None
