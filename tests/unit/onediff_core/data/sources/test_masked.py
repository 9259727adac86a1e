"""Sets with masks: folders A, B and label, and CDnet 2014."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onediff_core.data import PairFolder, conversion, sources
from onediff_core.data.sources.base import SourceError
from onediff_plugins.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CORNER = np.pad(np.full((2, 3), 255), ((0, 6), (0, 9)))


@pytest.mark.parametrize("names", [("A", "B", "label"), ("t1", "t2", "mask"), ("A", "B", "OUT")])
def test_folders_of_splits_are_read(tmp_path: Path, draw, convert, names: tuple[str, str, str]) -> None:
    for split in ("train", "val", "test"):
        for folder, ending in zip(names, ("jpg", "jpg", "png"), strict=True):
            draw(f"levir/{split}/{folder}/x.{ending}", CORNER)
    settings = {"mask_class": "building+", "gsd_m": 0.5, "licence": "academic"}
    convert("a-b-label", tmp_path / "levir", settings=settings)
    samples = {sample.id: sample for sample in PairFolder(tmp_path / "out")}
    assert sorted(samples) == ["test-x", "train-x", "val-x"]
    assert samples["val-x"].masks["building+"].sum() == 6
    assert (samples["val-x"].source, samples["val-x"].gsd_m, samples["val-x"].split) == ("levir", 0.5, "val")


def test_lists_of_names_tell_splits_and_what_they_leave_out_is_noted(tmp_path: Path, draw, read) -> None:
    for folder in ("A", "B", "label"):
        for name in ("a", "b", "c"):
            draw(f"{folder}/{name}.png")
    (tmp_path / "list").mkdir()
    (tmp_path / "list/train.txt").write_text("a.png\n")
    (tmp_path / "list/test.txt").write_text("b.png\n")
    records, summary = read("a-b-label", tmp_path)
    assert [(record.id, record.split) for record in records] == [("a", "train"), ("b", "test")]
    assert summary.notes == {"pairs that no list in list/ names left out": 1}
    (tmp_path / "list/val.txt").write_text("a.png\n")
    with pytest.raises(SourceError, match=r"a\.png is in train, too"):
        read("a-b-label", tmp_path)


def test_groups_by_name_are_checked_for_leaks(tmp_path: Path, draw, convert) -> None:
    for split, name in (("train", "scene1_0"), ("train", "scene2_0"), ("test", "scene1_1")):
        for folder in ("A", "B", "label"):
            draw(f"tiles/{split}/{folder}/{name}.png")
    with pytest.raises(SourceError, match="1 groups stand in test and train"):
        convert("a-b-label", tmp_path / "tiles", settings={"group": r"^(scene\d+)_"})
    summary = convert("a-b-label", tmp_path / "tiles", settings={"group": r"^(scene\d+)_"}, drop_leaks=True)
    assert summary.left_out == {"leaking": ["train-scene1_0"]}


def test_grey_values_can_be_meant_or_ignored(tmp_path: Path, draw, convert) -> None:
    for folder in ("A", "B"):
        draw(f"set/{folder}/x.png")
    grey = np.zeros((8, 12))
    grey[0, :4] = 50, 85, 255, 1
    draw("set/label/x.png", grey)
    convert("a-b-label", tmp_path / "set", settings={"ignored": [85]})
    (sample,) = PairFolder(tmp_path / "out")
    assert sample.masks["change"][0, :5].tolist() == [True, False, True, True, False]
    assert sample.ignore is not None
    assert sample.ignore[0, :3].tolist() == [False, True, False]
    convert("a-b-label", tmp_path / "set", settings={"values": [255]})
    assert PairFolder(tmp_path / "out")[0].masks["change"].sum() == 1


def test_a_mask_that_is_missing_leaves_its_pair_out(tmp_path: Path, draw, convert) -> None:
    for name in ("x", "y"):
        draw(f"set/A/{name}.png")
        draw(f"set/B/{name}.png")
    draw("set/label/x.png")
    assert convert("a-b-label", tmp_path / "set", max_missing=0.5).left_out == {"missing": ["y"]}


def test_folders_that_hold_no_pairs_are_told_what_would(tmp_path: Path, read) -> None:
    with pytest.raises(SourceError, match=r"has no folders A, B and label.*one of A, t1"):
        read("a-b-label", tmp_path)
    with pytest.raises(SettingsError, match=r"group: .*is no regular expression"):
        read("a-b-label", tmp_path, group="(")


@pytest.fixture
def video(tmp_path: Path, draw: Callable[..., Path]) -> Path:
    """Frames 1 to 12, labelled from 5 on; something moves in 7 to 10, which has a shadow and an outline."""
    moving = np.zeros((8, 12))
    moving[2, 2:8] = 255, 255, 170, 50, 85, 0
    for number in range(1, 13):
        draw(f"cdnet/baseline/highway/input/in{number:06d}.jpg", 40 + number)
        draw(f"cdnet/baseline/highway/groundtruth/gt{number:06d}.png", moving if 7 <= number <= 10 else 50)
    (tmp_path / "cdnet/baseline/highway/temporalROI.txt").write_text("5 12")
    return tmp_path / "cdnet"


def test_a_frame_stands_beside_the_last_one_in_which_nothing_moves(video: Path, read) -> None:
    records, _ = read("cdnet-2014", video, every=1)
    before = {record.id[-2:]: record.before.name for record in records}
    assert before == {
        "05": "in000006.jpg",  # the first still frame has none before it
        "06": "in000005.jpg",
        **dict.fromkeys(("07", "08", "09", "10", "11"), "in000006.jpg"),
        "12": "in000011.jpg",
    }
    assert [record.changed for record in records] == [False, False, True, True, True, True, False, False]
    assert {record.group for record in records} == {"baseline/highway"}


def test_a_list_of_frames_says_which_grey_values_are_meant(video: Path) -> None:
    job = conversion.Job(source=sources.source("cdnet-2014"), root=video, settings={"every": 2})
    conversion.convert(job, video / "pairs.jsonl")
    sample = next(sample for sample in PairFolder(video / "pairs.jsonl") if sample.changed)
    assert sample.masks["object"][2, 2:8].tolist() == [True, True, False, False, False, False]
    assert sample.ignore is not None
    assert sample.ignore[2, 2:8].tolist() == [False, False, True, False, True, False]


def test_the_median_of_earlier_frames_can_stand_for_a_still_one(video: Path, tmp_path: Path, convert) -> None:
    for path in (video / "baseline/highway/groundtruth").iterdir():
        path.write_bytes((video / "baseline/highway/groundtruth/gt000007.png").read_bytes())
    with pytest.raises(SourceError, match="holds no pairs"):
        convert("cdnet-2014", video)
    convert("cdnet-2014", video, settings={"before": "median", "every": 4})
    (one, other) = PairFolder(tmp_path / "out")
    assert np.ptp(one.before) == 0
    assert abs(int(one.before[0, 0, 0]) - 42) <= 1  # of frames 1 to 4
    np.testing.assert_array_equal(one.before, other.before)


def test_a_video_that_does_not_say_what_is_labelled_is_refused(video: Path, read) -> None:
    (video / "baseline/highway/temporalROI.txt").write_text("all")
    with pytest.raises(SourceError, match=r"temporalROI\.txt does not say from which frame"):
        read("cdnet-2014", video)
    with pytest.raises(SourceError, match="has no videos"):
        read("cdnet-2014", video / "baseline/highway/input")


def test_real_frames_and_masks_are_read(data_set: Callable[[str], Path], tmp_path: Path) -> None:
    """The frames of a real video, put as the set is published."""
    real = data_set("cdnet_highway")
    video = tmp_path / "baseline" / "highway"
    for folder, part in (("input", "after"), ("groundtruth", "mask")):
        (video / folder).mkdir(parents=True)
        for path in sorted((real / part).iterdir())[:60]:
            (video / folder / path.name).symlink_to(path)
    numbers = [int(path.stem[2:]) for path in (video / "input").iterdir()]
    (video / "temporalROI.txt").write_text(f"{min(numbers)} {max(numbers)}")
    settings = {"every": 1, "before": "median"}
    (video / "input/in000001.jpg").symlink_to(next((real / "input").iterdir()))
    job = conversion.Job(source=sources.source("cdnet-2014"), root=tmp_path, settings=settings)
    summary = conversion.convert(job, tmp_path / "out")
    assert summary.kept == 60
    shares = [sample.masks["object"].mean() for sample in PairFolder(tmp_path / "out")]
    assert 0 < float(np.mean(shares)) < 0.5
