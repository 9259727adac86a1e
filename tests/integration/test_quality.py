"""`benchmarks/quality.py` as it is called."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

PLACES = "".join(f"<!-- quality: {n} -->\n<!-- end of {n} -->\n" for n in ("overview", "recolour"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set of one pair: a page with a button that turns red; and a second pair whose file is missing."""
    folder = tmp_path / "data/recolour"
    folder.mkdir(parents=True)
    page = np.full((200, 300, 3), 240, np.uint8)
    page[40:80, 50:150] = (200, 120, 30)
    cv2.imwrite(str(folder / "before.png"), page)
    page[40:80, 50:150] = (30, 30, 200)
    cv2.imwrite(str(folder / "after.png"), page)
    row = {"domain": "ui", "before": "before.png", "regions": [{"bbox_xywh": [50, 40, 100, 40]}]}
    lines = [{"id": "red", "after": "after.png", **row}, {"id": "gone", "after": "missing.png", **row}]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder.parent


def quality(repo: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repo / "benchmarks/quality.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_failed_pair_stays_in_the_table_and_in_the_exit_code(repo: Path, data: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = quality(repo, "recolour", "--data", data, "--without-peers", "--json", figures, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert "`python benchmarks/quality.py recolour`" in done.stdout
    assert "0.667 (1 of 2, 1 found)" in done.stdout
    assert "Failed: ui-blocks on recolour/gone" in done.stdout
    assert str(data) not in done.stdout
    table = json.loads(figures.read_text(encoding="utf-8"))["tables"][0]
    assert [(pair["id"], bool(pair["error"])) for pair in table["pairs"] if pair["method"] == "ui-blocks"] == [
        ("red", False),
        ("gone", True),
    ]
    assert (tmp_path / "out/recolour/red/result.json").is_file()


def test_a_page_is_written_from_whole_runs_only(repo: Path, data: Path, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(PLACES, encoding="utf-8")
    done = quality(repo, "recolour", "--data", data, "--without-peers", "--write", page)
    assert done.returncode == 2
    assert "--write takes whole runs" in done.stderr
    assert page.read_text(encoding="utf-8") == PLACES


def test_a_domain_that_is_not_installed_is_named_before_anything_runs(repo: Path, data: Path) -> None:
    done = quality(repo, "recolour", "--data", data, "--without-peers", "--domain", "infrared")
    assert done.returncode == 2
    assert "infrared" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_of_several_sets_is_written_whole(repo: Path, data: Path, tmp_path: Path) -> None:
    for name in ("fx_one", "fx_two"):
        (data / name).mkdir()
    done = quality(repo, "fx_one", "--data", data, "--write", tmp_path / "results.md")
    assert done.returncode == 1
    assert "the table ui_verdicts needs all its sets" in done.stderr
