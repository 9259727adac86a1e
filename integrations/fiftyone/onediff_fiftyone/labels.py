"""A record's regions as FiftyOne labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_fiftyone import schema, values
from onediff_fiftyone.connecting import imported

if TYPE_CHECKING:
    from onediff_plugins.records import ChangeResult


def detections(result: ChangeResult, *, masks: bool = False) -> Any:  # noqa: ANN401  # fiftyone has no types
    """`changes`: every region, undecided.

    Args:
        result: a record.
        masks: give each region a mask, which is kept in the database.
    """
    fo = imported()
    found = []
    for region, box in values.after_regions(result):
        label = values.region_label(region)
        decided = {
            schema.MODEL_LABEL: label,
            schema.MODEL_REGION_CAPTION: region.caption,
            schema.REGION_REVIEW: schema.PENDING,
        }
        attributes = values.region_values(region) | decided
        if masks:
            attributes["mask"] = values.instance_mask(region.geometry, box, values.grid_size(result))
        found.append(fo.Detection(label=label, bounding_box=box, confidence=region.score, **attributes))
    return fo.Detections(detections=found)


def removed(result: ChangeResult) -> Any:  # noqa: ANN401
    """`removed`: what is no longer there, on the before image."""
    fo = imported()
    return fo.Detections(
        detections=[
            fo.Detection(
                label=values.region_label(region),
                bounding_box=box,
                confidence=region.score,
                **values.region_values(region),
            )
            for region, box in values.removed_regions(result)
        ]
    )


def polygons(result: ChangeResult) -> Any:  # noqa: ANN401
    """`polygons`: the outline of every region, holes included."""
    fo = imported()
    size = values.grid_size(result)
    return fo.Polylines(
        polylines=[
            fo.Polyline(
                label=values.region_label(region),
                points=values.outlines(region.geometry, size),
                closed=True,
                filled=False,  # a filled hole would hide what is in it
                confidence=region.score,
                **{schema.REGION_ID: region.id, schema.KIND: region.kind},
            )
            for region in result.regions
        ]
    )


def location(result: ChangeResult) -> Any:  # noqa: ANN401
    """`location`: centre and footprint on the map, or None."""
    where = values.place(result)
    return None if where is None else imported().GeoLocation(point=where[0], polygon=where[1])
