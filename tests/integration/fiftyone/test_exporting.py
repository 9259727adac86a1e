"""What was accepted, read back with the libraries that others read it with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import shapely
import shapely.geometry

from onediff_fiftyone.accepted import accepted_pairs, polygon_of
from onediff_fiftyone.deciding import decide
from onediff_fiftyone.exporting import export_accepted
from onediff_fiftyone.history import CAPTIONED, RELABELLED, REVIEWED, Decision
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path


def sample_of(dataset: Any, domain: str) -> Any:
    return dataset[dataset.select_group_slices("after").match({"domain": domain}).first().id]


@pytest.fixture
def decided(dataset: Any) -> Any:
    """The satellite pair accepted but for one region, which was rejected; one relabelled; of the page one region."""
    village, page = sample_of(dataset, "satellite"), sample_of(dataset, "ui")
    one, two, *_ = (str(region.id) for region in village["changes"].detections)
    decide(dataset, [village.id], Decision(action=REVIEWED, value="accepted"))
    decide(dataset, [village.id], Decision(action=REVIEWED, value="rejected", regions=(one,)))
    decide(dataset, [village.id], Decision(action=RELABELLED, value="greenhouse", regions=(two,)))
    decide(dataset, [village.id], Decision(action=CAPTIONED, value="A greenhouse was built."))
    region = str(page["changes"].detections[0].id)
    decide(dataset, [page.id], Decision(action=REVIEWED, value="accepted", regions=(region,)))
    return dataset


def record_of(run: Path, domain: str) -> dict[str, Any]:
    lines = (run / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return next(record for line in lines if (record := json.loads(line))["domain"] == domain)


def test_geojson_holds_the_accepted_regions_where_the_record_has_them(
    decided: Any, demo_run: Path, tmp_path: Path
) -> None:
    done = export_accepted(accepted_pairs(decided), "GeoJSON", tmp_path / "x.geojson")
    record = record_of(demo_run, "satellite")
    kept = {region["id"]: region for region in record["regions"] if region["id"] != 1}
    features = json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"]
    assert {feature["properties"]["number"] for feature in features} == set(kept)
    assert (done.pairs, done.regions, done.left_out) == (1, len(kept), 1)
    for feature in features:
        expected = shapely.geometry.shape(kept[feature["properties"]["number"]]["map_polygon"])
        found = shapely.geometry.shape(feature["geometry"])
        assert found.is_valid
        assert shapely.area(found & expected) / shapely.area(found | expected) > 0.98
    assert {feature["properties"]["label"] for feature in features} >= {"greenhouse"}
    assert {feature["properties"]["pair_caption"] for feature in features} == {"A greenhouse was built."}


def test_geoparquet_says_what_it_holds_in_its_own_words(decided: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    export_accepted(accepted_pairs(decided), "GeoParquet", tmp_path / "x.parquet")
    export_accepted(accepted_pairs(decided), "GeoJSON", tmp_path / "x.geojson")
    table = pq.read_table(tmp_path / "x.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"], column["encoding"]) == ("1.1.0", "geometry", "WKB")
    geometries = shapely.from_wkb(table["geometry"].to_pylist())
    assert column["geometry_types"] == sorted({geometry.geom_type for geometry in geometries})
    assert column["bbox"] == pytest.approx(shapely.total_bounds(geometries), abs=1e-7)
    features = json.loads((tmp_path / "x.geojson").read_text(encoding="utf-8"))["features"]
    assert table["number"].to_pylist() == [feature["properties"]["number"] for feature in features]
    for geometry, feature in zip(geometries, features, strict=True):
        assert shapely.equals_exact(geometry, shapely.geometry.shape(feature["geometry"]), 1e-9)


def test_coco_holds_accepted_pairs_and_boxes_in_pixels(decided: Any, demo_run: Path, tmp_path: Path) -> None:
    export_accepted(accepted_pairs(decided), "COCO", tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    records = {record_of(demo_run, domain)["id"]: record_of(demo_run, domain) for domain in ("ui", "satellite")}
    assert {image["pair"] for image in found["images"]} == set(records)
    names = {category["id"]: category["name"] for category in found["categories"]}
    images = {image["id"]: image for image in found["images"]}
    for one in found["annotations"]:
        record = records[images[one["image_id"]]["pair"]]
        region = next(region for region in record["regions"] if region["id"] == one["attributes"]["number"])
        polygon = shapely.geometry.shape(region["polygon"])
        x0, y0, x1, y1 = polygon.bounds
        assert one["bbox"] == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=0.05)
        assert one["area"] == pytest.approx(polygon.area, rel=0.01)
        assert names[one["category_id"]] in (region["label"], region["kind"], "greenhouse")


def test_a_region_that_somebody_drew_is_accepted(fo: Any, dataset: Any, tmp_path: Path) -> None:
    sample = sample_of(dataset, "surveillance")
    sample["changes"].detections.append(fo.Detection(label="crate", bounding_box=[0.25, 0.5, 0.125, 0.25]))
    sample.save()
    export_accepted(accepted_pairs(dataset), "COCO", tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    (one,), (image,) = found["annotations"], found["images"]
    width, height = image["width"], image["height"]
    assert one["bbox"] == pytest.approx([width / 4, height / 2, width / 8, height / 4], abs=0.01)


def test_holes_of_an_outline_stay_holes() -> None:
    outer, inner = [(0, 0), (4, 0), (4, 4), (0, 4)], [(1, 1), (3, 1), (3, 3), (1, 3)]
    apart = [(5, 5), (6, 5), (6, 6), (5, 6)]
    assert polygon_of([inner, outer, apart]).area == 16 - 4 + 1


@pytest.mark.parametrize(
    ("format_", "name", "what"),
    [
        ("GeoJSON", "x.json", "end in .geojson"),
        ("Shapefile", "x.shp", "choose one of GeoJSON, GeoParquet, COCO"),
        ("COCO", "none/x.json", "is no folder"),
        ("COCO", "x.json", "nothing was accepted"),
        ("GeoParquet", "x.parquet", "nothing was accepted"),
    ],
)
def test_what_cannot_be_exported_says_why_and_writes_nothing(
    dataset: Any, tmp_path: Path, format_: str, name: str, what: str
) -> None:
    with pytest.raises(ExportError, match=what):
        export_accepted(accepted_pairs(dataset), format_, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_pairs_without_a_georeference_have_no_place_on_the_map(dataset: Any, tmp_path: Path) -> None:
    decide(dataset, [sample_of(dataset, "ui").id], Decision(action=REVIEWED, value="accepted"))
    with pytest.raises(ExportError, match="none of the 1 accepted pairs has a georeference"):
        export_accepted(accepted_pairs(dataset), "GeoJSON", tmp_path / "x.geojson")


def test_without_pyarrow_the_message_says_what_to_install(
    decided: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onediff_plugins.errors import MissingDependencyError

    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"onediff-fiftyone\[parquet\]"):
        export_accepted(accepted_pairs(decided), "GeoParquet", tmp_path / "x.parquet")
