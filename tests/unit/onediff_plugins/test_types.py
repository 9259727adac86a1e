"""The values that flow: shapes are checked, arrays are read-only, points go where the convention says."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.records import ChangeRegion
from onediff_plugins.types import Box, ChangeMap, Frame, GeoRef, ImagePair, Piece, Registration, SourceGrid


def frame(height: int = 4, width: int = 6, **changes: Any) -> Frame:
    values = {
        "pixels": np.zeros((3, height, width), np.uint8),
        "valid": np.ones((height, width), bool),
        "bands": ("red", "green", "blue"),
    }
    return Frame(**{**values, **changes})


def region(**changes: Any) -> ChangeRegion:
    values = {"score": 0.5, "area_px": 4.0, "geometry": shapely.box(0, 0, 2, 2), "bbox_after": (0, 0, 2, 2)}
    return ChangeRegion(**{**values, **changes})


# --- Box ---

boxes = st.builds(Box, *[st.integers(-50, 50)] * 4)


def test_a_box_counts_whole_pixels_and_its_far_corner_is_exclusive() -> None:
    box = Box(1, 2, 4, 7)
    assert (box.width, box.height, box.area) == (3, 5, 15)
    assert np.zeros((10, 10))[box.slices].shape == (5, 3)
    assert Box(5, 5, 3, 3).area == 0


@given(boxes, boxes)
def test_an_intersection_holds_exactly_the_pixels_of_both(one: Box, other: Box) -> None:
    def pixels(box: Box) -> set[tuple[int, int]]:
        return {(x, y) for x in range(box.x0, box.x1) for y in range(box.y0, box.y1)}

    both = one.intersection(other)
    assert pixels(both) == pixels(one) & pixels(other)
    assert both.area == len(pixels(both))


@given(boxes, st.integers(-9, 9), st.integers(-9, 9))
def test_a_shifted_box_keeps_its_size_and_shifts_back(box: Box, dx: int, dy: int) -> None:
    moved = box.shifted(dx, dy)
    assert (moved.width, moved.height) == (box.width, box.height)
    assert moved.shifted(-dx, -dy) == box


# --- Frame ---


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pixels": np.zeros((4, 6), np.uint8)}, r"must be \(C, H, W\) and not empty, got shape \(4, 6\)"),
        ({"pixels": np.zeros((3, 0, 6), np.uint8)}, r"not empty, got shape \(3, 0, 6\)"),
        ({"pixels": np.zeros((3, 4, 6), np.complex64)}, "dtype complex64 cannot be compared"),
        ({"pixels": np.zeros((3, 4, 6), object)}, "dtype object cannot be compared"),
        ({"valid": np.ones((6, 4), bool)}, r"valid must be bool of shape \(4, 6\), got bool \(6, 4\)"),
        ({"valid": np.ones((4, 6), np.uint8)}, r"valid must be bool of shape \(4, 6\), got uint8 \(4, 6\)"),
        ({"bands": ("red",)}, "1 band names for 3 bands"),
        ({"gsd_m": 0.0}, "gsd_m must be a length in metres or None, got 0.0"),
        ({"gsd_m": float("nan")}, "gsd_m must be a length in metres or None, got nan"),
        ({"captured_at": datetime(2024, 5, 1)}, "has no time zone"),  # the mistake under test
    ],
)
def test_a_frame_that_does_not_fit_names_the_source_and_what_came(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UnsupportedSourceError, match=says) as caught:
        frame(source="scene.tif", **changes)
    assert str(caught.value).startswith("scene.tif: ")


def test_a_frames_arrays_cannot_be_written_and_the_callers_still_can() -> None:
    pixels, valid = np.zeros((3, 4, 6), np.uint8), np.ones((4, 6), bool)
    made = frame(pixels=pixels, valid=valid)
    for array in (made.pixels, made.valid, made.hwc):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    pixels[0, 0, 0] = 7
    assert made.pixels[0, 0, 0] == 7  # a view: nothing was copied


def test_a_frame_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        frame().source = "other"


def test_a_frames_size_is_columns_by_rows() -> None:
    made = frame(height=4, width=6)
    assert (made.width, made.height, made.box) == (6, 4, Box(0, 0, 6, 4))
    assert made.hwc.shape == (4, 6, 3)
    assert made.grid == SourceGrid(width=6, height=4)


def test_a_frame_with_a_time_zone_is_accepted() -> None:
    assert frame(captured_at=datetime(2024, 5, 1, tzinfo=UTC)).captured_at is not None


def test_points_of_a_frame_are_points_of_its_source() -> None:
    points = np.array([[0.0, 0.0], [6.0, 4.0]])
    np.testing.assert_array_equal(frame().to_source(points), points)
    window = SourceGrid(width=100, height=80, window=Box(10, 20, 16, 24))
    np.testing.assert_array_equal(frame(source_grid=window).to_source(points), [[10, 20], [16, 24]])
    reduced = SourceGrid(width=600, height=400)
    np.testing.assert_array_equal(frame(source_grid=reduced).to_source(points), [[0, 0], [600, 400]])


def test_points_of_a_reprojected_frame_go_through_both_georeferences() -> None:
    utm = GeoRef(crs="EPSG:32631", transform=Affine(10, 0, 500_000, 0, -10, 5_000_000))
    degrees = GeoRef(crs="EPSG:4326", transform=Affine(1e-4, 0, 3.0, 0, -1e-4, 45.2))
    made = frame(georef=utm, source_grid=SourceGrid(width=900, height=900, georef=degrees))
    points = np.array([[0.0, 0.0], [6.0, 4.0], [2.5, 1.5]])
    there = made.to_source(points)
    back = utm.map_to_pixel(degrees.to_crs(degrees.pixel_to_map(there), utm.crs))
    np.testing.assert_allclose(back, points, atol=1e-6)
    # 500,000 m east in UTM 31 is the central meridian, 3 degrees east, which is the source's left edge.
    np.testing.assert_allclose(there[0, 0], 0.0, atol=1e-6)


# --- GeoRef ---


def test_the_first_pixels_outer_corner_is_the_transforms_origin() -> None:
    georef = GeoRef(crs="EPSG:32631", transform=Affine(0.5, 0, 1000, 0, -0.5, 2000))
    np.testing.assert_array_equal(
        georef.pixel_to_map(np.array([[0.0, 0.0], [0.5, 0.5], [2.0, 4.0]])),
        [[1000, 2000], [1000.25, 1999.75], [1001, 1998]],
    )


@given(
    st.tuples(*[st.floats(0.1, 10)] * 2, *[st.floats(-0.05, 0.05)] * 2),
    st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2), min_size=1, max_size=5),
)
def test_map_to_pixel_undoes_pixel_to_map(
    scale: tuple[float, float, float, float], points: list[tuple[float, float]]
) -> None:
    sx, sy, shear_x, shear_y = scale
    georef = GeoRef(crs="EPSG:3857", transform=Affine(sx, shear_x, 5e5, shear_y, -sy, 4e6))
    xy = np.array(points)
    np.testing.assert_allclose(georef.map_to_pixel(georef.pixel_to_map(xy)), xy, atol=1e-4)


def test_the_same_crs_needs_no_projection() -> None:
    georef = GeoRef(crs="LOCAL_CS[anything]", transform=Affine.identity())
    np.testing.assert_array_equal(georef.to_crs(np.array([[1.0, 2.0]]), georef.crs), [[1, 2]])


# --- ImagePair ---


def test_a_pair_has_no_aligned_frame_before_the_warp() -> None:
    with pytest.raises(ValueError, match=r"pair 'p7' has no before_on_after yet.*stage 3"):
        _ = ImagePair(before=frame(), after=frame(), id="p7").aligned


def test_unmatched_parts_are_comparable_and_invalid_parts_are_not() -> None:
    # Columns: compared; invalid before; unmatched; unmatched and invalid after.
    after = frame(height=1, width=4, valid=np.array([[True, True, True, False]]))
    aligned = frame(height=1, width=4, valid=np.array([[True, False, False, False]]))
    unmatched = np.array([[False, False, True, True]])
    pair = ImagePair(before=frame(), after=after, before_on_after=aligned, unmatched_after=unmatched)
    np.testing.assert_array_equal(pair.valid, [[True, False, True, False]])


# --- Registration ---


def test_a_registration_carries_after_pixels_to_before_pixels() -> None:
    matrix = np.array([[1.0, 0, 5], [0, 1, -3], [0, 0, 1]])
    np.testing.assert_array_equal(Registration(matrix=matrix).to_before(np.array([[10.0, 10.0]])), [[15, 7]])
    projective = Registration(matrix=np.array([[2.0, 0, 0], [0, 2, 0], [0, 0, 4]]))
    np.testing.assert_array_equal(projective.to_before(np.array([[2.0, 6.0]])), [[1, 3]])


@pytest.mark.parametrize("matrix", [np.eye(2), np.full((3, 3), np.nan), np.full((3, 3), np.inf)])
def test_a_registration_refuses_what_is_no_finite_matrix(matrix: Any) -> None:
    with pytest.raises(ValueError, match=r"finite \(3, 3\) matrix"):
        Registration(matrix=matrix)


def test_a_registrations_matrix_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Registration().matrix[0, 0] = 2


def test_a_piece_knows_its_place_in_both_images() -> None:
    assert Piece(Box(0, 10, 5, 20), 2, -4).before_box == Box(2, 6, 7, 16)


# --- ChangeMap ---


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score": np.zeros((2, 3))}, r"must be \(H, W\) float32, got float64 \(2, 3\)"),
        ({"score": np.zeros((1, 2, 3), np.float32)}, r"must be \(H, W\) float32, got float32 \(1, 2, 3\)"),
        ({"valid": np.ones((3, 2), bool)}, r"must be bool \(2, 3\), got bool \(3, 2\)"),
        ({"valid": np.ones((2, 3), int)}, r"must be bool \(2, 3\), got int64"),
        ({"score": np.full((2, 3), 1.5, np.float32)}, r"must lie in \[0, 1\], got \[1.5, 1.5\]"),
        ({"score": np.full((2, 3), np.nan, np.float32)}, r"must lie in \[0, 1\], got \[nan, nan\]"),
        (
            {"class_scores": np.zeros((2, 2, 3), np.float32), "class_names": ("building",)},
            r"must be \(1, 2, 3\), got \(2, 2, 3\)",
        ),
        ({"class_kinds": ("added",)}, "has 1 kinds for 0 classes and no class_scores"),
        (
            {"class_scores": np.zeros((1, 2, 3), np.float32), "class_names": ("a",), "class_kinds": (None, "added")},
            "has 2 kinds for 1 classes",
        ),
        (
            {"class_scores": np.zeros((1, 2, 3), np.float32), "class_names": ("a",), "class_kinds": ("new",)},
            r"unknown kinds \['new'\]; they are added, removed, changed, moved",
        ),
    ],
)
def test_a_change_map_that_does_not_fit_says_what_it_got(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ChangeMap(**{"score": np.zeros((2, 3), np.float32), "valid": np.ones((2, 3), bool), **changes})


def test_a_change_maps_arrays_cannot_be_written() -> None:
    change = ChangeMap(
        score=np.zeros((2, 3), np.float32),
        valid=np.ones((2, 3), bool),
        class_scores=np.zeros((1, 2, 3), np.float32),
        class_names=("building",),
    )
    for array in (change.score, change.valid, change.class_scores):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


# --- ChangeRegion ---


def test_a_region_is_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        region().score = 0.1
    with pytest.raises(ValidationError, match="Extra inputs"):
        region(colour="red")


@pytest.mark.parametrize("changes", [{"score": 1.1}, {"score": float("nan")}, {"area_px": -1}, {"kind": "gone"}])
def test_a_region_refuses_values_outside_their_range(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        region(**changes)


def test_replace_leaves_the_original_alone() -> None:
    first = region(id=1)
    second = first.replace(id=2, label="button")
    assert (first.id, first.label, second.id, second.label) == (1, "", 2, "button")
    assert second.geometry is first.geometry


def test_a_region_goes_to_map_coordinates_through_the_georeference() -> None:
    georef = GeoRef(crs="EPSG:32631", transform=Affine(10, 0, 1000, 0, -10, 2000))
    assert region(geometry=shapely.box(0, 0, 2, 1)).to_map(georef).equals(shapely.box(1000, 1990, 1020, 2000))
