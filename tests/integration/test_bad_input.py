"""Bad input: one clear line on stderr that says what, where and what to do, exit code 2, and nothing half-written."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from onediff_plugins import Host
from onediff_plugins.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]

DOMAIN = """
from onediff_plugins import DomainSettings, DomainSpec, hookimpl

@hookimpl
def onediff_domain():
    return DomainSpec(name="{name}", summary="", settings=DomainSettings)
"""


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def refused(onediff: Run, tmp_path: Path) -> Callable[..., str]:
    """The line that a comparison is refused with; it left nothing behind."""

    def compare(*arguments: str) -> str:
        before = everything(tmp_path)
        line = onediff("compare", *arguments, "--out", tmp_path / "out").error
        assert everything(tmp_path) == before
        return line

    return compare


@pytest.fixture(params=["toy", "ui"])
def domain(request: pytest.FixtureRequest, toy: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The toy, whose images the built-in behaviour reads, and the domains that read their own."""
    if request.param != "toy":
        pytest.importorskip(f"onediff_{request.param}.plugin")
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", request.param)
    return request.param


# --- damaged images --------------------------------------------------------------------------------------------


def damaged(path: Path, how: str) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    if how == "missing":
        return path / "gone.png"
    if how == "folder":
        (path / "folder.png").mkdir()
        return path / "folder.png"
    if how == "text":
        (path / "text.png").write_text("This is no picture, whatever it is called.")
        return path / "text.png"
    if how == "empty":
        (path / "empty.png").write_bytes(b"")
        return path / "empty.png"
    file = path / f"cut.{how}"
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return file


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "there is no such file; check the path"),
        ("folder", "is a folder, not an image"),
        ("text", "is not an image that can be read"),
        ("empty", "the file is empty"),
        ("png", "is damaged or cut short"),
        ("tif", "damaged"),
        ("jpg", "is damaged or cut short"),
    ],
)
def test_a_damaged_image_is_named_with_what_is_wrong(
    domain: str,
    picture: Callable[..., str],
    refused: Callable[..., str],
    tmp_path: Path,
    how: str,
    said: str,
    side: str,
) -> None:
    good, bad = picture("good.png"), damaged(tmp_path, how)
    line = refused(*([str(bad), good] if side == "before" else [good, str(bad)]))
    assert str(bad) in line
    assert said in line


def test_a_name_that_no_file_system_takes_is_refused(toy: Path, picture: Callable[..., str], refused: Run) -> None:
    good = picture("good.png")
    assert "cannot be opened" in refused(good, "x" * 5000)
    assert "cannot be opened" in refused(good, "a\0b.png")


def test_one_pixel_is_an_image(domain: str, picture: Callable[..., str], onediff: Run) -> None:
    ran = onediff("compare", picture("a.png", size=(1, 1)), picture("b.png", size=(1, 1)), "--exit-code")
    assert (ran.code, ran.err) == (0, "")


def test_images_of_different_size_say_so(toy: Path, picture: Callable[..., str], refused: Run) -> None:
    line = refused(picture("a.png", size=(20, 30)), picture("b.png", size=(20, 40)))
    assert "a.png (30 x 20 px)" in line
    assert "b.png (40 x 20 px)" in line
    assert "have different sizes and no georeference: resample one of them" in line


