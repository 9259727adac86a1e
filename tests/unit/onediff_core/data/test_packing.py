"""Pairs packed in Parquet, read back here and by Hugging Face `datasets`."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from onediff_core.data import PairFolder, conversion, sources
from onediff_core.data.commands import data
from onediff_core.data.folder import write_images
from onediff_core.data.listing import classes_of, holds_pairs
from onediff_core.data.synthetic import scene
from onediff_plugins.errors import PairError, PairsFileError
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_core.data import Sample

SPLITS = ("train", "train", "val", "test")


def assert_same(one: Sample, other: Sample) -> None:
    np.testing.assert_array_equal(one.before, other.before)
    np.testing.assert_array_equal(one.after, other.after)
    assert list(one.masks) == list(other.masks)
    for name in one.masks:
        np.testing.assert_array_equal(one.masks[name], other.masks[name])
    assert (one.ignore is None) == (other.ignore is None)
    if one.ignore is not None and other.ignore is not None:
        np.testing.assert_array_equal(one.ignore, other.ignore)
    for name in ("id", "regions", "captions", "changed", "task", "split", "domain", "source", "licence", "group"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.gsd_m == other.gsd_m


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of drawn pairs of three splits; one of them has pixels that are ignored."""
    folder = tmp_path / "own"
    drawn = [scene(name)(4, index, 64) for index in range(10) for name in ("camera", "satellite")]
    drawn[0] = replace(drawn[0], ignore=np.eye(64, dtype=bool))
    rows = [
        write_images(folder, replace(sample, split=SPLITS[number % 4], group=f"place {number}", task="caption"))
        for number, sample in enumerate(drawn)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@pytest.fixture
def packed(own: Path, tmp_path: Path) -> Path:
    out = tmp_path / "packed"
    conversion.convert(conversion.Job(source=sources.source("pairs"), root=own), out)
    return out


def by_id(folder: Path) -> dict[str, Sample]:
    return {sample.id: sample for sample in PairFolder(folder)}


def test_what_is_packed_is_read_back_exactly(own: Path, packed: Path) -> None:
    before, after = by_id(own), by_id(packed)
    assert before.keys() == after.keys()
    assert len(before) == 20
    for name, sample in before.items():
        assert_same(sample, after[name])


def test_a_real_list_whose_masks_have_several_grey_values_is_packed_as_it_is_read(
    data_set: Callable[[str], Path], tmp_path: Path
) -> None:
    real = data_set("cdnet_highway")
    settings = {"mask_class": "object", "values": [255], "ignored": [85, 170]}
    conversion.convert(conversion.Job(source=sources.source("pairs"), root=real, settings=settings), tmp_path / "out")
    listed = PairFolder(real, mask_class="object", still=(50,), ignored=(85, 170))
    read = PairFolder(tmp_path / "out")
    assert len(read) == len(listed) == 154
    for number in range(0, 154, 19):
        assert_same(listed[number], read[number])


def test_what_is_unpacked_is_read_back_exactly(own: Path, packed: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(data, ["unpack", str(packed), "--out", str(tmp_path / "again")], catch_exceptions=False)
    assert result.stdout.strip() == str(tmp_path / "again/pairs.jsonl")
    assert (tmp_path / "again/before/camera-4-0.png").read_bytes() == (own / "before/camera-4-0.png").read_bytes()
    for name, sample in by_id(own).items():
        assert_same(sample, by_id(tmp_path / "again")[name])


def test_datasets_loads_a_packed_folder_with_its_splits_and_pictures(
    packed: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(packed), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 10, "val": 5, "test": 5}
    sample, row = by_id(own)["camera-4-0"], loaded["train"][0]
    assert row["id"] == "camera-4-0"
    np.testing.assert_array_equal(np.asarray(row["after"]), sample.after)
    np.testing.assert_array_equal(np.asarray(row["masks"][0]["image"]) > 0, sample.masks[row["masks"][0]["class"]])
    assert row["captions"] == list(sample.captions)
    assert np.asarray(row["ignore"]).astype(bool).trace() == 64


def test_datasets_streams_a_packed_folder(packed: Path, own: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    files = {"test": str(packed / "test-*.parquet")}
    stream = datasets.load_dataset("parquet", data_files=files, streaming=True, cache_dir=str(tmp_path / "cache"))
    rows = list(stream["test"])
    assert [row["split"] for row in rows] == ["test"] * 5
    for row in rows:
        np.testing.assert_array_equal(np.asarray(row["before"]), by_id(own)[row["id"]].before)


def test_rows_know_classes_labels_and_splits_without_pictures(packed: Path) -> None:
    pairs = PairFolder(packed)
    assert holds_pairs(packed)
    assert "building+" in classes_of(pairs.rows, "change")
    assert {"person", "building"} & set(pairs.labels())
    assert {row["split"] for row in pairs.rows} == {"train", "val", "test"}
    assert [sample.split for sample in PairFolder(packed, split="val")[:]] == ["val"] * 5
    assert len(PairFolder(packed / "train-00000-of-00001.parquet")) == 10


def test_packed_pairs_go_to_other_processes(packed: Path) -> None:
    here = PairFolder(packed, split="val")
    there = pickle.loads(pickle.dumps(here))
    assert_same(here[2], there[2])


def test_pairs_without_a_split_are_of_every_split(own: Path) -> None:
    rows = [json.loads(line) for line in (own / "pairs.jsonl").read_text("utf-8").splitlines()]
    del rows[0]["split"]
    (own / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert len(PairFolder(own, split="test")) == 6


def test_shards_are_as_large_as_asked(own: Path, tmp_path: Path) -> None:
    job = conversion.Job(source=sources.source("pairs"), root=own, splits=("train",))
    conversion.convert(job, tmp_path / "out", shard_bytes=1)
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == ["train-00000-of-00001.parquet"]
    many = tmp_path / "many"
    for number in range(4):
        row = {
            "id": str(number),
            "before": str(own / "before/camera-4-0.png"),
            "after": str(own / "after/camera-4-0.png"),
        }
        with (tmp_path / "list.jsonl").open("a") as stream:
            stream.writelines(json.dumps({**row, "id": f"{number}-{turn}"}) + "\n" for turn in range(32))
    conversion.convert(
        conversion.Job(source=sources.source("pairs"), root=tmp_path / "list.jsonl"), many, shard_bytes=1
    )
    names = sorted(path.name for path in many.glob("*.parquet"))
    assert names == [f"pairs-{number:05d}-of-00004.parquet" for number in range(4)]
    assert len(PairFolder(many)) == 128


def test_a_damaged_shard_is_left_out_and_named(packed: Path, caplog: pytest.LogCaptureFixture) -> None:
    (packed / "val-00000-of-00001.parquet").write_bytes(b"PAR1 and then nothing")
    pairs = PairFolder(packed)
    assert len(pairs) == 15
    assert len(pairs.left_out) == 1
    assert "val-00000-of-00001.parquet cannot be read" in pairs.left_out[0]
    assert "val-00000-of-00001.parquet cannot be read" in caplog.text
    result = CliRunner().invoke(data, ["validate", str(packed)], catch_exceptions=False)
    assert result.exit_code == 1
    assert "left out: 1, a shard of Parquet cannot be read" in result.stdout
    assert f"    {packed / 'val-00000-of-00001.parquet'}: " in result.stdout


def test_a_folder_of_damaged_shards_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"nothing")
    with pytest.raises(PairsFileError, match=r"no shard can be read: .*train-00000-of-00001\.parquet"):
        PairFolder(tmp_path)


def test_damage_within_a_shard_costs_its_rows_alone(packed: Path) -> None:
    path = packed / "test-00000-of-00001.parquet"
    held = bytearray(path.read_bytes())
    held[200:2000] = bytes(1800)
    path.write_bytes(held)
    with pytest.raises(PairError, match=r"test-00000-of-00001\.parquet.*cannot be read"):
        PairFolder(path)[0]
    assert len(PairFolder(packed, split="train")[:]) == 10


def test_a_folder_of_the_hub_keeps_its_shards_in_data(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    packed.rename(tmp_path / "hub/data")
    assert len(PairFolder(tmp_path / "hub")) == 20


def test_a_list_in_parquet_is_not_taken_for_a_shard(tmp_path: Path, draw) -> None:
    draw("a.png")
    pq.write_table(pa.Table.from_pylist([{"before": "a.png", "after": "a.png"}]), tmp_path / "list.parquet")
    assert PairFolder(tmp_path / "list.parquet")[0].after.shape == (8, 12, 3)
    with pytest.raises(PairsFileError, match="holds no pictures: a list of paths is named itself"):
        PairFolder(tmp_path)


def test_a_parquet_of_the_hub_with_less_in_it_is_read(own: Path, tmp_path: Path) -> None:
    picture = {"bytes": (own / "before/camera-4-0.png").read_bytes(), "path": None}
    mask = {"bytes": (own / "masks/object+/camera-4-0.png").read_bytes(), "path": "m.png"}
    pq.write_table(pa.Table.from_pylist([{"before": picture, "after": picture, "mask": mask}]), tmp_path / "a.parquet")
    pairs = PairFolder(tmp_path / "a.parquet", mask_class="thing")
    assert (pairs[0].id, list(pairs[0].masks), classes_of(pairs.rows, "thing")) == ("000001", ["thing"], ["thing"])


def test_a_picture_that_is_a_path_in_parquet_is_refused(tmp_path: Path) -> None:
    picture = {"bytes": None, "path": "/elsewhere/a.png"}
    table = pa.Table.from_pylist([{"before": picture, "after": picture}])
    types = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(table.cast(pa.schema([("before", types), ("after", types)])), tmp_path / "a.parquet")
    with pytest.raises(PairError, match=r"a picture is a path there \(/elsewhere/a\.png\), not embedded"):
        PairFolder(tmp_path / "a.parquet")[0]


def test_a_batch_of_packed_pairs_is_told_to_unpack_them(packed: Path) -> None:
    with pytest.raises(PairsFileError, match="holds pictures where a list has paths: `onediff data unpack`"):
        read_pairs(packed / "val-00000-of-00001.parquet")


def test_a_before_image_of_another_size_is_fitted_where_that_is_asked_for(tmp_path: Path, draw) -> None:
    draw("b.png", 7, size=(24, 16))
    draw("a.png", 9)
    (tmp_path / "pairs.jsonl").write_text('{"before": "b.png", "after": "a.png"}\n')
    with pytest.raises(PairError, match="before must be"):
        PairFolder(tmp_path)[0]
    assert PairFolder(tmp_path, fit=True)[0].before.shape == (8, 12, 3)
