"""`onediff demo`: the shipped pairs through the real domains, and what it says when one is not there."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import cv2

from onediff_core import layout
from onediff_plugins.cli import main
from onediff_plugins.demo import camera, make_pairs, pairs_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_the_demo_compares_the_shipped_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str], schema_errors) -> None:
    main(["demo", "--out", str(tmp_path / "demo")])
    said = capsys.readouterr()
    records = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("demo/*/result.json")}
    shipped = {pair["id"]: pair["domain"] for pair in map(json.loads, pairs_file().read_text().splitlines())}
    assert {name: record["domain"] for name, record in records.items()} == shipped
    assert shipped.keys() == {"orders-page", "village", "yard"}
    for record in records.values():
        assert schema_errors(record) == []
        assert record["changed"] is True
        assert record["caption"] in said.out
    assert [line for line in said.err.splitlines() if "non-commercial research" not in line] == []
    if layout.no_weights() is None:
        assert records["village"]["detector"] == "onediff"
    index = tmp_path / "demo" / "index.html"
    assert said.out.splitlines()[-1] == f"look at {index}, which leads to the reports"
    for name, record in records.items():
        assert (tmp_path / "demo" / name / record["files"]["report"]).is_file()
        assert f'"report":"{name}/report.html"' in index.read_text()


def test_the_page_of_the_demo_says_what_a_person_sees(tmp_path: Path) -> None:
    main(["demo", "--out", str(tmp_path / "demo")])
    record = json.loads((tmp_path / "demo" / "orders-page" / "result.json").read_text())
    kinds = {region["kind"] for region in record["regions"]}
    assert kinds == {"added", "removed", "changed", "moved"}
    # The row that was inserted, in page pixels, as the template of the page has it.
    (row,) = [region["bbox_after"] for region in record["regions"] if region["kind"] == "added"]
    assert row[0] < 265
    assert row[2] > 1225
    assert 360 < row[1] < 380
    assert 400 < row[3] < 420


def test_the_yard_of_the_demo_shows_who_came_and_what_went(tmp_path: Path) -> None:
    main(["demo", "--out", str(tmp_path / "demo")])
    record = json.loads((tmp_path / "demo" / "yard" / "result.json").read_text())
    mask = cv2.imread(str(tmp_path / "demo" / "yard" / "mask.png"), cv2.IMREAD_GRAYSCALE) > 0
    # Drawn coarser than the shipped stills; the truth is the same to a pixel.
    drawn = camera.draw(make_pairs.STILLS_CHANGES, make_pairs.STILLS_NUISANCES, seed=make_pairs.STILLS_SEED, samples=1)
    covered = {change.label: mask[change.mask].mean() for change in drawn.changes}
    assert covered["person"] > 0.5
    assert covered["car"] > 0.8
    assert covered["box"] > 0.5
    assert record["registration"]["method"] == "assumed+similarity"


def test_the_demo_says_which_package_a_skipped_pair_needs_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "ui")
    main(["demo", "--out", str(tmp_path / "demo")])  # returns: nothing failed
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "'village' is skipped" in lines[0]
    assert "pip install onediff-satellite" in lines[0]
    assert "'yard' is skipped" in lines[1]
    assert "pip install onediff-surveillance" in lines[1]
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["index.html", "orders-page"]


def test_a_demo_that_can_compare_nothing_has_failed(
    tmp_path: Path, onediff: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "")
    monkeypatch.setenv("ONEDIFF_DISABLE_PLUGINS", "ui,satellite,surveillance")
    ran = onediff("demo", "--out", str(tmp_path / "demo"))
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 3
    assert not (tmp_path / "demo").exists()


def test_a_broken_domain_fails_the_demo_but_not_the_other_pairs(
    tmp_path: Path, onediff: Callable[..., Any], site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "import a_package_that_nobody_has\n"
    site.install("some-xray", {"xray": "some_xray"}, some_xray=broken)
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "ui,xray")
    page, *_ = pairs_file().read_text().splitlines()
    folder = tmp_path / "shipped"
    shutil.copytree(pairs_file().parent, folder)
    (folder / "pairs.jsonl").write_text(page + "\n" + page.replace("orders-page", "hand").replace('"ui"', '"xray"'))
    monkeypatch.setattr("onediff_plugins.demo.pairs_file", lambda: folder / "pairs.jsonl")
    ran = onediff("demo", "--out", str(tmp_path / "demo"))
    assert ran.code == 2
    assert "a_package_that_nobody_has" in ran.err
    assert (tmp_path / "demo" / "orders-page" / "result.json").is_file()
