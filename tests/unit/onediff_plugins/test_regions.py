"""Score maps to polygons, and polygons to the before image and the map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onediff_plugins import Box, ChangeMap, ChangeRegion, Frame, GeoRef, ImagePair, Piece, Registration
from onediff_plugins import regions as R
from onediff_plugins.errors import PluginContractError


def frame(width=100, height=80, fill=0.5, **more):
    return Frame(
        pixels=np.full((1, height, width), fill, np.float32),
        valid=np.ones((height, width), bool),
        bands=("gray",),
        **more,
    )


def region(x0, y0, x1, y1, **more):
    return ChangeRegion(
        **{"score": 0.9, "area_px": (x1 - x0) * (y1 - y0), "geometry": shapely.box(x0, y0, x1, y1)} | more
    )


@given(
    arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))).filter(np.any), st.integers(0, 3), st.integers(0, 3)
)
def test_a_polygon_is_exactly_its_pixels(mask, x0, y0):
    polygon = R.polygonise(mask, x0, y0)
    assert polygon.is_valid
    assert polygon.geom_type in ("Polygon", "MultiPolygon")
    assert polygon.area == mask.sum()
    expected = np.zeros((20, 20), bool)
    expected[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]] = mask
    assert (R.rasterise([polygon], 20, 20) == expected).all()


def test_components_are_8_connected_and_keep_their_holes():
    score = np.zeros((20, 30), np.float32)
    score[2:8, 2:8] = 0.8
    score[4:6, 4:6] = 0.1
    score[8, 8] = 0.6  # touches the ring at a corner
    score[15, 20] = 0.9
    ring, dot = sorted(R.components(ChangeMap(score=score, valid=score >= 0), 0.5), key=lambda r: -r.area_px)
    assert (ring.area_px, ring.geometry.area, dot.bbox_after) == (33, 33, (20, 15, 21, 16))
    assert ring.score == pytest.approx((32 * 0.8 + 0.6) / 33, abs=1e-6)


def test_neighbours_of_different_things_are_different_regions():
    planes = np.zeros((3, 20, 30), np.float32)
    planes[0, 5:10, 5:10] = 0.9  # came
    planes[1, 5:10, 10:12] = 0.8  # went: the same thing, replaced
    planes[2, 5:15, 12:20] = 0.7
    names = ("building+", "building-", "land")
    change = ChangeMap(score=planes.max(axis=0), valid=planes[0] >= 0, class_scores=planes, class_names=names)
    assert [r.area_px for r in R.components(change, 0.5)] == [115]  # classes are evidence for the domain alone
    named = replace(change, class_kinds=("added", "removed", None))
    assert sorted(r.area_px for r in R.components(named, 0.5)) == [35, 80]


def test_small_and_invalid_components_are_dropped():
    score = np.zeros((20, 30), np.float32)
    score[2:4, 2:4] = score[10:15, 10:15] = score[10:15, 20:25] = 1
    valid = np.ones(score.shape, bool)
    valid[:, 20:] = False
    found = R.components(ChangeMap(score=score, valid=valid), 0.5, min_area_px=5)
    assert [r.bbox_after for r in found] == [(10, 10, 15, 15)]


def test_peak_score_is_not_decided_by_one_pixel():
    score = np.zeros((20, 30), np.float32)
    score[5, 5] = 1
    score[10:13, 10:13] = 0.4
    assert R.peak_score(score, score >= 0, 9) == pytest.approx(0.4)
    assert R.peak_score(score, score >= 0) == 1
    assert R.peak_score(score, score < 0, 9) == 0


@pytest.mark.parametrize(("where", "kind"), [("after", "added"), ("before", "removed"), ("both", "changed")])
def test_direction_follows_the_stronger_outline(where, kind):
    drawn = np.full((1, 80, 100), 0.5, np.float32)
    drawn[:, 30:50, 30:60] = 0.9
    plain = frame()
    other = Frame(pixels=drawn, valid=plain.valid, bands=plain.bands)
    before, after = {"after": (plain, other), "before": (other, plain), "both": (other, other)}[where]
    pair = ImagePair(before=before, after=after, before_on_after=before)
    assert R.direction(region(30, 30, 60, 50), pair) == kind


def test_bbox_before_goes_through_the_matrix_and_is_clipped():
    pair = ImagePair(before=frame(), after=frame())
    shift = Registration(matrix=np.array([[1, 0, -5], [0, 1, 2.5], [0, 0, 1]]))
    assert R.bbox_before(region(10, 10, 20, 20), pair, shift) == (5, 12.5, 15, 22.5)
    assert R.bbox_before(region(0, 0, 20, 20), pair, shift) == (0, 2.5, 15, 22.5)
    assert R.bbox_before(region(0, 0, 5, 5), pair, shift) is None


def test_bbox_before_goes_through_the_piece_that_covers_most():
    pair = ImagePair(before=frame(), after=frame())
    pieces = (Piece(Box(0, 0, 100, 40), 0, 0), Piece(Box(0, 50, 100, 80), 0, -10))
    registration = Registration(pieces=pieces)
    assert R.bbox_before(region(10, 52, 20, 60), pair, registration) == (10, 42, 20, 50)
    assert R.bbox_before(region(10, 30, 20, 44), pair, registration) == (10, 30, 20, 44)


def test_regions_are_sorted_numbered_and_boxed_by_kind():
    pair = ImagePair(before=frame(), after=frame())
    found = R.finish(
        [
            region(50, 10, 60, 20, score=0.6),
            region(0, 30, 10, 40, kind="added"),
            region(0, 10, 10, 20, kind="removed"),
            region(40, 10, 50, 20, kind="moved", bbox_before=(1, 2, 3, 4)),
        ],
        pair,
        Registration(),
    )
    assert [(r.id, r.kind, r.bbox_before, r.bbox_after) for r in found] == [
        (1, "removed", (0, 10, 10, 20), None),
        (2, "moved", (1, 2, 3, 4), (40, 10, 50, 20)),
        (3, "added", None, (0, 30, 10, 40)),
        (4, "changed", (50, 10, 60, 20), (50, 10, 60, 20)),
    ]


def test_a_removed_region_outside_the_before_image_is_a_contract_error():
    away = Registration(matrix=np.array([[1, 0, -500], [0, 1, 0], [0, 0, 1.0]]))
    with pytest.raises(PluginContractError, match="outside the before image"):
        R.finish([region(0, 0, 5, 5, kind="removed")], ImagePair(before=frame(), after=frame()), away)


UTM = GeoRef(crs="EPSG:32631", transform=Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000))
DEGREES = GeoRef(crs="EPSG:4326", transform=Affine(1e-5, 0, 3.0, 0, -1e-5, 60.0))


def test_areas_are_on_the_ground_in_any_crs():
    # The scale of UTM is 0.9996 on the central meridian: 0.08 % of the area.
    assert R.areas_m2([region(0, 0, 40, 20).geometry], UTM) == pytest.approx([200], rel=2e-3)
    # On the WGS 84 ellipsoid at 60 degrees: 1e-5 degree is 1.1141 m of latitude and 0.5580 m of longitude.
    two = [region(0, 0, 40, 20).geometry, region(5000, 0, 5040, 10).geometry]
    expected = 40 * 20 * 1.1141 * 0.5580
    assert R.areas_m2(two, DEGREES) == pytest.approx([expected, expected / 2], rel=2e-3)


def test_map_polygons_are_counter_clockwise_longitude_first():
    (polygon,) = R.map_polygons([region(0, 0, 40, 20).geometry], DEGREES)
    assert polygon.bounds == pytest.approx((3.0, 59.9998, 3.0004, 60.0))
    assert polygon.exterior.is_ccw


def test_georeferenced_regions_carry_area_and_map_polygon():
    pair = ImagePair(before=frame(georef=UTM), after=frame(georef=UTM))
    (found,) = R.finish([region(0, 0, 40, 20, attributes={"k": 1})], pair, Registration())
    assert found.attributes["k"] == 1
    assert found.attributes["area_m2"] == pytest.approx(200, rel=2e-3)
    assert found.map_polygon.bounds[0] == pytest.approx(3.0, abs=1e-3)


# --- classes ----------------------------------------------------------------------------------------------------


CLASSES = (("building+", "added"), ("building-", "removed"), ("road", None), ("changed", None))


def classes(*scores, box=(10, 10, 30, 30), kinds=True):
    """A change map whose classes have these mean scores inside a box, whose left half lies above, the right below."""
    planes = np.zeros((4, 80, 100), np.float32)
    x0, y0, x1, y1 = box
    for plane, score in zip(planes, scores, strict=True):
        plane[y0:y1, x0 : (x0 + x1) // 2], plane[y0:y1, (x0 + x1) // 2 : x1] = score * 0.8, score * 1.2
    names, directions = zip(*CLASSES, strict=True)
    score = planes.max(axis=0).clip(0, 1)
    return ChangeMap(
        score=score,
        valid=score >= 0,
        class_scores=planes,
        class_names=names,
        class_kinds=directions if kinds else (),
    )


def classified(change, **of_region):
    image = frame()
    pair = ImagePair(before=image, after=image, before_on_after=image)
    (named,) = R.classified([region(10, 10, 30, 30, **of_region)], change, pair, 0.5)
    return named.kind, named.label


@pytest.mark.parametrize(
    ("scores", "kind", "label"),
    [
        ((0.6, 0.2, 0.1, 0.1), "added", "building"),
        ((0.2, 0.6, 0.1, 0.1), "removed", "building"),
        ((0.4, 0.3, 0.1, 0.1), "added", "building"),
        ((0.7, 0.6, 0.1, 0.1), "changed", "building"),  # something went and something else came: replaced
        ((0.5, 0.2, 0.6, 0.1), "moved", "road"),  # its class has no direction: the kind stays
        ((0.3, 0.2, 0.1, 0.6), "moved", ""),  # a class that is called like a kind names no thing
    ],
)
def test_a_region_has_the_name_and_direction_of_its_strongest_class(scores, kind, label):
    assert classified(classes(*scores), kind="moved") == (kind, label)


def test_without_kinds_of_classes_regions_stay_as_they_are():
    assert classified(classes(0.6, 0.2, 0.1, 0.1, kinds=False), kind="moved", label="mine") == ("moved", "mine")


def test_invalid_pixels_say_nothing_of_a_regions_class():
    change = classes(0.6, 0.2, 0.1, 0.1)
    valid = np.ones((80, 100), bool)
    valid[10:30, 10:20] = False
    planes = change.class_scores.copy()
    planes[1, 10:30, 10:20] = 1
    spoilt = ChangeMap(
        score=change.score,
        valid=valid,
        class_scores=planes,
        class_names=change.class_names,
        class_kinds=change.class_kinds,
    )
    assert classified(spoilt) == ("added", "building")


def test_a_region_without_a_counterpart_was_added_and_has_no_class():
    image, unmatched = frame(), np.zeros((80, 100), bool)
    unmatched[:, 10:25] = True
    pair = ImagePair(before=image, after=image, before_on_after=image, unmatched_after=unmatched)
    change = classes(0.2, 0.6, 0.1, 0.1)
    (named,) = R.classified([region(10, 10, 30, 30)], change, pair, 0.5)
    assert (named.kind, named.label) == ("added", "")
    (named,) = R.classified([region(10, 10, 30, 30)], change, ImagePair(before=image, after=image), 0.5)
    assert (named.kind, named.label) == ("removed", "building")
