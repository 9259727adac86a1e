"""A record as plain values, without FiftyOne."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from onediff_fiftyone import schema, values
from onediff_plugins import ChangeRegion
from onediff_plugins.records import RegistrationRecord, SourceInfo

if TYPE_CHECKING:
    from collections.abc import Callable


def region(**fields: Any) -> ChangeRegion:
    defaults = {"score": 0.9, "area_px": 100, "geometry": shapely.box(10, 20, 30, 60), "bbox_after": (10, 20, 30, 60)}
    return ChangeRegion(**{**defaults, **fields})


def test_boxes_are_relative_to_what_was_compared(make_result: Callable[..., Any]) -> None:
    window = SourceInfo(source="after.png", width=4000, height=3000, window=(1000, 1000, 1200, 1100))
    result = make_result(0, regions=(region(),), after=window)
    ((_, box),) = values.after_regions(result)
    assert box == [0.05, 0.2, 0.1, 0.4]


def test_a_removed_region_is_shown_on_both_images(make_result: Callable[..., Any]) -> None:
    gone = region(kind="removed", bbox_after=None, bbox_before=(20, 30, 40, 60))
    result = make_result(0, width=200, height=100, regions=(region(), gone))
    assert [box for _, box in values.after_regions(result)] == [[0.05, 0.2, 0.1, 0.4]] * 2
    assert [box for _, box in values.removed_regions(result)] == [[0.1, 0.3, 0.1, 0.3]]


@pytest.mark.parametrize("method", ["reprojected", "reprojected+phase-correlation"])
def test_nothing_is_drawn_on_a_before_image_of_another_grid(make_result: Callable[..., Any], method: str) -> None:
    gone = region(kind="removed", bbox_after=None, bbox_before=(20, 30, 40, 60))
    registration = RegistrationRecord(method=method, matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)), overlap=1.0)
    result = make_result(0, regions=(gone,), registration=registration)
    assert list(values.removed_regions(result)) == []


def test_attributes_become_fields_unless_their_name_is_taken() -> None:
    attributes = {
        "area_m2": 12,
        "what": "text",
        "night": True,
        "id": "x",
        "label": "y",
        "review": "z",
        "a b": 1,
        "l": [],
    }
    found = values.region_values(region(id=3, attributes=attributes))
    assert found == {
        "area_m2": 12.0,
        "what": "text",
        "night": True,
        schema.REGION_ID: 3,
        schema.KIND: "changed",
        schema.REGION_CAPTION: "",
        schema.AREA_PX: 100.0,
    }
    assert isinstance(found["area_m2"], float)


def test_a_region_without_a_label_is_called_by_its_kind() -> None:
    assert values.region_label(region(kind="added")) == "added"
    assert values.region_label(region(label="crane")) == "crane"


def test_outlines_have_their_holes_and_few_points() -> None:
    steps = [(x, 40 + x % 2 * 0.4) for x in range(60, 19, -1)]  # what the edge of a mask looks like
    outer = [(20, 10), (60, 10), *steps]
    with_hole = shapely.Polygon(outer, [[(30, 20), (40, 20), (40, 30), (30, 30)]])
    rings = values.outlines(with_hole, (100, 50))
    assert [len(ring) for ring in rings] == [4, 4]
    assert set(rings[1]) == {(0.3, 0.4), (0.4, 0.4), (0.4, 0.6), (0.3, 0.6)}
    assert np.array(rings).min() >= 0
    assert np.array(rings).max() <= 1


def test_a_mask_of_a_region_leaves_its_holes_out() -> None:
    ring = shapely.box(0, 0, 40, 40).difference(shapely.box(10, 10, 30, 30))
    mask = values.instance_mask(ring, [0, 0, 0.4, 0.4], (100, 100))
    assert mask.shape == (40, 40)
    assert mask[5, 5]
    assert not mask[20, 20]
    assert mask.mean() == pytest.approx(0.75, abs=0.08)


def test_a_mask_of_a_large_region_stays_small() -> None:
    assert values.instance_mask(shapely.box(0, 0, 4000, 1), [0, 0, 1, 0.0005], (4000, 2000)).shape == (1, 64)
