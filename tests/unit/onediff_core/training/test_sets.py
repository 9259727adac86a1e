import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from evaluation.sets import TUNING, halves
from onediff_core.training.sets import (
    TRAINING_SETS,
    VALIDATION_SETS,
    DataError,
    MaskSet,
    data_folder,
    read_set,
    require_sets,
    tuning_half,
)
from onediff_plugins.errors import PairError

ENTRY = MaskSet(name="drawn", mask="building+", empty=("building-",), licence="ours")


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "drawn"
    root.mkdir()
    image = np.zeros((8, 10, 3), np.uint8)
    image[..., 2] = 200  # OpenCV's red
    mask = np.zeros((8, 10), np.uint8)
    cv2.imwrite(str(root / "before.png"), image)
    cv2.imwrite(str(root / "after.png"), image)
    cv2.imwrite(str(root / "none.png"), mask)
    mask[2:4, 3:6] = 255
    cv2.imwrite(str(root / "some.png"), mask)
    rows = [
        {"id": name, "domain": "satellite", "before": "before.png", "after": "after.png", "mask": f"{name}.png"}
        for name in ("none", "some")
    ]
    (root / "pairs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return tmp_path


def test_a_set_is_read_as_samples(folder):
    none, some = read_set(folder, ENTRY)
    assert (some.id, some.domain, some.source, some.licence) == ("some", "satellite", "drawn", "ours")
    assert (some.after[0, 0] == (200, 0, 0)).all()
    assert some.masks["building+"].sum() == 6
    assert not some.masks["building-"].any()
    assert (none.changed, some.changed) == (False, True)


def test_what_is_missing_is_named(folder, monkeypatch):
    with pytest.raises(DataError, match="lacks levir_train, dsifn_train"):
        require_sets(folder, (ENTRY, TRAINING_SETS[0], TRAINING_SETS[3]))
    with pytest.raises(DataError, match="--data or the variable ONEDIFF_DATA"):
        data_folder(None)
    with pytest.raises(DataError, match="is no folder"):
        data_folder(folder / "elsewhere")
    monkeypatch.setenv("ONEDIFF_DATA", str(folder))
    assert data_folder(None) == folder


def test_a_pair_without_a_mask_and_a_file_that_is_gone_are_named(folder):
    (folder / "drawn/after.png").unlink()
    with pytest.raises(PairError, match=r"after\.png cannot be read"):
        read_set(folder, ENTRY)
    (folder / "drawn/pairs.jsonl").write_text('{"id": "bare", "before": "before.png", "after": "before.png"}\n')
    with pytest.raises(DataError, match="pair 'bare' of drawn has no mask"):
        read_set(folder, ENTRY)


def test_of_a_set_that_has_masks_in_part_those_pairs_are_read(folder):
    path = folder / "drawn/pairs.jsonl"
    path.write_text(path.read_text() + '{"id": "bare", "before": "before.png", "after": "after.png"}\n')
    assert [sample.id for sample in read_set(folder, replace(ENTRY, partly=True))] == ["none", "some"]


def test_the_tuning_half_is_that_of_the_benchmarks(tile):
    samples = [replace(tile(1), id=f"p{number}", group=f"g{number * 7 % 5}") for number in range(10)]
    rows = [{"id": sample.id, "group": sample.group} for sample in samples]
    wanted = [row["id"] for row, half in zip(rows, halves(rows), strict=True) if half == TUNING]
    assert [sample.id for sample in tuning_half(samples)] == wanted


def test_no_set_is_both_trained_on_and_scored():
    assert not {entry.name for entry in TRAINING_SETS} & {entry.name for entry in VALIDATION_SETS}
    assert sum(entry.share for entry in TRAINING_SETS) == pytest.approx(1)


@pytest.mark.slow
def test_the_real_sets_are_read(data_set):
    root = data_set("levir_train_half")
    samples = read_set(root.parent, TRAINING_SETS[2])
    assert len(samples) == 67
    assert {sample.after.shape for sample in samples} == {(512, 512, 3)}
    assert 0.02 < np.mean([sample.masks["building+"].mean() for sample in samples]) < 0.4
