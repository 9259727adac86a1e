"""One pair through the stages: verdicts, scores, masks, windows, records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine

from onediff_plugins import (
    Box,
    ChangeMap,
    ChangeRegion,
    Frame,
    GeoRef,
    ModelSpec,
    Piece,
    Registration,
)
from onediff_plugins.errors import StageError
from onediff_plugins.types import SourceGrid

UTM = GeoRef(crs="EPSG:32631", transform=Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000))


def frame(array, **more):
    pixels = np.moveaxis(array, 2, 0)
    return Frame(
        **{"pixels": pixels, "valid": np.ones(array.shape[:2], bool), "bands": ("red", "green", "blue"), **more}
    )


class Knowing:
    """A detector that already knows its candidates."""

    def __init__(self, *candidates, pair_score=None):
        self.candidates = candidates
        self.pair_score = pair_score

    def detect(self, pairs, overviews, settings):
        shape = pairs[0].after.valid.shape
        found = tuple(
            ChangeRegion(kind=kind, score=score, area_px=25, geometry=shapely.box(x, 10, x + 5, 15))
            for kind, score, x in self.candidates
        )
        score = np.full(shape, 0.6, np.float32)
        return [ChangeMap(score=score, valid=pairs[0].after.valid, candidates=found, pair_score=self.pair_score)]


@pytest.fixture
def knowing(make_host, make_domain):
    """A host whose detector gives the candidates (kind, score, x)."""

    def make(*candidates, pair_score=None, settings=None, **spec):
        detector = Knowing(*candidates, pair_score=pair_score)
        model = ModelSpec(name="knowing", roles=frozenset({"detect"}), build=lambda context: detector)
        domain = make_domain(spec={"detectors": ("knowing",), **spec}, onediff_models=lambda: [model])
        return make_host(domain, settings=settings)

    return make


def test_a_pair_is_changed_when_a_kept_region_decides(knowing, pictures):
    result = knowing(("changed", 0.8, 10), ("added", 0.3, 30)).compare(*pictures)
    assert (result.changed, result.score, len(result.regions)) == (True, 0.8, 1)


def test_sub_threshold_candidates_rank_an_unchanged_pair(knowing, pictures):
    result = knowing(("changed", 0.2, 10), ("changed", 0.4, 30)).compare(*pictures)
    assert (result.changed, result.score, result.regions) == (False, 0.4, ())


@pytest.mark.parametrize(("settings", "changed", "score"), [({}, False, 0), ({"count_moved": True}, True, 0.9)])
def test_moved_regions_decide_only_when_told_to(knowing, pictures, settings, changed, score):
    host = knowing(("moved", 0.9, 10), settings=settings, verdict_kinds=("added", "removed", "changed"))
    result = host.compare(*pictures)
    assert (result.changed, result.score, len(result.regions)) == (changed, score, 1)


def test_a_pair_head_gives_the_score(knowing, pictures):
    assert knowing(("changed", 0.8, 10), pair_score=0.97).compare(*pictures).score == 0.97


def test_the_threshold_is_a_setting(knowing, pictures):
    candidates = (("changed", 0.8, 10), ("changed", 0.6, 30))
    assert len(knowing(*candidates).compare(*pictures).regions) == 2
    assert len(knowing(*candidates, settings={"threshold": 0.7}).compare(*pictures).regions) == 1


def test_the_mask_keeps_only_kept_regions(knowing, pictures):
    result = knowing(("changed", 0.8, 10), ("changed", 0.3, 30)).compare(*pictures)
    expected = np.zeros((60, 80), np.uint8)
    expected[10:15, 10:15] = 255
    assert (result.mask == expected).all()


def test_an_unchanged_pair_of_a_dense_detector_ranks_under_the_threshold(make_host, make_domain, pictures):
    before, _ = pictures
    slightly = before.copy()
    slightly[20:40, 20:40] -= 12
    host = make_host(make_domain())
    faint, same = host.compare(before, slightly), host.compare(before, before)
    assert (faint.changed, same.changed, same.score) == (False, False, 0)
    assert 0 < faint.score < 0.5


def test_too_little_to_compare_is_undecided_and_says_why(make_host, make_domain, pictures, schema_errors):
    before, after = (frame(picture) for picture in pictures)
    valid = np.zeros((60, 80), bool)
    valid[0, :5] = True
    host = make_host(make_domain())
    result = host.compare(replace(before, valid=valid), after)
    assert result.changed is None
    assert result.reason == "only 0.1% of the pair can be compared; min_valid is 5.0%"
    assert result.caption == host.domain("toy").wording.undecided
    assert schema_errors(result.model_dump(mode="json")) == []


def test_a_registration_may_say_that_nothing_can_be_compared_and_why(make_host, make_domain, pictures, schema_errors):
    def moved(pair, settings):
        return Registration(method="camera-moved", unusable="the camera moved by 300 px")

    result = make_host(make_domain(onediff_align_pair=moved)).compare(*pictures)
    assert (result.changed, result.regions, result.score) == (None, (), 0)
    assert result.reason == "the camera moved by 300 px"
    assert result.caption == "The camera moved by 300 px."
    assert result.registration.method == "camera-moved"
    assert not result.mask.any()
    assert schema_errors(result.model_dump(mode="json")) == []


def test_invalid_pixels_are_never_a_change(make_host, make_domain, pictures):
    before, after = (frame(picture) for picture in pictures)
    valid = np.ones((60, 80), bool)
    valid[:, 30:50] = False
    result = make_host(make_domain()).compare(before, replace(after, valid=valid))
    assert result.changed is False
    assert result.valid_fraction == pytest.approx(0.75)


def test_parts_without_a_counterpart_can_be_a_change(make_host, make_domain, pictures):
    _, after = pictures
    taller = np.concatenate([after[:40], np.full((10, 80, 3), 90, np.uint8), after[40:]])
    pieces = (Piece(Box(0, 0, 80, 40), 0, 0), Piece(Box(0, 50, 80, 70), 0, -10))
    host = make_host(make_domain(onediff_align_pair=lambda pair, settings: Registration(pieces=pieces, method="told")))
    result = host.compare(after, taller)
    assert result.valid_fraction == 1
    assert [region.bbox_after for region in result.regions] == [(0, 39, 80, 51)]
    record = result.registration
    assert [(piece.after_box, piece.dx, piece.dy) for piece in record.pieces] == [
        ((0, 0, 80, 40), 0, 0),
        ((0, 50, 80, 70), 0, -10),
    ]


def test_a_window_gives_the_same_regions_on_its_own_grid(make_host, make_domain, pictures):
    host = make_host(make_domain())
    whole = host.compare(*pictures)
    part = host.compare(*pictures, window=Box(10, 5, 70, 50))
    x0, y0, x1, y1 = whole.regions[0].bbox_after
    assert part.regions[0].bbox_after == (x0 - 10, y0 - 5, x1 - 10, y1 - 5)
    assert part.regions[0].bbox_before == whole.regions[0].bbox_before
    assert part.after.window == (10, 5, 70, 50)
    assert (part.after.width, part.before.width) == (80, 80)
    assert part.registration.matrix == ((1, 0, 10), (0, 1, 5), (0, 0, 1))


def test_a_window_of_a_rigid_scene_is_aligned_on_the_whole_scene(make_host, make_domain):
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (40, 2000, 3), dtype=np.uint8)
    sizes = []

    def onediff_align_pair(pair, settings):
        sizes.append((pair.after.width, pair.after.height))
        # 3 px of the overview are 3 * 2000 / 1024 px of the scene.
        return Registration(matrix=np.array([[1, 0, 3], [0, 1, 0], [0, 0, 1.0]]), residual_px=0.1)

    host = make_host(make_domain(spec={"capabilities": frozenset({"rigid"})}, onediff_align_pair=onediff_align_pair))
    result = host.compare(scene, scene, window=Box(100, 0, 200, 40))
    assert sizes == [(1024, 20)]
    assert result.registration.matrix[0] == pytest.approx((1, 0, 100 + 3 * 2000 / 1024))
    assert result.registration.residual_px == pytest.approx(0.1 * 2000 / 1024, rel=0.05)


def test_a_georeferenced_pair_is_aligned_by_its_georeferences(make_host, make_domain, pictures, schema_errors):
    _, after = pictures
    moved = GeoRef(crs=UTM.crs, transform=UTM.transform @ Affine.translation(-4, -6))
    larger = np.full((80, 100, 3), 200, np.uint8)
    result = make_host(make_domain()).compare(frame(larger, georef=moved), frame(after, georef=UTM))
    assert result.registration.method == "georeference"
    assert result.registration.matrix == ((1, 0, 4), (0, 1, 6), (0, 0, 1))
    assert result.georef.transform == (0.5, 0, 500_000, 0, -0.5, 5_000_000)
    (region,) = result.regions
    assert region.bbox_before == tuple(v + d for v, d in zip(region.bbox_after, (4, 6, 4, 6), strict=True))
    assert region.attributes["area_m2"] == pytest.approx(region.area_px / 4, rel=2e-3)
    assert schema_errors(result.model_dump(mode="json")) == []


def test_a_reprojected_before_image_keeps_its_own_pixels_in_boxes(make_host, make_domain, pictures):
    before, after = pictures
    # The source was in degrees; load has put it on the after grid, as `before.georef` and `source_grid` tell.
    corner = UTM.to_crs(np.array([[500_000.0, 5_000_000.0], [500_040.0, 4_999_970.0]]), "EPSG:4326")
    (west, north), (east, south) = corner
    degrees = GeoRef(crs="EPSG:4326", transform=Affine((east - west) / 160, 0, west, 0, (south - north) / 120, north))
    grid = SourceGrid(width=160, height=120, georef=degrees)
    result = make_host(make_domain()).compare(frame(before, georef=UTM, source_grid=grid), frame(after, georef=UTM))
    (region,) = result.regions
    assert (result.before.width, result.before.height) == (160, 120)
    assert region.bbox_before == pytest.approx(tuple(2 * v for v in region.bbox_after), abs=0.1)


def test_the_record_round_trips_and_times_every_stage(make_host, make_domain, pictures):
    result = make_host(make_domain()).compare(*pictures, id="x", meta={"note": "kept"})
    parsed = type(result).model_validate_json(result.model_dump_json())
    assert parsed.model_dump() == result.model_dump()
    assert set(result.timings_ms) == {
        "load", "align", "warp", "preprocess", "detect", "regions", "caption", "refine",
    }  # fmt: skip
    assert parsed.meta == {"note": "kept"}
    assert parsed.provenance.models["detect"].name == "difference"


def test_a_failure_of_the_hosts_own_part_of_a_stage_is_a_stage_error(make_host, make_domain, pictures, monkeypatch):
    def out_of_memory(pair, registration):
        raise MemoryError("no room")

    monkeypatch.setattr("onediff_plugins.pipeline.warp_pair", out_of_memory)
    with pytest.raises(StageError, match="stage 'warp' failed with MemoryError: no room") as caught:
        make_host(make_domain()).compare(*pictures)
    assert caught.value.stage == "warp"
