"""Where regions lie on the two grids of a report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine

from onediff_plugins import Box, ChangeRegion, Frame, GeoRef, Registration
from onediff_plugins.report.places import facts, region_values, registration_values
from onediff_plugins.types import Piece, SourceGrid

BANDS = ("gray",)


def frame(width: int, height: int, **fields: object) -> Frame:
    return Frame(
        pixels=np.zeros((1, height, width), np.uint8), valid=np.ones((height, width), bool), bands=BANDS, **fields
    )


def region(**fields: object) -> ChangeRegion:
    box = (10, 20, 30, 40)
    values = {
        "id": 1,
        "score": 0.75,
        "bbox_before": box,
        "bbox_after": box,
        "area_px": 400,
        "geometry": shapely.box(*box),
    }
    return ChangeRegion(**{**values, **fields})


def test_a_region_is_on_both_grids_as_it_is_in_the_record() -> None:
    values = region_values(region(), frame(100, 80), frame(100, 80))
    assert values["before"] == values["after"] == values["bounds"] == [10, 20, 30, 40]
    assert sorted(zip(values["shape"][0][::2], values["shape"][0][1::2], strict=True)) == [
        *[(10, 20), (10, 40), (30, 20)],
        *[(30, 20), (30, 40)],
    ]


def test_an_added_region_has_no_box_before_and_a_removed_one_none_after() -> None:
    assert region_values(region(kind="added", bbox_before=None), frame(9, 9), frame(9, 9))["before"] is None
    assert region_values(region(kind="removed", bbox_after=None), frame(9, 9), frame(9, 9))["after"] is None


def test_boxes_of_the_source_file_become_boxes_of_the_part_that_was_read() -> None:
    part = frame(50, 40, source_grid=SourceGrid(width=400, height=300, window=Box(10, 20, 110, 100)))
    values = region_values(region(), part, frame(100, 80))
    assert values["before"] == [0, 0, 10, 10]
    assert values["facts"] == [["before box", "10, 20, 30, 40"], ["after box", "10, 20, 30, 40"]]


def test_boxes_of_the_source_file_become_boxes_of_its_reprojection() -> None:
    pytest.importorskip("pyproj")
    source = GeoRef(crs="EPSG:32631", transform=Affine(10, 0, 500_000, 0, -10, 5_400_000))
    onto = GeoRef(crs="EPSG:32631", transform=Affine(5, 0, 500_000, 0, -5, 5_400_000))
    finer = frame(200, 160, georef=onto, source_grid=SourceGrid(width=100, height=80, georef=source))
    assert region_values(region(), finer, frame(200, 160))["before"] == [20, 40, 60, 80]
    there = replace(finer, georef=GeoRef(crs="EPSG:4326", transform=Affine(1e-4, 0, 3.0, 0, -1e-4, 48.76)))
    x0, y0, x1, y1 = region_values(region(), there, frame(200, 160))["before"]
    corners = there.to_source(np.array([[x0, y0], [x1, y1]]))
    assert corners == pytest.approx(np.array([[10, 20], [30, 40]]), abs=1.0)


def test_an_outline_of_very_many_points_is_simplified() -> None:
    circle = shapely.Point(2000, 2000).buffer(500, quad_segs=500)
    values = region_values(region(geometry=circle, area_px=circle.area), frame(4096, 4096), frame(4096, 4096))
    assert len(values["shape"][0]) < 400
    ring = np.array(values["shape"][0]).reshape(-1, 2)
    assert np.abs(np.hypot(*(ring - 2000).T) - 500).max() < 1


def test_holes_are_rings_too() -> None:
    holed = shapely.box(0, 0, 50, 50).difference(shapely.box(10, 10, 20, 20))
    assert len(region_values(region(geometry=holed), frame(100, 80), frame(100, 80))["shape"]) == 2


def test_sizes_are_pixels_and_where_they_are_known_square_metres() -> None:
    assert region_values(region(area_px=12345), frame(9, 9), frame(9, 9))["size"] == "12,345 px"
    mapped = region(attributes={"area_m2": 1234.4, "height": 12.3456})
    values = region_values(mapped, frame(9, 9), frame(9, 9))
    assert (values["size"], values["facts"][2:]) == ("400 px · 1,234 m²", [["height", "12.35"]])
    assert region_values(region(attributes={"area_m2": None}), frame(9, 9), frame(9, 9))["size"] == "400 px"


def test_facts_are_short_texts() -> None:
    shown = facts({"a": [1, 2], "b": "x" * 1000, **{f"c{n}": n for n in range(50)}})
    assert shown[0] == ["a", "[1, 2]"]
    assert len(shown[1][1]) == 201
    assert len(shown) == 12


def test_the_panes_follow_the_matrix_or_the_pieces() -> None:
    assert registration_values(None) == {"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "pieces": None}
    layout = Registration(pieces=(Piece(Box(0, 0, 100, 50), 0, 0), Piece(Box(0, 60, 100, 100), 0, -10)))
    assert registration_values(layout)["pieces"] == [[0, 0, 100, 50, 0, 0], [0, 60, 100, 100, 0, -10]]
