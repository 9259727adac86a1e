"""`onediff demo`: the shipped pairs through the real domains, and what it says when one is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from onediff_plugins.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def test_the_demo_compares_the_shipped_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str], schema_errors) -> None:
    main(["demo", "--out", str(tmp_path / "demo")])
    said = capsys.readouterr()
    records = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("demo/*/result.json")}
    assert {name: record["domain"] for name, record in records.items()} == {"orders-page": "ui", "village": "satellite"}
    for record in records.values():
        assert schema_errors(record) == []
        assert record["changed"] is True
        assert record["caption"] in said.out
    assert said.err == ""
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


def test_the_demo_says_which_domain_is_missing_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "ui")
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--out", str(tmp_path / "demo")])
    assert caught.value.code == 2
    assert "pip install onediff-satellite" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["index.html", "orders-page"]
