"""Many pairs from the command line: records in order, failures that stay alone, folders that are whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("toy")


def named_files(files: dict[str, Any]) -> list[str]:
    return [name for value in files.values() for name in (named_files(value) if isinstance(value, dict) else [value])]


def add_row(pairs: Path, **row: object) -> None:
    with pairs.open("a") as stream:
        stream.write(f"{json.dumps(row)}\n")


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_two_workers_and_one_process_give_the_same_results(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    listed = pairs(5)
    add_row(listed, id="gone", before="images/1-before.png", after="images/gone.png")
    one = onediff("batch", listed, "--out", tmp_path / "one", "--workers", "2")
    two = onediff("batch", listed, "--out", tmp_path / "two", "--executor", "inline")
    assert (one.code, two.code) == (2, 2)
    assert results(tmp_path / "one") == results(tmp_path / "two")


def test_a_batch_writes_valid_records_in_input_order_and_the_files_that_they_name(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    tmp_path: Path,
) -> None:
    listed, out = pairs(4), tmp_path / "out"
    add_row(listed, before="images/1-before.png", after="images/1-after.png", domain="toy")
    ran = onediff("batch", listed, "--out", out, "--executor", "inline")
    assert ran.code == 0
    assert ran.out == f"{out / 'results.jsonl'}\n"
    assert "5 pairs: 4 changed, 1 not changed, 0 undecided, 0 failed, 0 done before" in ran.err
    assert "5/5" in ran.err

    records = results(out)
    assert [record["id"] for record in records] == ["pair 1", "pair 2", "pair 3", "pair 4", "000005"]
    assert [record["changed"] for record in records] == [True, True, False, True, True]
    assert [record.get("meta") for record in records] == [{"number": n} for n in (1, 2, 3, 4)] + [None]
    assert {region["label"] for record in records for region in record["regions"]} == {"toy"}
    folders = list((out / "pairs").iterdir())
    assert len(folders) == 5
    own = [json.loads((folder / "result.json").read_text()) for folder in folders]
    for record in [*records, *own]:
        # results.jsonl is read without timings here; the schema asks for them
        assert schema_errors({"timings_ms": {}, **record}) == []
    for record in records:
        assert len(named_files(record["files"])) == 6
        assert all((out / name).is_file() for name in named_files(record["files"]))
        assert record["files"]["overlays"]["toy"].startswith("pairs/")
    assert everything(out) & {"results.jsonl", "index.html", "run.json", "pairs"} == {p.name for p in out.iterdir()}


def test_a_pair_that_fails_is_a_record_and_a_line_and_the_others_go_on(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    tmp_path: Path,
) -> None:
    listed, out = pairs(1), tmp_path / "out"
    (tmp_path / "images" / "text.png").write_text("no picture")
    add_row(listed, id="text", before="images/text.png", after="images/1-after.png", place="[bold]Lyon")
    add_row(listed, id="elsewhere", before="images/1-before.png", after="images/1-after.png", domain="tox")
    add_row(listed, id="good", before="images/1-before.png", after="images/1-after.png")
    ran = onediff("batch", listed, "--out", out, "--executor", "inline")
    assert ran.code == 2
    assert ran.out == f"{out / 'results.jsonl'}\n"
    assert "4 pairs: 2 changed, 0 not changed, 0 undecided, 2 failed" in ran.err
    assert "onediff: pair 'text': " in ran.err
    assert "onediff: pair 'elsewhere': unknown domain 'tox'. Did you mean 'toy'?" in ran.err

    first, text, elsewhere, good = results(out)
    assert (first["changed"], good["changed"]) == (True, True)
    assert text["error"]["type"] == "UnsupportedSourceError"
    assert text["error"]["stage"] == "load"
    assert "text.png" in text["error"]["message"]
    assert text["meta"] == {"place": "[bold]Lyon"}
    assert elsewhere["error"]["type"] == "UnknownNameError"
    assert elsewhere["domain"] == "tox"
    assert schema_errors(text) == schema_errors(elsewhere) == []
    assert {path.name for path in (out / "pairs").iterdir()} == {"good", first["files"]["score"].split("/")[1]}


def test_a_worker_that_dies_costs_only_its_pair(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TOY_DIE", "pair 2")
    ran = onediff("batch", pairs(3), "--out", tmp_path / "out", "--workers", "1")
    assert ran.code == 2
    records = results(tmp_path / "out")
    assert [record.get("changed") for record in records] == [True, None, False]
    assert records[1]["error"]["type"] == "WorkerDiedError"
    assert schema_errors(records[1]) == []
    assert len(list((tmp_path / "out" / "pairs").iterdir())) == 2


def test_ids_that_are_no_names_of_folders_stay_inside_the_batch(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    listed, out = pairs(1), tmp_path / "batch" / "out"
    ids = ["../x", "..", ".", "CON", "変化", "x" * 200, "Scene", "scene", ".unfinished-0123456789ab"]
    for id_ in ids:
        add_row(listed, id=id_, before="images/1-before.png", after="images/1-after.png")
    assert onediff("batch", listed, "--out", out, "--executor", "inline").code == 0
    assert [record["id"] for record in results(out)] == ["pair 1", *ids]
    folders = list((out / "pairs").iterdir())
    assert len({folder.name.lower() for folder in folders}) == 10
    assert {json.loads((folder / "result.json").read_text())["id"] for folder in folders} == {"pair 1", *ids}
    assert [path.name for path in (tmp_path / "batch").iterdir()] == ["out"]
    assert onediff("batch", listed, "--out", out, "--executor", "inline", "--resume").err.endswith(
        f"10 done before\nlook at {out / 'index.html'}\n"
    )


def test_two_folders_are_a_batch(
    picture: Callable[..., str],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    picture("before/home.png")
    picture("after/home.png", (4, 4))
    picture("before/removed.png")
    ran = onediff("batch", tmp_path / "before", tmp_path / "after", "--out", tmp_path / "out", "--executor", "inline")
    assert ran.code == 2
    home, removed = results(tmp_path / "out")
    assert (home["id"], home["changed"]) == ("home.png", True)
    assert removed["id"] == "removed.png"
    assert str(tmp_path / "after" / "removed.png") in removed["error"]["message"]


def test_an_undecided_pair_is_no_failure(
    picture: Callable[..., str],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    tmp_path: Path,
) -> None:
    Image.new("RGBA", (30, 20)).save(tmp_path / "clear.png")
    (tmp_path / "pairs.csv").write_text(f"before,after\nclear.png,{picture('a.png', size=(20, 30))}\n")
    ran = onediff("batch", tmp_path / "pairs.csv", "--out", tmp_path / "out", "--executor", "inline")
    assert ran.code == 0
    assert "1 undecided" in ran.err
    (record,) = results(tmp_path / "out")
    assert record["changed"] is None
    assert "can be compared" in record["reason"]
    assert schema_errors({"timings_ms": {}, **record}) == []


def test_duplicate_ids_end_the_batch_before_any_work(
    pairs: Callable[[int], Path], onediff: Callable[..., Any], tmp_path: Path
) -> None:
    listed = pairs(2)
    add_row(listed, id="pair 1", before="images/1-before.png", after="images/1-after.png")
    assert "'pair 1'" in onediff("batch", listed, "--out", tmp_path / "out").error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--domain", "tot"), "unknown domain 'tot'. Did you mean 'toy'? Installed: toy."),
        (("--domain", "satellite"), "`pip install onediff-satellite` brings 'satellite'."),
        (("--detector", "toy-detektor"), "unknown detector 'toy-detektor'. Did you mean 'toy-detector'?"),
        (("--captioner", "toy-word"), "unknown captioner 'toy-word'. Did you mean 'toy-words'?"),
        (("--captioner", "toy-detector"), "'toy-detector' is no captioner: its roles are detect"),
        (("--head", "toy.marks"), "unknown head 'toy.marks'. Did you mean 'toy.mark'?"),
        (("--detector", "difference", "--head", "toy.mark"), "detector 'difference' takes no heads"),
        (("--executor", "locale"), "unknown executor 'locale'. Did you mean 'local'?"),
        (("--set", "treshold=0.4"), "unknown setting 'treshold' (from arguments). Did you mean 'threshold'?"),
        (("--set", "toy.grian=2"), "unknown setting 'toy.grian' (from arguments). Did you mean 'grain'?"),
        (("--set", "tog.grain=2"), "'tog' in 'tog.grain' is no installed domain (from arguments). Did you mean 'toy'?"),
        (("--set", "threshold=high"), "toy.threshold = 'high' (from arguments)"),
        (("--set", "threshold"), "--set 'threshold' is not KEY=VALUE, such as --set threshold=0.4"),
    ],
)
def test_what_would_fail_every_pair_ends_the_batch_before_any_work(
    pairs: Callable[[int], Path], onediff: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in onediff("batch", pairs(1), "--out", tmp_path / "out", *arguments).error
    assert not (tmp_path / "out").exists()


def test_a_batch_without_any_domain_ends_before_any_work(
    pairs: Callable[[int], Path], onediff: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "")
    assert "no domain is installed: pip install" in onediff("batch", pairs(1), "--out", tmp_path / "out").error
    assert not (tmp_path / "out").exists()


def test_a_folder_below_a_file_cannot_be_written(
    pairs: Callable[[int], Path], onediff: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    error = onediff("batch", pairs(1), "--out", tmp_path / "file" / "out").error
    assert f"{tmp_path / 'file' / 'out'} cannot be written: Not a directory. Choose another --out." in error
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["results.jsonl", "run.json", "index.html"])
@pytest.mark.parametrize("resume", [False, True])
def test_files_of_others_are_not_overwritten(
    pairs: Callable[[int], Path], onediff: Callable[..., Any], tmp_path: Path, name: str, resume: bool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"mine": true}\n')
    ran = onediff("batch", pairs(1), "--out", out, *(["--resume"] if resume else []))
    assert str(out) in ran.error
    assert everything(out) == {name}
    assert (out / name).read_text() == '{"mine": true}\n'


def test_a_pair_folder_of_others_is_left_alone_and_the_pair_fails(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    listed, out = pairs(1), tmp_path / "out"
    add_row(listed, id="mine", before="images/1-before.png", after="images/1-after.png")
    (out / "pairs" / "mine").mkdir(parents=True)
    (out / "pairs" / "mine" / "letter.txt").write_text("mine")
    assert onediff("batch", listed, "--out", out, "--executor", "inline").code == 2
    first, mine = results(out)
    assert first["changed"] is True
    assert mine["error"]["type"] == "ExportError"
    assert everything(out / "pairs" / "mine") == {"letter.txt"}


def test_georeferenced_pairs_write_rasters_and_a_map(
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("onediff_satellite.plugin")
    import rasterio

    ground = np.random.default_rng(2).integers(90, 110, (3, 80, 100), dtype=np.uint8)
    built = ground.copy()
    built[:, 30:60, 20:50] = 240
    grid = {"crs": "EPSG:32631", "transform": rasterio.Affine(2, 0, 500_000, 0, -2, 5_000_000)}
    for name, pixels in (("before.tif", ground), ("after.tif", built)):
        with rasterio.open(
            tmp_path / name, "w", driver="GTiff", count=3, height=80, width=100, dtype="uint8", **grid
        ) as file:
            file.write(pixels)
    (tmp_path / "pairs.csv").write_text("before,after\nbefore.tif,after.tif\n")
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "toy,satellite")
    arguments = ("--domain", "satellite", "--executor", "inline")
    ran = onediff("batch", tmp_path / "pairs.csv", "--out", tmp_path / "out", *arguments)
    assert ran.code == 0
    (record,) = results(tmp_path / "out")
    assert schema_errors({"timings_ms": {}, **record}) == []
    assert record["changed"] is True
    assert record["georef"]["crs"] == "EPSG:32631"
    assert record["regions"][0]["map_polygon"]["type"].endswith("Polygon")
    assert {"score", "mask", "preview_before", "preview_after", "geojson"} <= record["files"].keys()
    assert all((tmp_path / "out" / name).is_file() for name in named_files(record["files"]))
    with rasterio.open(tmp_path / "out" / record["files"]["mask"]) as mask:
        assert (mask.width, mask.height, mask.crs.to_string()) == (100, 80, "EPSG:32631")
        assert mask.transform == grid["transform"]


def test_a_real_set_runs_from_its_own_list_without_a_failure(
    data_set: Callable[[str], Path],
    onediff: Callable[..., Any],
    results: Callable[[Path], list[dict[str, Any]]],
    schema_errors: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pytest.importorskip("onediff_ui.plugin")
    listed = data_set("fx_reg_cli") / "pairs.jsonl"
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "toy,ui")
    ran = onediff("batch", listed, "--out", tmp_path / "out", "--executor", "inline")
    assert ran.code == 0
    rows = [json.loads(line) for line in listed.read_text(encoding="utf-8").splitlines()]
    records = results(tmp_path / "out")
    assert [record["id"] for record in records] == [row["id"] for row in rows]
    assert [record["meta"]["expected"] for record in records] == [row["expected"] for row in rows]
    assert all(schema_errors({"timings_ms": {}, **record}) == [] for record in records)
