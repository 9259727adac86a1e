"""What exporters write: records, map polygons and pictures, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import shapely
import shapely.geometry

from onediff_plugins.errors import ExportError
from onediff_plugins.exporters import (
    write_file,
    write_geojson,
    write_json,
    write_map_previews,
    write_overlay,
    write_plugin_overlays,
    write_png,
    write_previews,
)
from onediff_plugins.records import (
    ChangeRegion,
    ChangeResult,
    ErrorRecord,
    GeoRecord,
    PairFailure,
    Provenance,
    RegistrationRecord,
    SourceInfo,
)
from onediff_plugins.types import (
    ChangeMap,
    Frame,
    ImagePair,
    Overlay,
    Registration,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH, HEIGHT = 120, 90
GEOREF = GeoRecord(crs="EPSG:32631", transform=(0.5, 0, 448_000, 0, -0.5, 5_411_000))
# A clockwise ring, as a y-down polygon becomes on the map.
ON_MAP = shapely.Polygon([(2.29, 48.85), (2.29, 48.86), (2.30, 48.86), (2.30, 48.85)])


def frame(width: int = WIDTH, height: int = HEIGHT, pixels: np.ndarray | None = None) -> Frame:
    pixels = np.full((3, height, width), 90, np.uint8) if pixels is None else pixels
    return Frame(pixels=pixels, valid=np.ones(pixels.shape[1:], bool), bands=("red", "green", "blue"))


def region(**changes: Any) -> ChangeRegion:
    values = {
        "id": 1,
        "kind": "added",
        "label": "building",
        "score": 0.75,
        "caption": "A building was added.",
        "bbox_after": (20, 10, 60, 40),
        "area_px": 1200,
        "geometry": shapely.box(20, 10, 60, 40),
    }
    return ChangeRegion(**{**values, **changes})


def result(pair_id: str = "village", **changes: Any) -> ChangeResult:
    score = np.zeros((HEIGHT, WIDTH), np.float32)
    score[10:40, 20:60] = 0.75
    pair = ImagePair(before=frame(100, 80), after=frame(), id=pair_id)
    values = {
        "id": pair_id,
        "domain": "toy",
        "changed": True,
        "score": 0.75,
        "valid_fraction": 1.0,
        "caption": "A building was added in the Café.",
        "caption_source": "template",
        "detector": "difference",
        "before": SourceInfo(source="before.png", width=100, height=80),
        "after": SourceInfo(source="after.png", width=WIDTH, height=HEIGHT),
        "registration": RegistrationRecord(method="identity", matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)), overlap=1.0),
        "regions": (region(),),
        "provenance": Provenance(onediff_plugins="0.1.0", settings_digest="0" * 16),
        "change": ChangeMap(score=score, valid=np.ones(score.shape, bool)),
        "mask": np.where(score >= 0.5, 255, 0).astype(np.uint8),
        "pair": pair,
    }
    return ChangeResult(**{**values, **changes})


def on_map(pair_id: str = "village", **region_changes: Any) -> ChangeResult:
    return result(pair_id, georef=GEOREF, regions=(region(map_polygon=ON_MAP, **region_changes),))


def failure() -> PairFailure:
    return PairFailure(id="broken", domain="toy", error=ErrorRecord(type="PairError", message="it is damaged"))


# --- json ---


def test_one_record_fills_a_folder(tmp_path: Path, schema_errors: Callable[[Any], list[str]]) -> None:
    assert write_json([result()], tmp_path / "out") == {"record": "result.json"}
    record = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert schema_errors(record) == []
    assert record["caption"] == "A building was added in the Café."
    assert ChangeResult.model_validate(record).regions == result().regions


def test_a_record_is_legible_utf8_with_each_box_on_one_line(tmp_path: Path) -> None:
    write_json([result()], tmp_path / "one.json")
    text = (tmp_path / "one.json").read_text(encoding="utf-8")
    assert "Café" in text
    assert '"bbox_after": [20, 10, 60, 40],' in text
    assert text.endswith("}\n")


def test_text_that_looks_like_numbers_is_not_touched(tmp_path: Path) -> None:
    strange = result(caption="[\n  1,\n  2\n]", meta={"list": ["[1", "2]"], "numbers": [1, None, -2.5e-7]})
    write_json([strange], tmp_path / "one.json")
    assert json.loads((tmp_path / "one.json").read_text(encoding="utf-8")) == strange.model_dump(mode="json")


def test_many_records_are_one_a_line_in_order(tmp_path: Path) -> None:
    assert write_json([result("b"), failure(), result("a")], tmp_path / "all.jsonl") == {"record": "all.jsonl"}
    lines = (tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["b", "broken", "a"]


def test_many_records_in_a_folder_are_lines_too(tmp_path: Path) -> None:
    assert write_json([result("a"), result("b")], tmp_path) == {"record": "results.jsonl"}


def test_many_records_do_not_fit_a_json_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"\.jsonl"):
        write_json([result("a"), result("b")], tmp_path / "all.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_number_that_is_none_is_written_as_null(tmp_path: Path, value: float) -> None:
    spoilt = on_map(attributes={"area_m2": value, "sides": 4})
    write_json([spoilt], tmp_path / "x.json")
    write_geojson([spoilt], tmp_path / "x.geojson")
    record = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert record["regions"][0]["attributes"] == {"area_m2": None, "sides": 4}
    (feature,) = json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"]
    assert "area_m2" not in feature["properties"]


@pytest.mark.parametrize("value", [object(), np.zeros(3)])
def test_what_json_cannot_hold_is_refused_by_pair(tmp_path: Path, value: object) -> None:
    spoilt = on_map(attributes={"area_m2": value})
    with pytest.raises(ExportError, match="pair 'village' cannot be written as JSON"):
        write_json([spoilt], tmp_path)
    with pytest.raises(ExportError, match="pair 'village' cannot be written as JSON"):
        write_geojson([spoilt], tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- geojson ---


def test_regions_become_features_with_their_facts(tmp_path: Path) -> None:
    facts = {"area_m2": 424.0, "sides": [1, 2]}
    assert write_geojson([on_map(attributes=facts)], tmp_path) == {"geojson": "changes.geojson"}
    collection = json.loads((tmp_path / "changes.geojson").read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    (feature,) = collection["features"]
    assert feature["properties"] == {
        "id": 1,
        "kind": "added",
        "label": "building",
        "score": 0.75,
        "caption": "A building was added.",
        "area_px": 1200,
        "area_m2": 424.0,
    }


def test_outer_rings_run_counter_clockwise(tmp_path: Path) -> None:
    write_geojson([on_map()], tmp_path / "x.geojson")
    (feature,) = json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"]
    written = shapely.geometry.shape(feature["geometry"])
    assert not shapely.is_ccw(ON_MAP.exterior)
    assert shapely.is_ccw(written.exterior)
    assert written.equals(ON_MAP)


def test_features_of_several_results_name_theirs(tmp_path: Path) -> None:
    write_geojson([on_map("a"), on_map("b")], tmp_path / "x.geojson")
    features = json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"]
    assert [feature["properties"]["result"] for feature in features] == ["a", "b"]
    assert [feature["id"] for feature in features] == ["a/1", "b/1"]


def test_an_unchanged_scene_is_an_empty_collection(tmp_path: Path) -> None:
    write_geojson([result(georef=GEOREF, regions=())], tmp_path / "x.geojson")
    assert json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"] == []


def test_without_a_georeference_there_is_no_map(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"'b' has no georeference.*write \.json"):
        write_geojson([on_map("a"), result("b")], tmp_path / "x.geojson")
    assert list(tmp_path.iterdir()) == []


# --- png ---


def read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def test_a_folder_gets_score_mask_and_overlay(tmp_path: Path) -> None:
    files = write_png([result()], tmp_path)
    assert files == {"score": "score.png", "mask": "mask.png", "overlay": "overlay.png"}
    score, mask = read(tmp_path / "score.png"), read(tmp_path / "mask.png")
    assert score.dtype == mask.dtype == np.uint8
    assert score[20, 30] == 191  # 0.75 of 255
    assert score[0, 0] == 0
    assert np.array_equal(mask, result().mask)
    assert read(tmp_path / "overlay.png").shape == (HEIGHT, WIDTH, 3)


def test_a_png_file_is_the_overlay(tmp_path: Path) -> None:
    assert write_png([result()], tmp_path / "deep" / "seen.PNG") == {"overlay": "seen.PNG"}
    assert write_overlay([result()], tmp_path) == {"overlay": "overlay.png"}
    assert (tmp_path / "overlay.png").read_bytes() == (tmp_path / "deep" / "seen.PNG").read_bytes()


def test_colours_survive_the_file(tmp_path: Path) -> None:
    red = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    red[0] = 250
    write_png([result(regions=(), pair=ImagePair(before=frame(), after=frame(pixels=red)))], tmp_path / "x.png")
    assert read(tmp_path / "x.png")[0, 0].tolist() == [250, 0, 0]


@pytest.mark.parametrize("write", [write_png, write_overlay, write_previews, write_map_previews])
def test_a_result_read_from_json_has_no_pictures(tmp_path: Path, write: Callable[..., Any]) -> None:
    parsed = ChangeResult.model_validate_json(result().model_dump_json())
    with pytest.raises(ExportError, match=r"pair 'village'.*compare the pair again"):
        write([parsed], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_png, write_overlay, write_previews, write_map_previews])
@pytest.mark.parametrize("count", [0, 2])
def test_pictures_are_of_one_result(tmp_path: Path, write: Callable[..., Any], count: int) -> None:
    with pytest.raises(ExportError, match=f"one result at a time, got {count}"):
        write([result()] * count, tmp_path)


# --- previews ---


def test_previews_show_both_images_as_read(tmp_path: Path) -> None:
    files = write_previews([result()], tmp_path)
    assert files == {"preview_before": "preview_before.png", "preview_after": "preview_after.png"}
    assert read(tmp_path / "preview_before.png").shape == (80, 100, 3)
    assert read(tmp_path / "preview_after.png").shape == (HEIGHT, WIDTH, 3)


def test_a_before_image_that_lies_elsewhere_is_shown_on_the_after_grid_too(tmp_path: Path) -> None:
    moved = Registration(matrix=np.array([[1, 0, 3], [0, 1, 0], [0, 0, 1]], float))
    pair = ImagePair(before=frame(), after=frame(), before_on_after=frame(), registration=moved)
    files = write_previews([result(pair=pair)], tmp_path)
    assert files["preview_before_aligned"] == "preview_before_aligned.png"
    still = replace(pair, registration=Registration(matrix=np.array([[1, 0, 0.2], [0, 1, 0], [0, 0, 1]])))
    assert write_previews([result(pair=still)], tmp_path).keys() == {"preview_before", "preview_after"}


def test_maps_are_previewed_as_large_as_their_image_and_lose_no_small_place(tmp_path: Path) -> None:
    score = np.zeros((100, 5000), np.float32)
    score[50, 4001] = 1.0
    change = ChangeMap(score=score, valid=np.ones(score.shape, bool))
    mask = np.where(score > 0, 255, 0).astype(np.uint8)
    files = write_map_previews([result(change=change, mask=mask)], tmp_path)
    assert files == {"preview_mask": "preview_mask.png", "preview_score": "preview_score.png"}
    for name in files.values():
        assert read(tmp_path / name).shape[:2] == (41, 2048)
        assert read(tmp_path / name).max() == 255


def test_a_preview_that_png_cannot_make_small_is_a_jpeg(tmp_path: Path) -> None:
    noise = frame(pixels=np.random.default_rng(0).integers(0, 256, (3, 1000, 1000), dtype=np.uint8))
    files = write_previews([result(pair=ImagePair(before=frame(), after=noise))], tmp_path)
    assert files == {"preview_before": "preview_before.png", "preview_after": "preview_after.jpg"}
    assert (tmp_path / "preview_after.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files.values())


# --- overlays of plugins ---


def test_plugin_overlays_are_files_named_after_them(tmp_path: Path) -> None:
    overlays = [
        Overlay(name="registration", kind="boxes", slice="before", data=[(5, 5, 30, 30)]),
        Overlay(name="residual", kind="scalar", slice="after", data=0.25),
        Overlay(name="Sun angle / étude", kind="text", slice="after", data="south-east"),
    ]
    files = write_plugin_overlays(overlays, result(), tmp_path)
    assert list(files) == ["registration", "residual", "Sun angle / étude"]
    assert files["registration"] == "overlays/registration.png"
    assert read(tmp_path / files["registration"]).shape == (80, 100, 3)
    assert (tmp_path / files["residual"]).read_text(encoding="utf-8") == "0.25\n"
    assert (tmp_path / files["Sun angle / étude"]).read_text(encoding="utf-8") == "south-east\n"
    assert (tmp_path / files["Sun angle / étude"]).parent == tmp_path / "overlays"


@pytest.mark.parametrize("name", ["../escape", "..", ".hidden", "a/b", "con\x00", "x" * 300, ""])
def test_no_overlay_leaves_its_folder(tmp_path: Path, name: str) -> None:
    files = write_plugin_overlays([Overlay(name=name, kind="scalar", slice="after", data=1)], result(), tmp_path)
    assert [path.parent for path in tmp_path.rglob("*.txt")] == [tmp_path / "overlays"]
    assert (tmp_path / files[name]).is_file()


def test_names_that_look_alike_get_files_of_their_own(tmp_path: Path) -> None:
    overlays = [
        Overlay(name=name, kind="scalar", slice="after", data=1) for name in ("Heat map", "heat map", "heat-map")
    ]
    files = write_plugin_overlays(overlays, result(), tmp_path)
    assert len({path.lower() for path in files.values()}) == 3


def test_two_overlays_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = [Overlay(name="heat", kind="scalar", slice="after", data=n) for n in (1, 2)]
    with pytest.raises(ExportError, match="two overlays named 'heat'"):
        write_plugin_overlays(twice, result(), tmp_path)


# --- targets and files ---


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_json, "x.yaml"), (write_geojson, "x.shp"), (write_png, "x.jpg"), (write_overlay, "x.gif")],
)
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path, write: Callable[..., Any], name: str) -> None:
    with pytest.raises(ExportError, match=r"writes \.\w+ .*not '\.\w+'"):
        write([on_map()], tmp_path / name)


def test_an_existing_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "run.2026"
    folder.mkdir()
    assert write_json([result()], folder) == {"record": "result.json"}
    assert (folder / "result.json").is_file()


@pytest.mark.parametrize("write", [write_json, write_geojson, write_png, write_overlay, write_previews])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, write: Callable[..., Any]) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match=r"cannot be written: .*choose another place, or make room"):
        write([on_map()], tmp_path / "file" / "out")


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_file(tmp_path / "x.txt", b"old")
    write_file(tmp_path / "x.txt", b"new")
    assert (tmp_path / "x.txt").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    write_file(tmp_path / "x.txt", b"old")
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(ExportError, match=r"x\.txt: cannot be written: No space left on device"):
        write_file(tmp_path / "x.txt", b"new")
    assert (tmp_path / "x.txt").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]
