"""Stills that a camera should not have given: each ends in a clear error, or in a record that says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def still(tmp_path: Path) -> Callable[..., str]:
    """Write a JPEG of a view with texture; `light` and `thing` change it, `orientation` is its EXIF tag."""
    rng = np.random.default_rng(0)
    grain = cv2.GaussianBlur(rng.normal(size=(240, 320, 3)), (0, 0), 1.5)
    scene = 120 + 25 * grain / grain.std()

    def write(name: str, pixels: np.ndarray | None = None, *, orientation: int = 1, thing: bool = False) -> str:
        seen = scene.copy() if pixels is None else pixels
        if thing:
            seen[100:160, 200:250] = (235, 150, 60)
        exif = Image.Exif()
        exif[0x0112] = orientation
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(tmp_path / name, quality=92, exif=exif)
        return str(tmp_path / name)

    return write


@pytest.fixture
def compare(onediff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """The record that `compare --json --out` prints, checked to have a report beside it."""
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "surveillance")

    def run(before: str, after: str, *arguments: str) -> dict:
        ran = onediff(
            "compare", before, after, "--domain", "surveillance", "--json", "--out", str(tmp_path / "out"), *arguments
        )
        assert ran.code == 0, ran.err
        record = json.loads(ran.out)
        assert (tmp_path / "out" / record["files"]["report"]).is_file()
        return record

    return run


def test_a_still_that_exif_turns_is_turned_before_it_is_compared(still, compare) -> None:
    upright = still("upright.jpg")
    lying = np.rot90(np.array(Image.open(upright))).copy()
    record = compare(upright, still("lying.jpg", lying, orientation=6))
    assert (record["changed"], record["regions"]) == (False, [])


def test_a_still_that_lies_on_its_side_without_saying_so_is_refused(still, onediff, monkeypatch) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "surveillance")
    upright = still("upright.jpg")
    lying = np.rot90(np.array(Image.open(upright))).copy()
    ran = onediff("compare", upright, still("lying.jpg", lying), "--domain", "surveillance")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "320 x 240 px" in ran.err
    assert "240 x 320 px" in ran.err
    assert "EXIF orientation" in ran.err


@pytest.mark.parametrize(("level", "word"), [(0, "black"), (255, "white"), (77, "of one tone")])
def test_a_picture_of_nothing_is_undecided_and_says_why(still, compare, level, word) -> None:
    record = compare(still("a.jpg"), still("b.jpg", np.full((240, 320, 3), float(level))))
    assert record["changed"] is None
    assert f"is {word}: a covered lens, no light or no signal" in record["reason"]
    assert record["regions"] == []


def test_a_camera_that_froze_shows_no_noise(still, compare, tmp_path: Path) -> None:
    frozen = still("a.jpg")
    record = compare(frozen, frozen)
    assert record["changed"] is False
    assert (tmp_path / "out" / record["files"]["overlays"]["noise-levels"]).read_text().strip() == "0.0"


def test_colour_against_infrared_finds_the_thing(still, compare) -> None:
    before = still("a.jpg")
    after = np.array(Image.open(still("b.jpg", thing=True)).convert("L").convert("RGB")).astype(float)
    record = compare(before, still("ir.jpg", after))
    assert record["changed"] is True
    (region,) = record["regions"]
    assert region["bbox_after"] == pytest.approx([200, 100, 250, 160], abs=6)


def test_names_with_quotes_and_spaces_and_a_caption_are_no_trouble(still, compare, tmp_path: Path) -> None:
    record = compare(still('it\'s a "yard" & <b>co/cam 1.jpg'), still("after #2 50%.jpg", thing=True))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert record["changed"] is True
    assert "<b>co" not in page


def test_a_batch_goes_on_past_stills_that_cannot_be_compared(still, onediff, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "surveillance")
    good, other = still("good.jpg"), still("thing.jpg", thing=True)
    small = still("small.jpg", np.full((100, 100, 3), 50.0))
    rows = [("same", good, good), ("sizes", good, small), ("thing", good, other)]
    lines = "".join(f"{name},{before},{after}\n" for name, before, after in rows)
    (tmp_path / "pairs.csv").write_text(f"id,before,after\n{lines}")
    ran = onediff("batch", str(tmp_path / "pairs.csv"), "--domain", "surveillance", "--out", str(tmp_path / "run"))
    assert ran.code == 2
    records = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text().splitlines()]
    assert [record.get("changed", "failed") for record in records] == [False, "failed", True]
    assert records[1]["error"]["type"] == "RegistrationError"
    assert (tmp_path / "run" / "index.html").is_file()
