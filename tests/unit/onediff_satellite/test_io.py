"""Loading: windows, overviews, other CRS, what is valid, and what is refused."""

import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from PIL import Image

from onediff_plugins import Box, Frame, PairRequest
from onediff_plugins.errors import MismatchedPairError, RegistrationError, UnsupportedSourceError
from onediff_satellite.io import load_pair, sniff
from onediff_satellite.settings import SatelliteSettings

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def load(before, after, **request):
    settings = request.pop("settings", SatelliteSettings())
    return load_pair(PairRequest(before=before, after=after, **request), settings)


def test_both_rasters_are_read_on_their_own_grids(write_tif, texture):
    pixels = texture(60, 40)
    before = write_tif("a.tif", pixels, origin=(500_000, 5_000_000))
    after = write_tif("b.tif", pixels, origin=(500_003, 5_000_001))
    pair = load(before, after)
    assert (pair.before.pixels == pixels).all()
    assert pair.before.pixels.dtype == np.uint8
    assert pair.after.georef.crs == "EPSG:32631"
    assert pair.after.georef.transform.c == 500_003
    assert pair.before.georef.transform.c == 500_000
    assert pair.before.source == str(before)
    assert pair.before.source_grid is None


def test_a_windowed_read_is_the_crop_of_the_full_read(write_tif, texture):
    before = write_tif("a.tif", texture(300, 200, seed=1), origin=(500_010, 5_000_006))
    after = write_tif("b.tif", texture(300, 200))
    window = Box(150, 80, 214, 130)
    full, part = load(before, after), load(before, after, window=window)
    assert (part.after.pixels == full.after.pixels[(..., *window.slices)]).all()
    corner = np.array([[0.0, 0.0]])
    assert np.allclose(part.after.to_source(corner), [[150, 80]])
    assert np.allclose(
        part.after.georef.pixel_to_map(corner), full.after.georef.pixel_to_map(np.array([[150.0, 80.0]]))
    )
    inside = part.before.grid.window
    assert (part.before.pixels == full.before.pixels[(..., *inside.slices)]).all()


def test_a_window_reads_what_lies_there_before_and_a_margin(write_tif, texture):
    before = write_tif("a.tif", texture(400, 400), origin=(500_020, 5_000_000))  # 10 px further east
    after = write_tif("b.tif", texture(400, 400))
    pair = load(before, after, window=Box(200, 200, 230, 220), settings=SatelliteSettings(max_shift_px=8))
    assert pair.before.grid.window == Box(182, 192, 228, 228)


def test_a_window_beside_the_before_scene_is_not_valid_rather_than_an_error(write_tif, texture):
    before = write_tif("a.tif", texture(50, 100))
    after = write_tif("b.tif", texture(400, 100))
    pair = load(before, after, window=Box(380, 0, 400, 20), settings=SatelliteSettings(max_shift_px=2))
    assert pair.before.width == 1


def test_a_window_outside_of_the_scene_is_refused(write_tif, texture):
    scene = write_tif("a.tif", texture(50, 50))
    with pytest.raises(UnsupportedSourceError, match=r"window .* outside"):
        load(scene, scene, window=Box(60, 0, 80, 20))


def test_an_overview_covers_the_whole_scene_in_few_pixels(write_tif, texture):
    scene = write_tif("a.tif", texture(400, 200))
    pair = load(scene, scene, max_side=100, window=Box(0, 0, 10, 10))
    assert (pair.after.width, pair.after.height) == (100, 50)
    assert pair.after.georef.transform.a == pytest.approx(8)
    assert pair.after.gsd_m == pytest.approx(8, rel=1e-3)
    assert (pair.after.grid.width, pair.after.grid.height) == (400, 200)
    assert np.allclose(pair.after.to_source(np.array([[100.0, 50.0]])), [[400, 200]])


def test_a_much_finer_before_raster_is_averaged_rather_than_skipped(write_tif, texture):
    fine = texture(400, 400)
    before = write_tif("a.tif", fine, size=0.5)
    after = write_tif("b.tif", texture(100, 100), size=2.0)
    pair = load(before, after)
    assert (pair.before.width, pair.before.height) == (100, 100)
    mean = fine.reshape(3, 100, 4, 100, 4).mean(axis=(2, 4))
    assert np.abs(pair.before.pixels - mean).max() <= 1


