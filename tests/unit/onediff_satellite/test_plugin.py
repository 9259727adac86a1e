"""The plugin as the host sees it, and pairs from file to record."""

import json
import subprocess
import sys

import numpy as np
import pyproj
import pytest
import rasterio

import onediff_satellite.plugin
from onediff_plugins import Box, Host, PairRequest
from onediff_plugins.output import write_pair


@pytest.fixture(scope="module")
def host():
    return Host(plugins=[onediff_satellite.plugin], entry_points=False)


@pytest.fixture
def scene(write_tif, texture):
    """Two GeoTIFFs of one place, the before grid 1.5 px off, with a bright hall built in between."""
    land = texture(400, 300)
    after = land.copy()
    after[:, 120:170, 200:260] = 235
    # Bands averaged over two columns lie half a pixel further east.
    half = ((land[:, :, :-1].astype(int) + land[:, :, 1:]) // 2).astype(np.uint8)
    before = write_tif("before.tif", half, origin=(500_001, 5_000_000))
    return before, write_tif("after.tif", after, origin=(500_000, 5_000_000))


def test_the_plugin_module_imports_nothing_but_the_hook_marker():
    code = (
        "import sys, onediff_satellite.plugin as p; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'numpy', 'cv2', 'rasterio', 'pyproj', 'scipy', 'pydantic', 'shapely'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_domain_names_its_detector_and_its_exporter(host):
    spec = host.domain("satellite")
    assert spec.detectors == ("onediff", "ir-mad")
    assert spec.capabilities == {"georeferenced", "rigid"}
    assert host.choose_model("satellite", "detect").name == "ir-mad"
    assert host.exporter(".tif").name == "cog"


def test_a_new_hall_is_one_region_with_its_area_and_its_place_on_the_map(host, scene, schema_errors):
    result = host.compare(*scene, domain="satellite")
    assert result.changed is True
    assert result.detector == "ir-mad"
    assert result.registration.method.startswith("georeference")
    (region,) = result.regions
    x0, y0, x1, y1 = region.bbox_after
    assert (x0, y0, x1, y1) == pytest.approx((200, 120, 260, 170), abs=5)
    assert region.attributes["area_m2"] == pytest.approx(60 * 50 * 4, rel=0.25)
    lon, lat = region.map_polygon.centroid.coords[0]
    to_degrees = pyproj.Transformer.from_crs("EPSG:32631", "EPSG:4326", always_xy=True)
    assert (lon, lat) == pytest.approx(to_degrees.transform(500_000 + 2 * 230, 5_000_000 - 2 * 145), abs=5e-5)
    assert "m²" in result.caption or "hectare" in result.caption
    assert schema_errors(json.loads(result.model_dump_json())) == []


def test_a_pair_with_itself_is_unchanged(host, scene):
    result = host.compare(scene[1], scene[1], domain="satellite")
    assert result.changed is False
    assert result.regions == ()
    assert result.score < 0.01


def test_a_window_of_a_scene_says_what_the_whole_scene_says(host, scene):
    whole = host.compare(*scene, domain="satellite")
    window = Box(150, 90, 350, 250)
    part = host.compare(*scene, domain="satellite", window=window)
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(part.change.score - whole.change.score[window.slices])[inner].max() < 1e-3
    assert part.after.window == window
    assert part.regions[0].map_polygon.intersects(whole.regions[0].map_polygon)


def test_another_crs_before_is_compared_on_the_after_grid(host, scene, write_tif):
    from affine import Affine
    from rasterio.warp import Resampling, reproject, transform_bounds

    with rasterio.open(scene[0]) as dataset:
        west, south, east, north = transform_bounds(dataset.crs, "EPSG:32632", *dataset.bounds)
        shape = (3, round((north - south) / 2), round((east - west) / 2))
        out = np.zeros(shape, dtype=np.uint8)
        reproject(
            dataset.read(), out, src_transform=dataset.transform, src_crs=dataset.crs,
            dst_transform=Affine(2, 0, west, 0, -2, north), dst_crs="EPSG:32632", resampling=Resampling.bilinear,
        )  # fmt: skip
    before = write_tif("zone32.tif", out, crs="EPSG:32632", origin=(west, north), nodata=0)
    result = host.compare(before, scene[1], domain="satellite")
    assert result.registration.method.startswith("reprojected")
    assert result.valid_fraction > 0.9
    (region,) = result.regions
    assert region.bbox_after == pytest.approx((200, 120, 260, 170), abs=6)
    assert result.before.width == shape[2]


def test_arrays_are_compared_without_a_georeference(host, texture):
    before = texture(200, 160).transpose(1, 2, 0)
    after = before.copy()
    after[50:90, 60:120] = 240
    result = host.compare(before, after, domain="satellite")
    assert result.georef is None
    assert result.changed is True
    assert result.registration.method == "assumed"


def test_nothing_valid_is_undecided_with_a_reason(host, write_tif):
    empty = write_tif("a.tif", np.zeros((1, 30, 30), dtype=np.uint8), nodata=0)
    result = host.compare(empty, empty, domain="satellite")
    assert result.changed is None
    assert "0.0%" in result.reason


def test_the_folder_of_a_pair_holds_rasters_on_the_after_grid(host, scene, tmp_path):
    result = host.compare(*scene, domain="satellite")
    written = write_pair(host, result, tmp_path / "out")
    assert written.files["score"] == "score.tif"
    with rasterio.open(tmp_path / "out" / "mask.tif") as mask, rasterio.open(scene[1]) as after:
        assert mask.transform == after.transform
        assert (mask.read(1) == result.mask).all()


@pytest.mark.parametrize("name", ["levir_geotiff", "levir_tiles", "levir_val", "dsifn_val", "naip", "landsat"])
def test_real_pairs_are_compared(host, data_set, schema_errors, name):
    folder = data_set(name)
    row = json.loads((folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()[0])
    result = host.compare(folder / row["before"], folder / row["after"], domain="satellite")
    assert schema_errors(json.loads(result.model_dump_json())) == []
    assert np.isfinite(result.registration.matrix).all()


def test_rasters_in_a_projection_without_a_code_are_compared(host, data_set, schema_errors):
    before, after = sorted(data_set("modis").glob("*.jp2"))[:2]
    result = host.compare(before, after, domain="satellite")
    assert schema_errors(json.loads(result.model_dump_json())) == []
    assert result.georef.crs.startswith("PROJCS")
    assert result.pair.after.gsd_m == pytest.approx(232, rel=0.02)


def test_two_aerial_grids_that_differ_by_a_fraction_of_a_pixel_meet(host, data_set):
    scenes = data_set("naip") / "scenes"
    request = PairRequest(
        before=scenes / "m_4709963_se_14_1_20140720.tif", after=scenes / "m_4709963_se_14_1_20170827.tif"
    )
    pair = host.load_pair("satellite", request)
    found = host.align_pair("satellite", pair)
    # The grids differ by 2 m and 3 m, of 5 m pixels; content may say half a pixel more.
    assert found.matrix[:2, 2] == pytest.approx([0.4, -0.6], abs=0.8)
    assert found.residual_px < 1.5
