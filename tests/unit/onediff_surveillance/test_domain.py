from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from onediff_plugins import Host
from onediff_plugins.types import Box, ChangeMap, ImagePair, PairRequest
from onediff_surveillance.regions import extract_regions
from onediff_surveillance.settings import SurveillanceSettings
from onediff_surveillance.sniffing import sniff


@pytest.fixture
def stills(tmp_path, view, camera):
    """Two JPEG files of one camera."""
    paths = []
    for seed in (1, 2):
        Image.fromarray(camera(view(), seed)).save(path := tmp_path / f"still-{seed}.jpg", quality=90)
        paths.append(path)
    return paths


def test_two_photographs_of_one_size_may_be_stills(stills):
    assert sniff(PairRequest(before=stills[0], after=stills[1])) == 0.5


def test_a_still_is_not_surely_one_beside_screenshots(tmp_path, stills, view):
    Image.fromarray(view()).save(tmp_path / "a.png")
    assert sniff(PairRequest(before=tmp_path / "a.png", after=tmp_path / "a.png")) == 0.1
    assert sniff(PairRequest(before=stills[0], after=tmp_path / "a.png")) == 0.1


def test_square_tiles_are_hardly_stills(tmp_path, view):
    Image.fromarray(view()[:256, :256]).save(tmp_path / "tile.jpg")
    assert sniff(PairRequest(before=tmp_path / "tile.jpg", after=tmp_path / "tile.jpg")) == 0.1


def test_two_sizes_and_what_cannot_be_read_are_no_stills(tmp_path, stills, view):
    Image.fromarray(view()[:200]).save(tmp_path / "short.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert sniff(PairRequest(before=stills[0], after=tmp_path / "short.jpg")) == 0
    assert sniff(PairRequest(before=stills[0], after=tmp_path / "broken.jpg")) == 0


def test_georeferenced_frames_are_no_stills(view, pair):
    from affine import Affine

    from onediff_plugins.types import GeoRef

    frame = pair(view(), view()).before
    on_map = type(frame)(
        pixels=frame.pixels,
        valid=frame.valid,
        bands=frame.bands,
        georef=GeoRef(crs="EPSG:32631", transform=Affine.identity()),
    )
    assert sniff(PairRequest(before=on_map, after=on_map)) == 0
    assert sniff(PairRequest(before=frame, after=frame)) == 0.1


def specks(pair, view, window=None):
    """A change map with specks of 16, 64 and 400 px."""
    score = np.zeros((320, 480), np.float32)
    for side, x in ((4, 50), (8, 150), (20, 250)):
        score[100 : 100 + side, x : x + side] = 0.9
    loaded = pair(view(), view())
    loaded = ImagePair(before=loaded.before, after=loaded.after, before_on_after=loaded.before)
    return ChangeMap(score=score, valid=np.ones_like(score, np.bool_)), loaded


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"min_area": 0, "min_area_px": 1}, [16, 64, 400]),
        ({}, [64, 400]),
        ({"min_area": 0.002}, [400]),
        ({"min_area": 0, "min_area_px": 65}, [400]),
    ],
)
def test_the_larger_of_both_least_areas_decides(pair, view, settings, kept):
    regions = extract_regions(*specks(pair, view), SurveillanceSettings(**settings))
    assert sorted(region.area_px for region in regions) == kept


def test_a_window_has_the_least_area_of_its_view(make_host, view, camera, with_thing):
    before, after = view(), with_thing(view(), (300, 200, 320, 214))
    window = Box(280, 180, 360, 240)
    assert make_host(min_area=0.01).compare(before, after, window=window).changed is False
    assert make_host(min_area=0.0005).compare(before, after, window=window).changed is True


def test_the_camera_that_moved_has_no_verdict_no_regions_and_a_reason(make_host, view, camera, shaken, schema_errors):
    after, _ = shaken(view(), dx=120)
    result = make_host().compare(camera(view(), 1), camera(after, 2))
    assert (result.changed, result.regions) == (None, ())
    assert result.registration.method == "camera-moved"
    assert result.reason.startswith("the camera moved:")
    assert result.caption.startswith("The camera moved:")
    assert not result.mask.any()
    assert schema_errors(result.model_dump(mode="json")) == []


def test_overlays_tell_how_far_it_shook_and_how_noisy_it_is(make_host, view, camera, shaken):
    host = make_host()
    after, _ = shaken(view(), dx=3, dy=4)
    result = host.compare(camera(view(), 1), camera(after, 2))
    values = {overlay.name: overlay.data for overlay in host.overlays(result, result.pair)}
    assert values["camera-shift-px"] == pytest.approx(5, abs=0.2)
    assert 0 < values["noise-levels"] < 8
    assert values["not-compared"].shape == (320, 480)


def test_a_window_is_no_shift_of_the_camera(make_host, view, camera, shaken):
    host = make_host()
    after, _ = shaken(view(), dx=3, dy=4)
    result = host.compare(camera(view(), 1), camera(after, 2), window=Box(200, 100, 400, 300))
    values = {overlay.name: overlay.data for overlay in host.overlays(result, result.pair)}
    assert values["camera-shift-px"] == pytest.approx(5, abs=0.2)


def test_a_shift_that_nothing_measured_is_not_told(make_host, view):
    host = make_host()
    result = host.compare(view(1), view(2))
    assert result.registration.method == "camera-moved"
    assert "camera-shift-px" not in {overlay.name for overlay in host.overlays(result, result.pair)}


def test_the_drift_of_a_window_is_told_in_pixels_of_the_picture(make_host, view, camera, shaken):
    scene = view(width=2048, height=1152)
    after, _ = shaken(scene, dx=150)
    reasons = [
        make_host(max_drift=0.05).compare(camera(scene, 1), camera(after, 2), window=window).reason
        for window in (None, Box(100, 100, 500, 400))
    ]
    assert reasons == ["the camera moved: the view lies 150 px elsewhere, and max_drift allows 102 px"] * 2


def test_a_frozen_camera_has_no_noise(make_host, view):
    host = make_host()
    result = host.compare(view(), view())
    values = {overlay.name: overlay.data for overlay in host.overlays(result, result.pair)}
    assert result.changed is False
    assert values == {"camera-shift-px": 0.0, "noise-levels": 0.0}


def test_the_installed_plugin_is_found():
    host = Host()
    assert host.domain("surveillance").detectors == ("illumination",)
    assert host.model("illumination").roles == {"detect"}
