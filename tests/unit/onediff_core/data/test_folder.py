"""Pairs in a folder."""

from __future__ import annotations

import gc
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from onediff_core.data import PairFolder, Sample
from onediff_core.data.folder import write_images
from onediff_core.data.synthetic import scene
from onediff_plugins.errors import PairError, PairsFileError

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = ("domain", "source", "licence", "group", "id", "gsd_m", "changed", "captions", "regions")


def listed(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def assert_same(one: Sample, other: Sample) -> None:
    np.testing.assert_array_equal(one.before, other.before)
    np.testing.assert_array_equal(one.after, other.after)
    assert one.masks.keys() == other.masks.keys()
    for name in one.masks:
        np.testing.assert_array_equal(one.masks[name], other.masks[name])
    assert (one.ignore is None) == (other.ignore is None)
    if one.ignore is not None and other.ignore is not None:
        np.testing.assert_array_equal(one.ignore, other.ignore)
    assert [getattr(one, word) for word in WORDS] == [getattr(other, word) for word in WORDS]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name, value in (("a", 10), ("b", 20)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((4, 6, 3), value, np.uint8))
    return tmp_path


def test_pictures_that_were_read_are_closed(tmp_path: Path) -> None:
    page = Image.fromarray(np.full((4, 6, 3), 9, np.uint8))
    for name in ("a", "b"):  # of several pages, such as a GeoTIFF with overviews: Pillow keeps those open
        page.save(tmp_path / f"{name}.tif", save_all=True, append_images=[page])
    pairs = PairFolder(listed(tmp_path, {"before": "a.tif", "after": "b.tif"}))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert (pairs[0].before == 9).all()
        gc.collect()
    assert [str(warning.message) for warning in told] == []


@pytest.mark.parametrize("name", ["camera", "edited", "objects", "satellite", "ui-drawn"])
def test_what_is_written_is_read_back_exactly(tmp_path: Path, name: str) -> None:
    samples = [scene(name)(4, index, 64) for index in range(12)]
    folder = listed(tmp_path, *(write_images(tmp_path, sample) for sample in samples))
    read = PairFolder(folder)
    assert len(read) == 12
    for sample, again in zip(samples, read, strict=True):
        assert_same(sample, again)


def test_what_is_not_known_stays_unknown_and_ignored_pixels_are_kept(tmp_path: Path) -> None:
    ignore = np.eye(8, dtype=bool)
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    sample = Sample(before=image, after=image[::-1].copy(), ignore=ignore, id="x")
    assert_same(PairFolder(listed(tmp_path, write_images(tmp_path, sample)))[0], sample)


def test_the_simple_form_is_read_with_its_mask_under_a_given_class(pictures: Path) -> None:
    cv2.imwrite(str(pictures / "mask.png"), np.array([[0, 255, 170, 85, 50, 1]] * 4, np.uint8))
    row = {"id": "7", "before": "a.png", "after": "b.png", "mask": "mask.png", "caption": "A car.", "group": "g"}
    read = PairFolder(listed(pictures, row), mask_class="object", still=(50,), ignored=(170, 85))
    sample = read[0]
    assert sample.masks["object"][0].tolist() == [False, True, False, False, False, True]
    assert sample.ignore is not None
    assert sample.ignore[0].tolist() == [False, False, True, True, False, False]
    assert (sample.captions, sample.group, sample.changed, sample.regions) == (("A car.",), "g", None, None)
    assert sample.after[0, 0].tolist() == [20, 20, 20]


@pytest.mark.parametrize("name", ["levir_val", "dsifn_val", "cdnet_highway", "vcod"])
def test_real_sets_are_read(data_set: Callable[[str], Path], name: str) -> None:
    pairs = PairFolder(data_set(name), mask_class="object", still=(50,), ignored=(85, 170))
    shares = [sample.masks["object"].mean() for sample in pairs[:: len(pairs) // 8]]
    assert 0 < np.mean(shares) < 0.5


def test_regions_of_other_makers_are_left_out(pictures: Path) -> None:
    row = {"id": 1, "before": "a.png", "after": "b.png", "regions": [{"bbox_xywh": [1, 2, 3, 4]}]}
    assert PairFolder(listed(pictures, row))[0].regions is None


def test_a_folder_is_named_from_where_one_stands(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(pictures / "m.png"), np.full((4, 6), 255, np.uint8))
    listed(pictures, {"before": "a.png", "after": "b.png", "mask": "m.png"})
    monkeypatch.chdir(pictures.parent)
    assert PairFolder(Path(pictures.name))[0].masks["change"].all()


def test_a_split_is_known_by_each_of_its_names(pictures: Path) -> None:
    named = ("train", "valid", "Validation", "dev", "test", "")
    rows = [{"id": name or "none", "before": "a.png", "after": "b.png", "split": name} for name in named]
    path = listed(pictures, *rows)
    for split in ("val", "dev"):
        found = [(sample.id, sample.split) for sample in PairFolder(path, split=split)]
        assert found == [("valid", "val"), ("Validation", "val"), ("dev", "val"), ("none", "")]


def test_a_slice_is_a_list(pictures: Path) -> None:
    rows = [{"id": str(number), "before": "a.png", "after": "b.png"} for number in range(3)]
    assert [sample.id for sample in PairFolder(listed(pictures, *rows))[1:]] == ["1", "2"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "7", "before": "a.png"}, r"line 1: no value for after"),
        ({"id": "7", "before": "a.png", "after": "c.png"}, r"c\.png cannot be read"),
        ({"id": "7", "before": "a.png", "after": "large.png"}, r"pair '7': .* before must be"),
    ],
)
def test_a_line_that_cannot_be_used_says_which_and_why(pictures: Path, row: dict[str, Any], message: str) -> None:
    cv2.imwrite(str(pictures / "large.png"), np.zeros((8, 6, 3), np.uint8))
    with pytest.raises((PairError, PairsFileError), match=message):
        PairFolder(listed(pictures, row))[0]


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsFileError, match=r"holds no pairs: a folder of pairs has a pairs\.jsonl"):
        PairFolder(tmp_path)


def test_an_id_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match=r"'\.\./x' cannot be a file name"):
        write_images(tmp_path, Sample(before=image, after=image, id="../x"))