def test_another_crs_is_warped_onto_the_after_grid(write_tif, texture):
    pixels = texture(200, 200)
    before = write_tif("a.tif", pixels)
    after = _reprojected(before, "EPSG:32632", write_tif)
    pair = load(before, after)
    assert pair.before.georef == pair.after.georef
    assert pair.before.source_grid.georef.crs == "EPSG:32631"
    both = pair.before.valid & pair.after.valid
    assert both.mean() > 0.5
    assert np.abs(pair.before.pixels.astype(int) - pair.after.pixels)[:, both].mean() < 4
    centre = np.array([[pair.after.width / 2, pair.after.height / 2]])
    assert np.abs(pair.before.to_source(centre) - 100).max() < 3


def test_windows_of_a_reprojected_raster_are_crops_of_the_full_one(write_tif, texture):
    before = write_tif("a.tif", texture(200, 200))
    after = _reprojected(before, "EPSG:32632", write_tif)
    full = load(before, after)
    part = load(before, after, window=Box(60, 70, 120, 110), settings=SatelliteSettings(max_shift_px=5))
    x, y = (round(v) for v in full.after.georef.map_to_pixel(part.before.georef.pixel_to_map(np.zeros((1, 2))))[0])
    assert (x, y) == (55, 65)
    inside = np.s_[:, y : y + part.before.height, x : x + part.before.width]
    assert (part.before.pixels == full.before.pixels[inside]).all()


def _reprojected(source, crs, write_tif):
    from affine import Affine
    from rasterio.warp import Resampling, reproject, transform_bounds

    with rasterio.open(source) as dataset:
        west, south, east, north = transform_bounds(dataset.crs, crs, *dataset.bounds)
        width, height = round((east - west) / 2), round((north - south) / 2)
        transform = Affine(2, 0, west, 0, -2, north)
        out = np.zeros((dataset.count, height, width), dtype=np.uint8)
        reproject(
            dataset.read(), out, src_transform=dataset.transform, src_crs=dataset.crs, dst_transform=transform,
            dst_crs=crs, resampling=Resampling.bilinear,
        )  # fmt: skip
    return write_tif("other.tif", out, crs=crs, origin=(west, north), size=2, nodata=0)


