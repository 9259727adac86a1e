"""The report of one pair as a file."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from onediff_plugins import ChangeResult, Host
from onediff_plugins.demo import pairs_file
from onediff_plugins.errors import ExportError
from onediff_plugins.output import write_pair
from onediff_plugins.pairs import read_pairs
from onediff_plugins.report import write_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Any]


def data_of(path: Path) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(text)


def pixels(picture: dict[str, str]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["data"]))).convert("RGB"))


def test_a_folder_gets_report_html_and_a_file_its_own_name(make_result: Make, tmp_path: Path) -> None:
    assert write_html([make_result()], tmp_path / "new") == {"report": "report.html"}
    assert write_html([make_result()], tmp_path / "x.HTML") == {"report": "x.HTML"}
    assert (tmp_path / "new" / "report.html").read_bytes() == (tmp_path / "x.HTML").read_bytes()


def test_the_host_knows_the_exporter_by_name_and_by_suffix() -> None:
    host = Host(entry_points=False)
    assert host.exporter("html") is host.exporter(".html")


def test_it_holds_both_images_the_score_and_every_region(make_result: Make, tmp_path: Path) -> None:
    result = make_result(7)
    write_html([result], tmp_path)
    data = data_of(tmp_path / "report.html")
    assert np.array_equal(pixels(data["pictures"]["before"]), result.pair.before.hwc)
    assert np.array_equal(pixels(data["pictures"]["after"]), result.pair.after.hwc)
    assert data["pictures"]["aligned"] is None  # it is the before image
    assert data["pictures"]["score"]["type"] == "image/png"
    assert [(r["id"], r["kind"], r["caption"]) for r in data["regions"]] == [
        (r.id, r.kind, r.caption) for r in result.regions
    ]
    assert data["grids"] == {"before": {"width": 400, "height": 300}, "after": {"width": 400, "height": 300}}


def test_the_same_result_is_the_same_file_whatever_it_took(make_result: Make, tmp_path: Path) -> None:
    write_html([make_result(timings_ms={"load": 1.0})], tmp_path / "a.html")
    write_html([make_result(timings_ms={"load": 99.0})], tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize("entry", list(read_pairs(pairs_file())), ids=lambda entry: entry.id)
def test_the_report_of_a_shipped_pair_is_under_a_megabyte_and_a_half(entry: Any, tmp_path: Path) -> None:
    host = Host()
    result = host.compare(entry.before, entry.after, domain=entry.domain, id=entry.id)
    written = write_pair(host, result, tmp_path / "out")
    path = tmp_path / "out" / written.files["report"]
    assert path.stat().st_size < 1_500_000
    data = data_of(path)
    pictures = {name for name, file in written.files["overlays"].items() if file.endswith(".png")}
    assert {layer["name"] for layer in data["layers"]} == pictures
    assert data["pictures"]["aligned"] is not None


def test_a_photograph_of_a_megapixel_stays_under_a_megabyte_and_a_half(make_result: Make, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    noise = cv2.GaussianBlur(rng.normal(128, 90, (800, 1280, 3)).astype(np.float32), (0, 0), 1.0)
    after = np.moveaxis(noise.clip(0, 255).astype(np.uint8), 2, 0)
    plain = make_result(3, width=1280, height=800)
    frames = [replace(plain.pair.after, pixels=np.roll(after, shift, axis=2)) for shift in (0, 3, 6)]
    pair = replace(plain.pair, before=frames[0], before_on_after=frames[1], after=frames[2])
    write_html([plain.replace(pair=pair)], tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 1_500_000


def test_overlays_of_plugins_are_layers_and_notes_and_what_is_too_large_is_linked(
    make_result: Make, tmp_path: Path
) -> None:
    (tmp_path / "overlays").mkdir()
    small = np.zeros((30, 40, 3), np.uint8)
    large = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "overlays" / "small.png"), small)
    cv2.imwrite(str(tmp_path / "overlays" / "large.png"), large)
    (tmp_path / "overlays" / "note.txt").write_text("0.25 <px>\n")
    names = {"small": "small.png", "large": "large.png", "note": "note.txt", "gone": "gone.png"}
    files = {"overlays": {name: f"overlays/{file}" for name, file in names.items()}}
    write_html([make_result(files=files)], tmp_path)
    (layer,) = data_of(tmp_path / "report.html")["layers"]
    assert (layer["name"], layer["width"], layer["height"]) == ("small", 40, 30)
    page = (tmp_path / "report.html").read_text()
    assert "<dt>note</dt><dd>0.25 &lt;px&gt;</dd>" in page
    assert '<a href="overlays/large.png">overlays/large.png</a>' in page


def test_names_of_files_are_quoted_in_links(make_result: Make, tmp_path: Path) -> None:
    name = """it's a "score" #1 100%.png"""
    write_html([make_result(files={"score": name})], tmp_path)
    (link,) = re.findall(r'<a href="(it[^"]+)">([^<]+)</a>', (tmp_path / "report.html").read_text())
    assert link[0] == "it%27s%20a%20%22score%22%20%231%20100%25.png"
    assert html.unescape(link[1]) == name


def test_a_path_that_is_no_text_does_not_stop_the_report(make_result: Make, tmp_path: Path) -> None:
    plain = make_result()
    write_html([plain.replace(before=plain.before.replace(source="caf\udce9.png"))], tmp_path)
    assert "caf?.png" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_result_read_from_json_has_no_report(make_result: Make, tmp_path: Path) -> None:
    parsed = ChangeResult.model_validate_json(make_result().model_dump_json())
    with pytest.raises(ExportError, match="compare the pair again"):
        write_html([parsed], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, 2])
def test_a_report_is_of_one_result(make_result: Make, tmp_path: Path, count: int) -> None:
    with pytest.raises(ExportError, match=f"one result at a time, got {count}"):
        write_html([make_result()] * count, tmp_path)


def test_another_suffix_is_refused(make_result: Make, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"html writes \.html files, not '\.pdf'"):
        write_html([make_result()], tmp_path / "x.pdf")