# --- images that are too large ---------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_bomb(path: Path, side: int) -> Path:
    """A white one-bit PNG of side x side pixels, row by row."""
    packer = zlib.compressobj(1)
    row = b"\0" + b"\xff" * ((side + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def test_a_decompression_bomb_is_refused_from_its_header(
    domain: str, refused: Callable[..., str], picture: Callable[..., str], tmp_path: Path
) -> None:
    bomb = write_bomb(tmp_path / "bomb.png", 30_000)
    assert bomb.stat().st_size < 2_000_000
    started = time.perf_counter()
    line = refused(str(bomb), str(bomb))
    assert time.perf_counter() - started < 5
    assert f"{bomb}: 30000x30000 is 900,000,000 pixels, over the limit of 180,000,000" in line
    assert "--set max_pixels=900000000" in line


def test_the_limit_of_pixels_is_a_setting(
    domain: str, refused: Callable[..., str], onediff: Run, tmp_path: Path
) -> None:
    image = str(write_bomb(tmp_path / "white.png", 200))
    assert "200x200 is 40,000 pixels, over the limit of 39,999" in refused(image, image, "--set", "max_pixels=39999")
    assert onediff("compare", image, image, "--set", "max_pixels=40000").code == 0


# --- nothing to compare ----------------------------------------------------------------------------------------


def test_a_transparent_image_is_undecided(
    toy: Path, onediff: Run, tmp_path: Path, schema_errors: Callable[[Any], list[str]]
) -> None:
    path = tmp_path / "clear.png"
    Image.new("RGBA", (30, 20)).save(path)
    ran = onediff("compare", path, path, "--json", "--exit-code")
    assert (ran.code, ran.err) == (2, "")
    record = json.loads(ran.out)
    assert schema_errors(record) == []
    assert (record["changed"], record["regions"], record["valid_fraction"]) == (None, [], 0)
    assert record["reason"] == "only 0.0% of the pair can be compared; min_valid is 5.0%"
    assert onediff("compare", path, path).code == 0


def test_an_array_of_nan_is_undecided(toy: Path) -> None:
    nothing = np.full((20, 30), np.nan, dtype=np.float32)
    result = Host().compare(nothing, nothing)
    assert result.changed is None
    assert result.regions == ()


# --- where results cannot go -----------------------------------------------------------------------------------


def test_a_folder_below_a_file_cannot_be_written(
    toy: Path, onediff: Run, picture: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    line = onediff("compare", picture("a.png"), picture("b.png"), "--out", tmp_path / "file" / "out").error
    assert f"{tmp_path / 'file' / 'out'} cannot be written: Not a directory. Choose another --out." in line
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["letter.txt", "result.json"])
def test_a_folder_of_others_is_not_touched(
    toy: Path, onediff: Run, picture: Callable[..., str], tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"mine": true}')
    line = onediff("compare", picture("a.png"), picture("b.png"), "--out", out).error
    assert f"{out} holds files that are not a result of onediff: choose an empty or new folder" in line
    assert everything(out) == {name}
    assert (out / name).read_text() == '{"mine": true}'


# --- names and settings that do not exist ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--domain", "tot"), "unknown domain 'tot'. Did you mean 'toy'? Installed: toy."),
        (("--domain", "surveillance"), "`pip install onediff-surveillance` brings 'surveillance'."),
        (("--detector", "toy-detektor"), "unknown detector 'toy-detektor'. Did you mean 'toy-detector'?"),
        (("--detector", "ir-mad"), "`pip install onediff-satellite` brings 'ir-mad'."),
        (("--detector", "template"), "'template' is no detector: its roles are describe"),
        (("--captioner", "templet"), "unknown captioner 'templet'. Did you mean 'template'?"),
        (("--captioner", "onediff-tiny"), "onediff-core"),
        (("--head", "toy.marks"), "unknown head 'toy.marks'. Did you mean 'toy.mark'? Installed: toy.mark."),
        (("--detector", "difference", "--head", "toy.mark"), "detector 'difference' takes no heads: leave out --head"),
        (("--set", "treshold=0.4"), "unknown setting 'treshold' (from arguments). Did you mean 'threshold'? Known: "),
        (("--set", "toy.grian=1"), "unknown setting 'toy.grian' (from arguments). Did you mean 'grain'?"),
        (
            ("--set", "ui.threshold=1"),
            "'ui' in 'ui.threshold' is no installed domain; `pip install onediff-ui` brings it (from arguments).",
        ),
        (("--set", "threshold=2"), "toy.threshold = 2 (from arguments): Input should be less than or equal to 1"),
        (("--set", "grain=coarse"), "toy.grain = 'coarse' (from arguments): Input should be a valid integer"),
        (("--set", "threshold"), "--set 'threshold' is not KEY=VALUE, such as --set threshold=0.4"),
        (("--set", "=1"), "--set '=1' is not KEY=VALUE"),
    ],
)
def test_a_name_or_setting_that_does_not_exist_is_told_with_the_nearest(
    toy: Path, picture: Callable[..., str], refused: Callable[..., str], arguments: tuple[str, ...], said: str
) -> None:
    assert said in refused(picture("a.png"), picture("b.png"), *arguments)