@pytest.mark.parametrize("how", ["nodata", "mask", "alpha", "none"])
def test_what_is_not_valid_stays_so_through_a_reprojection(write_tif, texture, how):
    pixels = np.maximum(texture(200, 200), 1)
    hole = np.ones((200, 200), dtype=bool)
    hole[80:120, 80:120] = how == "none"
    options = {}
    if how == "nodata":
        pixels, options = np.where(hole, pixels, 0).astype(np.uint8), {"nodata": 0}
    elif how == "mask":
        options = {"mask": hole}
    elif how == "alpha":
        pixels = np.concatenate([pixels, hole[None] * np.uint8(255)])
        options = {"photometric": "RGB", "alpha": "YES"}
    before = write_tif("a.tif", pixels, **options)
    after = _reprojected(write_tif("plain.tif", np.maximum(texture(200, 200), 1)), "EPSG:32632", write_tif)
    pair = load(before, after)
    centre = pair.before.valid[pair.after.height // 2, pair.after.width // 2]
    assert centre == (how == "none")
    assert not pair.before.valid[0, 0]  # a corner of the after grid that the before scene does not reach
    assert pair.before.valid.mean() > 0.5


def test_nodata_is_not_valid_where_every_band_has_it(write_tif):
    pixels = np.full((3, 10, 10), 50, dtype=np.uint8)
    pixels[:, :4] = 0
    pixels[0, 6] = 0  # one dark band is data
    pair = load(write_tif("a.tif", pixels, nodata=0), write_tif("b.tif", pixels, nodata=0))
    assert not pair.after.valid[:4].any()
    assert pair.after.valid[4:].all()


def test_nan_and_infinity_are_not_valid_and_do_not_stay_in_the_pixels(write_tif):
    pixels = np.ones((2, 8, 8), dtype=np.float32)
    pixels[0, 1, 1], pixels[1, 2, 2] = np.nan, np.inf
    pair = load(write_tif("a.tif", pixels), write_tif("b.tif", pixels))
    assert not pair.after.valid[1, 1]
    assert not pair.after.valid[2, 2]
    assert pair.after.valid.sum() == 62
    assert np.isfinite(pair.after.pixels).all()


def test_signed_integers_keep_their_type_and_their_nodata_is_not_valid(write_tif):
    pixels = np.arange(-50, 50, dtype=np.int16).reshape(1, 10, 10)
    pixels[0, 0, :] = -32768
    pair = load(write_tif("a.tif", pixels, nodata=-32768), write_tif("b.tif", pixels, nodata=-32768))
    assert pair.after.pixels.dtype == np.int16
    assert pair.after.valid.sum() == 90
    assert pair.after.pixels.min() == -40


def test_an_internal_mask_is_read(write_tif, texture):
    mask = np.zeros((20, 20), dtype=bool)
    mask[:10] = True
    path = write_tif("a.tif", texture(20, 20), mask=mask)
    assert (load(path, path).after.valid == mask).all()


def test_a_palette_becomes_colour(write_tif, tmp_path):
    image = Image.fromarray(np.tile(np.arange(4, dtype=np.uint8), (4, 1)))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    image.save(tmp_path / "p.png")
    pair = load(tmp_path / "p.png", tmp_path / "p.png")
    assert pair.after.bands == ("red", "green", "blue")
    assert pair.after.pixels[:, 0, 2].tolist() == [70, 80, 90]


def test_a_one_pixel_raster_is_a_pair(write_tif):
    path = write_tif("a.tif", np.full((1, 1, 1), 7, dtype=np.uint16))
    pair = load(path, path)
    assert pair.after.pixels.tolist() == [[[7]]]


def test_ground_sample_distance_of_degrees_is_in_metres(write_tif, texture):
    path = write_tif("a.tif", texture(20, 20), crs="EPSG:4326", origin=(4.9, 60.0), size=0.0001)
    east, north = 0.0001 * 55_800, 0.0001 * 111_412  # metres a degree at 60 degrees north
    assert load(path, path).after.gsd_m == pytest.approx((east * north) ** 0.5, rel=2e-3)


def test_ground_sample_distance_of_a_stretched_projection_is_that_on_the_ground(write_tif, texture):
    path = write_tif("a.tif", texture(20, 20), crs="EPSG:3857", origin=(0, 8_399_738), size=10)  # 60 degrees north
    assert load(path, path).after.gsd_m == pytest.approx(5, rel=1e-2)


def test_a_capture_time_counts_only_with_its_zone(write_tif, texture):
    path = write_tif("a.tif", texture(8, 8))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2020:05:01 10:00:00")
    assert load(path, path).after.captured_at is None
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2020-05-01T10:00:00+00:00")
    assert load(path, path).after.captured_at == datetime(2020, 5, 1, 10, tzinfo=UTC)


def test_an_open_dataset_is_read_and_left_open(write_tif, texture):
    path = write_tif("a.tif", texture(20, 20))
    with rasterio.open(path) as dataset:
        pair = load(dataset, path)
        assert not dataset.closed
    assert pair.before.source == str(path)


def test_arrays_images_and_frames_are_left_to_the_built_in_loader(write_tif, texture):
    array = texture(8, 8).transpose(1, 2, 0)
    whole = np.ones((8, 8), dtype=bool)
    frame = Frame(pixels=texture(8, 8), valid=whole, bands=("red", "green", "blue"))
    for source in (array, Image.fromarray(array), frame):
        assert load(source, source) is None
    assert load(write_tif("a.tif", texture(8, 8)), array) is None


def test_bands_of_the_same_name_are_compared_when_their_numbers_differ(write_tif, texture):
    four = texture(20, 20, bands=4)
    before = write_tif("a.tif", four, descriptions=("B02", "B03", "B04", "B08"))
    after = write_tif("b.tif", four[[2, 1, 0]], descriptions=("red", "green", "blue"))
    pair = load(before, after)
    assert pair.before.bands == pair.after.bands == ("red", "green", "blue")
    assert (pair.before.pixels == pair.after.pixels).all()


def test_no_band_in_common_is_a_mismatch_that_lists_them(write_tif, texture):
    before = write_tif("a.tif", texture(9, 9, bands=1), descriptions=("NDVI",))
    after = write_tif("b.tif", texture(9, 9, bands=3))
    with pytest.raises(MismatchedPairError, match=r"ndvi before and red, green, blue after"):
        load(before, after)


def test_a_crs_on_one_side_only_is_a_mismatch(write_tif, texture):
    placed, bare = write_tif("a.tif", texture(9, 9)), write_tif("b.tif", texture(9, 9), crs=None)
    with pytest.raises(MismatchedPairError, match="the after image has no georeference"):
        load(placed, bare)
    with pytest.raises(MismatchedPairError, match="the before image has no georeference"):
        load(bare, placed)


def test_disjoint_rasters_are_not_a_pair(write_tif, texture):
    here, there = write_tif("a.tif", texture(20, 20)), write_tif("b.tif", texture(20, 20), origin=(600_000, 5_000_000))
    with pytest.raises(RegistrationError, match=r"covers 0\.0% of the after scene"):
        load(here, there)


def test_too_little_overlap_is_not_a_pair_and_the_limit_can_be_lowered(write_tif, texture):
    here, there = write_tif("a.tif", texture(20, 20)), write_tif("b.tif", texture(20, 20), origin=(500_039, 5_000_000))
    with pytest.raises(RegistrationError, match=r"covers 2\.5% .* at least 5% .* min_overlap"):
        load(here, there)
    assert load(here, there, settings=SatelliteSettings(min_overlap=0.02)).after.width == 20


def test_sizes_that_differ_without_a_georeference_are_not_a_pair(write_tif, texture):
    with pytest.raises(RegistrationError, match="got 9x9 and 9x8"):
        load(write_tif("a.tif", texture(9, 9), crs=None), write_tif("b.tif", texture(9, 8), crs=None))


def _truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


@pytest.mark.parametrize("kind", ["missing", "text", "truncated tif", "truncated jpeg", "empty", "folder", "complex"])
def test_a_source_that_cannot_be_read_is_named_in_one_line(write_tif, texture, tmp_path, kind, capfd):
    path = tmp_path / "bad.tif"
    if kind == "text":
        path.write_text("this is no raster")
    elif kind == "truncated tif":
        path = _truncated(write_tif("bad.tif", texture(100, 100)))
    elif kind == "truncated jpeg":
        Image.fromarray(texture(100, 100).transpose(1, 2, 0)).save(tmp_path / "bad.jpg")
        path = _truncated(tmp_path / "bad.jpg")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
    elif kind == "complex":
        path = write_tif("bad.tif", np.ones((1, 5, 5), dtype=np.complex64))
    with pytest.raises(UnsupportedSourceError) as caught:
        load(path, path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_huge_png_is_refused_from_its_header(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (4000, 4000)).save(path)
    with pytest.raises(UnsupportedSourceError, match=r"4000x4000 .* 16,000,000 .* max_pixels is 1,000,000"):
        load(path, path, settings=SatelliteSettings(max_pixels=1_000_000))


def test_a_raster_in_tiles_has_no_limit_but_what_is_read_at_once(write_tif, texture):
    path = write_tif("a.tif", texture(512, 512), tiled=True, blockxsize=128, blockysize=128)
    small = SatelliteSettings(max_pixels=128 * 128, max_shift_px=1)
    assert load(path, path, settings=small, window=Box(0, 0, 100, 100)).after.width == 100
    assert load(path, path, settings=small, max_side=100).after.width == 100
    with pytest.raises(UnsupportedSourceError, match="compare it in windows"):
        load(path, path, settings=small)


def test_plain_images_are_read_without_a_warning(tmp_path, texture):
    Image.fromarray(texture(30, 20).transpose(1, 2, 0)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair = load(tmp_path / "a.png", tmp_path / "a.png")
    assert pair.after.georef is None
    assert pair.after.gsd_m is None


def test_sniff_is_sure_of_a_georeference_and_modest_about_tiles(write_tif, texture, tmp_path):
    placed, bare = write_tif("a.tif", texture(30, 20)), write_tif("b.tif", texture(30, 20), crs=None)
    Image.fromarray(texture(256, 256).transpose(1, 2, 0)).save(tmp_path / "t.png")
    Image.fromarray(texture(256, 256).transpose(1, 2, 0)).save(tmp_path / "t.jpg")
    Image.fromarray(texture(300, 200).transpose(1, 2, 0)).save(tmp_path / "page.png")
    assert sniff(PairRequest(before=placed, after=placed)) == 1.0
    assert sniff(PairRequest(before=bare, after=placed)) == 1.0
    assert sniff(PairRequest(before=bare, after=bare)) == 0.3
    assert sniff(PairRequest(before=tmp_path / "t.png", after=tmp_path / "t.jpg")) == 0.5
    assert sniff(PairRequest(before=tmp_path / "page.png", after=tmp_path / "page.png")) == 0.0


@pytest.mark.parametrize("odd", [np.zeros((4, 4)), None, 3, "missing.tif", "no/such/place.png", b"bytes", object()])
def test_sniff_never_raises(odd):
    assert sniff(PairRequest(before=odd, after=odd)) == 0.0


def test_sniff_of_damaged_files_is_zero(tmp_path):
    for name in ("a.tif", "a.png", "a.jpg"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
        assert sniff(PairRequest(before=tmp_path / name, after=tmp_path / name)) == 0.0
