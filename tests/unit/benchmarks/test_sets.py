from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from evaluation.ours import jittered
from evaluation.sequences import history, read_set
from evaluation.sets import (
    GROUPS,
    HELD_OUT,
    TUNING,
    Pair,
    expected_verdict,
    find_sets,
    halves,
    layout_truth,
    mask_truth,
    read_rows,
)
from onediff_core.evaluation.regions import Box


@pytest.fixture
def data(tmp_path):
    for name in ("recolour", "fx_one", "fx_two", "levir_train"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_group_is_never_in_both_halves():
    rows = [{"id": str(n), "group": f"scene {n % 5}"} for n in range(20)]
    found = {(row["group"], half) for row, half in zip(rows, halves(rows), strict=True)}
    assert sorted(found) == [
        ("scene 0", TUNING),
        ("scene 1", HELD_OUT),
        ("scene 2", TUNING),
        ("scene 3", HELD_OUT),
        ("scene 4", TUNING),
    ]


def test_rows_without_a_group_are_split_by_their_id_whatever_their_order():
    assert halves([{"id": "b"}, {"id": "c"}, {"id": "a"}]) == [HELD_OUT, TUNING, TUNING]


def test_a_name_a_pattern_and_a_table_find_sets(data):
    assert list(find_sets(["recolour"], data)) == ["recolour"]
    assert list(find_sets(["fx_*"], data)) == ["fx_one", "fx_two"]
    assert list(find_sets(["ui_verdicts"], data)) == ["fx_one", "fx_two"]


def test_sets_for_training_are_scored_only_when_they_are_named(data):
    assert list(find_sets([], data)) == ["recolour", "fx_one", "fx_two"]
    assert list(find_sets(["levir_train"], data)) == ["levir_train"]


def test_an_unknown_set_names_those_there_are(data):
    with pytest.raises(SystemExit, match=r"no set 'recolor'.*recolour"):
        find_sets(["recolor"], data)


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("intel_clips", {"changed": False}, False),
        ("fx_x", {"expected": "differ (size)"}, True),
        ("fx_x", {"expected": "match (ignoreCaret)"}, False),
        ("fx_x", {"expected": "see test"}, None),
        ("fx_pixelmatch", {"expected_diff_pixels": 0}, False),
        ("fx_pixelmatch", {"expected_diff_pixels": 3}, True),
        ("mined_x", {}, True),
        ("noise_x", {}, False),
        ("xr_x", {}, False),
        ("naip", {}, None),
    ],
)
def test_the_expected_verdict_is_what_the_row_or_the_set_says(name, row, expected):
    assert expected_verdict(name, row) is expected


def test_shadow_is_still_and_unknown_is_not_scored(tmp_path):
    values = np.repeat(np.array([[0, 50, 85, 170, 255]], np.uint8), 20, axis=0).repeat(4, axis=1)
    cv2.imwrite(str(tmp_path / "gt.png"), values)
    truth = mask_truth(tmp_path / "gt.png", cdnet=True)
    assert truth.mask[0].tolist() == [False] * 16 + [True] * 4
    assert truth.scored[0].tolist() == [True] * 8 + [False] * 8 + [True] * 4
    assert truth.boxes == (Box(16, 0, 20, 20),)
    assert truth.changed


def test_in_other_masks_every_value_but_zero_is_changed(tmp_path):
    cv2.imwrite(str(tmp_path / "mask.png"), np.array([[0, 1, 255]], np.uint8))
    truth = mask_truth(tmp_path / "mask.png")
    assert truth.mask.tolist() == [[False, True, True]]
    assert truth.scored is None


def test_what_is_gone_has_its_box_in_the_before_image():
    row = {
        "id": "insert_local",
        "expected": "differ",
        "regions_before": [["icon", 10, 20, 5, 6], ["text", 1, 2, 3, 4]],
        "regions_after": [["icon", 30, 40, 0, 0], ["text", 1, 9, 3, 4]],
    }
    truth = layout_truth(row)
    assert truth.boxes == (Box(10, 20, 15, 26, "before"), Box(1, 9, 4, 13))
    assert truth.moved


def test_the_moved_camera_moves_the_same_way_each_time(tmp_path):
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[28:32, 38:42] = 255
    cv2.imwrite(str(tmp_path / "before.png"), picture)
    first, other = (Pair(id=id_, set="s", before=tmp_path / "before.png", after=tmp_path / "x.png") for id_ in "ab")
    once, again = (cv2.imread(str(jittered(first, tmp_path).before)) for _ in range(2))
    assert np.array_equal(once, again)
    moments = cv2.moments(once[..., 0])
    moved = np.hypot(moments["m10"] / moments["m00"] - 39.5, moments["m01"] / moments["m00"] - 29.5)
    assert 0.01 < moved <= 6.1
    assert not np.array_equal(once, cv2.imread(str(jittered(other, tmp_path).before)))


# --- the real sets ---


def test_every_set_is_in_a_table_or_has_no_pairs(data_set):
    folders = [path.name for path in data_set("levir_val").parent.iterdir() if path.is_dir()]
    assert [name for name in folders if not any(group.holds(name) for group in GROUPS)] == ["captions_text"]


def test_levir_val_is_split_by_scene(data_set):
    pairs = read_rows("levir_val", data_set("levir_val").parent)
    tuning, held = (
        [pair.row.get("group", pair.id) for pair in pairs if pair.part == part] for part in (TUNING, HELD_OUT)
    )
    assert (len(tuning), len(held)) == (188, 166)
    assert set(tuning).isdisjoint(held)


@pytest.mark.parametrize(
    ("name", "count"),
    [("modis", 11), ("wallflower_wavingtrees", 21), ("pets2001_ds3_cam1", 17), ("bgslibrary_traffic", 62)],
)
def test_pairs_are_made_of_sequences(data_set, tmp_path, name, count):
    pairs = read_set(name, tmp_path, data_set(name).parent)
    assert len({pair.id for pair in pairs}) == len(pairs) == count
    assert all(path.is_file() for pair in pairs for path in (pair.before, pair.after))


@pytest.mark.parametrize("name", ["cdnet_highway", "wallflower_wavingtrees"])
def test_pairs_come_in_the_order_of_frames_that_there_are(data_set, tmp_path, name):
    folder = data_set(name)
    numbers = [pair.frame for pair in read_set(name, tmp_path, folder.parent)]
    assert numbers == sorted(numbers)
    assert set(numbers) <= history(name, folder.parent).keys()


def test_a_row_keeps_what_else_its_line_says(data):
    line = {"id": "a", "domain": "ui", "before": "b.png", "after": "a.png", "expected": "match"}
    (data / "fx_one/pairs.jsonl").write_text(json.dumps(line), encoding="utf-8")
    (pair,) = read_rows("fx_one", data)
    assert pair.before == data / "fx_one/b.png"
    assert pair.truth.changed is False