def test_the_names_in_variables_and_files_are_told_with_where_they_stand(
    toy: Path, picture: Callable[..., str], refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = picture("a.png"), picture("b.png")
    monkeypatch.setenv("ONEDIFF_TRESHOLD", "0.4")
    assert "unknown setting 'treshold' (from environment). Did you mean 'threshold'?" in refused(*pair)
    monkeypatch.delenv("ONEDIFF_TRESHOLD")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "onediff.toml").write_text("[toy]\ngrian = 2\n")
    assert "unknown setting 'toy.grian' (from onediff.toml). Did you mean 'grain'?" in refused(*pair)
    (tmp_path / "onediff.toml").write_text("grain = \n")
    assert "onediff.toml: cannot be read as TOML" in refused(*pair)


@pytest.mark.parametrize(
    ("what", "name", "said"),
    [
        ("exporter", "pgn", r"unknown exporter 'pgn'\. Did you mean 'png'\?"),
        ("exporter", "cog", "`pip install onediff-satellite` brings 'cog'"),
        ("exporter", ".gejson", r"unknown file ending '\.gejson'\. Did you mean '\.geojson'\?"),
        ("executor", "locale", r"unknown executor 'locale'\. Did you mean 'local'\?"),
        ("model", "differance", r"unknown model 'differance'\. Did you mean 'difference'\?"),
    ],
)
def test_exporters_executors_and_models_are_told_with_the_nearest(toy: Path, what: str, name: str, said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        getattr(Host(), what)(name)


def test_no_domain_at_all_says_what_to_install(
    picture: Callable[..., str], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "")
    assert "no domain is installed: pip install onediff-ui" in refused(picture("a.png"), picture("b.png"))


def test_a_pair_of_unclear_domain_lists_the_choices(
    toy: Path, site: Any, picture: Callable[..., str], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("moss", "fern"):
        site.install(f"acme-{name}", {name: f"acme_{name}"}, **{f"acme_{name}": DOMAIN.format(name=name)})
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "moss,fern")
    line = refused(picture("a.png"), picture("b.png"))
    assert "cannot tell the domain of" in line
    assert "name it with --domain fern|moss" in line


# --- plugins that raise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "stage"),
    [
        ("load", "load"),
        ("align", "align"),
        ("preprocess", "preprocess"),
        ("build", "building model 'toy-detector'"),
        ("detect", "detect"),
        ("label", "label"),
        ("extract_regions", "extract_regions"),
        ("caption_prompt", "caption_prompt"),
        ("describe", "caption"),
        ("refine_result", "refine_result"),
        ("overlays", "overlays"),
    ],
)
def test_a_plugin_that_raises_is_named_with_its_distribution_and_the_stage(
    toy: Path,
    picture: Callable[..., str],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    stage: str,
) -> None:
    monkeypatch.setenv("TOY_RAISE", place)
    line = refused(picture("a.png"), picture("b.png", (20, 20)))
    start = "onediff: toy (onediff-toy 1.2) raised RuntimeError in stage "
    assert line.startswith(start)
    assert line.endswith(f": the toy broke in {place}")
    assert stage in line.removeprefix(start)


