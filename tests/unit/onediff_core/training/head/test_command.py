"""`onediff train head` as a user calls it."""

from __future__ import annotations

import json
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from onediff_core import layout
from onediff_core.checkpoint import load_checkpoint
from onediff_core.data.commands import data
from onediff_core.training.commands import train
from onediff_plugins.cli import cli
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def call(*words: Any, small: tuple[str, ...] = ()) -> Result:
    settings = [part for setting in small for part in ("--set", setting)]
    return CliRunner().invoke(train, ["head", *(str(word) for word in words), *settings], catch_exceptions=False)


def rows_of(result: Result) -> dict[str, str]:
    """The table on stdout."""
    pairs = [line.split("  ", 1) for line in result.stdout.splitlines() if "  " in line.strip()]
    return {name.strip(): value.strip() for name, value in pairs}


def compared(result: Result, *more: str) -> dict[str, Any]:
    """The record of the comparison that the last line of the output makes."""
    words = shlex.split(result.stdout.splitlines()[-1])
    assert words[:2] == ["onediff", "compare"]
    done = CliRunner().invoke(cli, [*words[1:], "--json", *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    record: dict[str, Any] = json.loads(done.stdout)
    return record


@pytest.mark.slow
def test_a_mask_head_of_drawn_things_beats_chance_and_runs_in_compare(
    tiny_onediff: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    drawn = tmp_path / "drawn"
    drawing = ["synth", "--scene", "objects", "--count", "24", "--size", "96", "--out", str(drawn)]
    assert CliRunner().invoke(data, drawing).exit_code == 0
    where = ("--base", tiny_onediff, "--out", tmp_path / "head")
    result = call("surveillance.thing", drawn, *where, "--classes", "object+", "--steps", 80, small=small)
    rows = rows_of(result)
    marked = [cv2.imread(str(path), 0).mean() / 255 for path in (drawn / "masks/object+").iterdir()]
    everything = 2 * np.mean(marked) / (1 + np.mean(marked))  # F1 of a head that marks every pixel
    assert float(rows["held out object/f1"]) > 2 * everything
    assert (tmp_path / "head/run/curves.png").is_file()

    record = compared(result)
    assert record["provenance"]["models"]["detect"]["heads"] == ["surveillance.thing"]


def test_packed_pairs_are_learned_from_as_their_files_are(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    own, packed = squares(), tmp_path / "packed"
    assert CliRunner().invoke(data, ["pack", str(own), "--out", str(packed), "--set", "mask_class=box"]).exit_code == 0
    where = ("--base", tiny_onediff, "--classes", "box", "--steps", 2)
    results = [
        call("surveillance.square", pairs, "--out", tmp_path / f"head{turn}", *where, small=small)
        for turn, pairs in enumerate((own, packed))
    ]
    digests = [json.loads((tmp_path / f"head{turn}/run/settings.json").read_text())["pairs"] for turn in (0, 1)]
    assert digests[0] == digests[1]
    assert "onediff compare BEFORE AFTER " in results[1].stdout.splitlines()[-1]


def test_a_folder_of_pictures_is_enough(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    out = tmp_path / "head"
    asked = ("surveillance.square", squares(), "--base", tiny_onediff, "--out", out, "--classes", "box", "--steps", 40)
    result = call(*asked, small=small)
    rows = rows_of(result)
    assert rows["head"] == "surveillance.square (mask: box)"
    assert rows["learned from"].startswith("12 pairs")
    assert rows["held out"].startswith("4 pairs")
    assert float(rows["held out box/f1"]) > 0.4
    assert rows["smallest thing"].startswith("every blob counts: ")
    assert "too few to choose a size on" in rows["smallest thing"]
    base = load_checkpoint(tiny_onediff, heads=[str(out)])
    assert base.heads["surveillance.square"].config.classes == ("box",)

    record = compared(result)
    assert record["detector"] == "onediff"
    assert record["changed"] is True


def test_a_folder_for_each_class_gives_a_head_with_directions_and_the_smallest_thing_may_be_set(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    folder = squares(masks="masks/box+")
    shutil.copytree(folder / "masks/box+", folder / "masks/box-")
    for path in (folder / "masks/box-").iterdir():
        cv2.imwrite(str(path), np.zeros((64, 64), np.uint8))
    cv2.imwrite(str(folder / "masks/box-/01.png"), np.full((64, 64), 255, np.uint8))
    cv2.imwrite(str(folder / "masks/box-/02.png"), np.full((64, 64), 255, np.uint8))
    out = tmp_path / "head"
    where = ("--base", tiny_onediff, "--out", out, "--domain", "surveillance")
    call("any.box", folder, *where, "--steps", 3, small=(*small, "least_px=30"))
    config = json.loads((out / "config.json").read_text())
    assert config["classes"] == ["box+", "box-"]
    assert config["kinds"] == {"box+": "added", "box-": "removed"}
    assert (config["least_m2"], config["assumed_gsd_m"]) == (30.0, 1.0)
    assert json.loads((out / "report.json").read_text())["smallest"] == "30 px: as set"


def test_a_pair_head_looks_at_the_mask_head_beside_the_base(
    tiny_onediff: Path, listed: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    pairs = listed(lambda number, box: {"changed": box is not None}, 24)
    where = ("--base", tiny_onediff, "--out", tmp_path / "head")
    result = call("surveillance.news", pairs, *where, "--task", "pair", "--steps", 40, small=small)
    rows = rows_of(result)
    assert float(rows["held out pair/recall"]) + float(rows["held out pair/tnr"]) > 1.4
    record = compared(result)
    assert record["provenance"]["models"]["detect"]["heads"] == ["any.square", "surveillance.news"]


def test_a_region_head_learns_labels_and_kinds_of_boxes(
    tiny_onediff: Path, listed: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    def boxes(number: int, box: Any) -> dict[str, Any]:
        if box is None:
            return {"boxes": [{"box": [4, 4, 24, 24], "label": "nothing"}]}
        return {"boxes": [{"box": box, "label": "square", "kind": "added"}]}

    pairs = listed(boxes, 24)
    where = ("--base", tiny_onediff, "--out", tmp_path / "head")
    result = call("surveillance.what", pairs, *where, "--task", "region", "--steps", 40, small=small)
    rows = rows_of(result)
    assert rows["head"] == "surveillance.what (region: nothing, square)"
    assert float(rows["held out region/label"]) > 0.7
    assert compared(result)["provenance"]["models"]["detect"]["heads"] == ["any.square", "surveillance.what"]


def test_a_pair_that_cannot_be_used_is_named_counted_and_kept_in_a_list(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    folder, out = squares(), tmp_path / "head"
    cv2.imwrite(str(folder / "before/03.png"), np.zeros((64, 80, 3), np.uint8))
    cv2.imwrite(str(folder / "masks/04.png"), np.zeros((32, 32), np.uint8))
    (folder / "masks/05.png").unlink()
    (folder / "after/06.png").write_bytes(b"no picture")
    result = call("surveillance.square", folder, "--base", tiny_onediff, "--out", out, "--steps", 2, small=small)
    assert rows_of(result)["left out"] == f"4 pairs, with reasons in {out}/run/skipped.jsonl"
    skipped = {
        entry["id"]: entry["reason"] for entry in map(json.loads, (out / "run/skipped.jsonl").read_text().splitlines())
    }
    assert sorted(skipped) == ["03.png", "04.png", "05.png", "06.png"]
    assert "64" in skipped["03.png"]
    assert "80" in skipped["03.png"]
    assert "change must be (64, 64) bool, got (32, 32)" in skipped["04.png"]
    assert "no mask of change: an unchanged pair has an empty one" in skipped["05.png"]
    for name in skipped:
        assert f"pair {name!r} is left out" in result.stderr


def refused(*words: Any, small: tuple[str, ...] = ()) -> str:
    with pytest.raises(OneDiffError) as caught:
        call(*words, small=small)
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "rates=1"), "--set rates: no such setting of a head's training; did you mean 'rate'?"),
        (("--set", "batch=0"), "--set batch: Input should be greater than or equal to 2"),
        (("--set", "batch"), "is not KEY=VALUE"),
        (("--set", "crop=33"), "--set crop=33: crops on this base are multiples of 32 px"),
        (("--set", "evidence=any.square"), "a pair head may look at a mask head beside the base"),
        (("--classes", "pool,house"), "no pair of"),
        (("--task", "region"), "has boxes with labels, which a region head learns from"),
        (("--device", "cuda:9"), "the device 'cuda:9' is not there"),
        (("--domain", "moon"), "unknown domain 'moon'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    tiny_onediff: Path,
    squares: Callable[..., Path],
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    out = tmp_path / "head"
    asked = ("surveillance.square", squares(9), "--base", tiny_onediff, "--out", out, "--steps", 1, *words)
    assert message in refused(*asked)
    assert not out.exists()


def test_a_name_base_folder_or_number_of_pairs_that_is_wrong_is_refused(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out, on = squares(9), tmp_path / "head", ("--base", tiny_onediff)
    monkeypatch.setattr(layout, "SHIPPED", {"research": tmp_path / "none"})
    assert "a head is called <domain>.<what>" in refused("square", folder, *on, "--out", out)
    assert "unknown domain 'moon'" in refused("moon.square", folder, *on, "--out", out)
    assert "holds no pairs" in refused("any.square", tmp_path, *on, "--out", out)
    few = refused("surveillance.square", squares(5, name="few"), *on, "--out", out)
    assert "5 pairs can be used, and a head needs 8 at least" in few
    (folder / "masks").rename(folder / "labels")
    assert "has masks, which a mask head learns from" in refused("surveillance.square", folder, *on, "--out", out)
    assert "do not ship with this onediff-core" in refused("surveillance.square", folder, "--out", out)
    broken = tmp_path / "broken"
    shutil.copytree(tiny_onediff, broken)
    (broken / "model.safetensors").unlink()
    message = refused("surveillance.square", folder, "--base", broken, "--out", out)
    assert "cannot be loaded" in message
    assert not out.exists()


def test_a_class_that_nothing_is_marked_of_is_refused(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path
) -> None:
    folder = squares(masks="masks/box")
    (folder / "masks/pool").mkdir()
    for path in (folder / "masks/box").iterdir():
        cv2.imwrite(str(folder / "masks/pool" / path.name), np.zeros((64, 64), np.uint8))
    message = refused("surveillance.two", folder, "--base", tiny_onediff, "--out", tmp_path / "head")
    assert "nothing of pool is marked in any pair that is learned from" in message


def test_a_folder_of_something_else_or_of_another_run_is_left_alone(
    tiny_onediff: Path, squares: Callable[..., Path], tmp_path: Path, small: tuple[str, ...]
) -> None:
    folder, out = squares(9), tmp_path / "head"
    asked = ("surveillance.square", folder, "--base", tiny_onediff, "--out", out, "--steps", 2)
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert "holds something else than a head that was trained here" in refused(*asked)
    (out / "notes.txt").unlink()
    call(*asked, small=small)
    message = refused(*asked, "--set", "seed=1", small=small)
    assert "is of a run with other seed: name a new folder, or go on as it was" in message
    cv2.imwrite(str(folder / "masks/01.png"), np.zeros((64, 64), np.uint8))
    assert "is of a run with other pairs" in refused(*asked, small=small)


def test_minutes_and_steps_exclude_each_other(tmp_path: Path) -> None:
    result = call("any.x", tmp_path, "--out", tmp_path, "--steps", 1, "--minutes", 1)
    assert result.exit_code == 2
    assert "give --minutes or --steps, not both" in result.output


def test_dense_and_export_are_loaded_when_they_are_called() -> None:
    listed_commands = CliRunner().invoke(train, ["--help"])
    assert "Train the tower and the change masks" in listed_commands.output
    assert "--scene NAME=SHARE" in CliRunner().invoke(train, ["dense", "--help"]).output
    assert "Write the averaged weights of RUN" in CliRunner().invoke(train, ["export", "--help"]).output