def test_an_exporter_that_raises_is_named_with_its_distribution(
    toy: Path, picture: Callable[..., str], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_GEOREF", "1")
    monkeypatch.setenv("TOY_RAISE", "export")
    line = refused(picture("a.png"), picture("b.png", (20, 20)))
    assert "toy (onediff-toy 1.2) raised RuntimeError in stage 'export': the toy broke in export" in line


def test_a_sniff_that_raises_is_named_with_its_distribution(
    toy: Path, site: Any, picture: Callable[..., str], refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme-moss", {"moss": "acme_moss"}, acme_moss=DOMAIN.format(name="moss"))
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "toy,moss")
    monkeypatch.setenv("TOY_RAISE", "sniff")
    line = refused(picture("a.png"), picture("b.png"))
    assert "toy (onediff-toy 1.2) raised RuntimeError in stage 'sniff': the toy broke in sniff" in line


def test_an_executor_that_raises_ends_the_batch_with_one_line(
    toy: Path, pairs: Callable[[int], Path], onediff: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOY_RAISE", "executor")
    ran = onediff("batch", pairs(1), "--out", tmp_path / "out", "--executor", "inline")
    assert ran.code == 2
    said = "onediff: toy (onediff-toy 1.2) raised RuntimeError in stage 'executor inline': the toy broke in executor"
    assert ran.err.splitlines()[-1] == said
    assert not (tmp_path / "out" / "results.jsonl").exists()


@pytest.mark.parametrize("place", ["load", "detect", "describe", "overlays"])
def test_in_a_batch_a_plugin_that_raises_fails_the_pair(
    toy: Path,
    pairs: Callable[[int], Path],
    onediff: Run,
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
) -> None:
    monkeypatch.setenv("TOY_RAISE", place)
    ran = onediff("batch", pairs(1), "--out", tmp_path / "out", "--executor", "inline")
    assert ran.code == 2
    (record,) = results(tmp_path / "out")
    assert schema_errors(record) == []
    assert record["error"]["type"] == "StageError"
    assert record["error"]["plugin"] == "toy"
    assert record["error"]["stage"] == {"describe": "caption"}.get(place, place)
    assert "toy (onediff-toy 1.2) raised RuntimeError in stage" in record["error"]["message"]
    assert list((tmp_path / "out" / "pairs").iterdir()) == []


def test_an_observer_that_raises_is_logged_and_the_result_stands(
    toy: Path,
    picture: Callable[..., str],
    onediff: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pair = picture("a.png"), picture("b.png", (20, 20))
    monkeypatch.setenv("TOY_RAISE", "pair_finished")
    assert onediff("compare", *pair, "--exit-code").code == 1
    logged = "toy (onediff-toy 1.2): onediff_pair_finished raised RuntimeError: the toy broke in pair_finished"
    assert [record.getMessage() for record in caplog.records] == [logged]


def test_an_observer_of_failures_that_raises_does_not_hide_the_failure(
    toy: Path,
    picture: Callable[..., str],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TOY_RAISE", "pair_failed")
    assert "there is no such file" in refused(picture("a.png"), "gone.png")
    assert "the toy broke in pair_failed" in caplog.text


# --- rasters ---------------------------------------------------------------------------------------------------


@pytest.fixture
def satellite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The satellite domain is installed, and no other."""
    pytest.importorskip("onediff_satellite.plugin")
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "satellite")


@pytest.fixture
def raster(tmp_path: Path, satellite: None) -> Callable[..., str]:
    """Write a GeoTIFF of 96 x 96 pixels of one metre: three bands of smooth ground, unless `data` says otherwise."""
    import cv2
    import rasterio

    noise = np.random.default_rng(1).random((96, 96), dtype=np.float32)
    ground = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 20, 220, cv2.NORM_MINMAX).astype(np.uint8)

    def write(name: str, data: Any = None, *, bands: int = 3, crs: str | None = "EPSG:32631", **profile: Any) -> str:
        pixels = np.stack([ground] * bands) if data is None else np.full((bands, 96, 96), data)
        if crs is not None:
            left = profile.pop("left", 500_000)
            profile |= {"crs": crs, "transform": rasterio.Affine(1, 0, left, 0, -1, 5_000_000)}
        shape = {"count": bands, "height": 96, "width": 96, "dtype": pixels.dtype.name}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(tmp_path / name, "w", driver="GTiff", **shape, **profile) as file:
                file.write(pixels)
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "no such file; check the path"),
        ("folder", "cannot be read as a raster or image"),
        ("text", "cannot be read as a raster or image"),
        ("empty", "cannot be read as a raster or image"),
        ("tif", "it may be damaged, cut short or of another kind"),
        ("jpg", "it may be damaged, cut short or of another kind"),
        ("png", "it may be damaged, cut short or of another kind"),
    ],
)
def test_a_damaged_raster_is_named_with_what_is_wrong(
    raster: Callable[..., str], refused: Callable[..., str], tmp_path: Path, how: str, said: str, side: str
) -> None:
    bad, good = damaged(tmp_path, how), raster("good.tif", crs=None)
    line = refused(*([str(bad), good] if side == "before" else [good, str(bad)]))
    assert str(bad) in line
    assert said in line


def test_a_geotiff_that_is_cut_short_is_refused(
    raster: Callable[..., str], refused: Callable[..., str], tmp_path: Path
) -> None:
    good = raster("good.tif")
    whole, cut = (tmp_path / "good.tif").read_bytes(), tmp_path / "cut.tif"
    for length in (60, len(whole) // 2):
        cut.write_bytes(whole[:length])
        assert f"{cut}: cannot be read as a raster or image" in refused(good, str(cut))


def test_a_real_process_says_one_line_of_a_damaged_raster_too(raster: Callable[..., str], tmp_path: Path) -> None:
    # Here GDAL, rasterio and Pillow have stderr to themselves.
    good, bad = raster("good.tif", crs=None), damaged(tmp_path, "tif")
    command = [sys.executable, "-m", "onediff_plugins", "compare", good, str(bad)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"onediff: {bad}: cannot be read")
    assert ran.stderr.count("\n") == 1


def test_rasters_of_different_places_are_refused(raster: Callable[..., str], refused: Callable[..., str]) -> None:
    line = refused(raster("here.tif"), raster("there.tif", left=900_000))
    assert "here.tif" in line
    assert "there.tif" in line
    assert "covers 0.0% of the after scene, at least 5% is needed" in line


@pytest.mark.parametrize("bare", ["before", "after"])
def test_a_georeference_on_one_side_only_is_refused(
    raster: Callable[..., str], refused: Callable[..., str], bare: str
) -> None:
    before = raster("before.tif", crs=None if bare == "before" else "EPSG:32631")
    after = raster("after.tif", crs=None if bare == "after" else "EPSG:32631")
    assert f"the {bare} image has no georeference and the" in refused(before, after)


def test_rasters_without_a_common_band_are_refused_and_their_bands_named(
    raster: Callable[..., str], refused: Callable[..., str]
) -> None:
    line = refused(raster("one.tif", bands=1), raster("three.tif"))
    assert "no band in common: gray before and red, green, blue after" in line


def test_rasters_with_some_bands_in_common_are_compared_by_those(raster: Callable[..., str], onediff: Run) -> None:
    four = raster("four.tif", bands=4, photometric="RGB")
    ran = onediff("compare", raster("three.tif"), four, "--exit-code")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("data", "nodata"), [(np.float32("nan"), None), (np.uint8(0), 0), (np.int16(-9999), -9999), (np.float32("nan"), -1)]
)
def test_a_raster_of_nothing_is_undecided(
    raster: Callable[..., str],
    onediff: Run,
    schema_errors: Callable[[Any], list[str]],
    tmp_path: Path,
    data: Any,
    nodata: float | None,
) -> None:
    nothing = raster("nothing.tif", data, nodata=nodata)
    ran = onediff("compare", nothing, nothing, "--json", "--exit-code", "--out", tmp_path / "out")
    assert (ran.code, ran.err) == (2, "")
    record = json.loads(ran.out)
    assert schema_errors(record) == []
    assert (record["changed"], record["regions"], record["valid_fraction"]) == (None, [], 0)
    assert "only 0.0% of the pair can be compared" in record["reason"]
    assert (tmp_path / "out" / record["files"]["mask"]).is_file()


# --- a domain that has to be found out -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["missing", "folder", "empty"])
def test_with_several_domains_a_file_that_cannot_be_is_still_named(
    refused: Callable[..., str],
    picture: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    how: str,
) -> None:
    for domain in ("ui", "satellite"):
        pytest.importorskip(f"onediff_{domain}.plugin")
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "ui,satellite")
    bad = damaged(tmp_path, how)
    line = refused(picture("good.png"), str(bad))
    assert str(bad) in line
    assert "cannot tell the domain" not in line
