"""A head's folder: what is written, what is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from onediff_core.heads import ChangeMaskHead, CheckpointError, PairHead, RegionHead, fingerprint

BASE, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HEADS = {"mask": ChangeMaskHead, "region": RegionHead, "pair": PairHead}


@pytest.fixture
def folder(config, tmp_path):
    ChangeMaskHead(config("mask", kinds={"building": "added"})).save_pretrained(
        tmp_path / "head", base_fingerprint=BASE
    )
    return tmp_path / "head"


def load(folder, base=BASE):
    return ChangeMaskHead.from_pretrained(folder, base_fingerprint=base)


@pytest.mark.parametrize("task", HEADS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_head_is_the_same_after_saving(config, tmp_path, task, dtype):
    head = HEADS[task](config(task)).to(dtype)
    head.save_pretrained(tmp_path, base_fingerprint=BASE)
    loaded = HEADS[task].from_pretrained(tmp_path, base_fingerprint=BASE)
    assert loaded.config == head.config
    assert fingerprint(loaded) == fingerprint(head)
    assert not loaded.training
    assert all(value.dtype == dtype and value.requires_grad for value in loaded.parameters())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_a_calibration_is_saved_with_its_head(config, tmp_path):
    head = PairHead(config("pair"))
    head.calibration.set(0, temperature=1.7, bias=-0.2)
    head.save_pretrained(tmp_path, base_fingerprint=BASE)
    logits = torch.randn(5)
    torch.testing.assert_close(
        PairHead.from_pretrained(tmp_path, base_fingerprint=BASE).score(logits), head.score(logits)
    )


def test_saving_again_replaces_both_files_and_leaves_others_alone(config, folder):
    (folder / "MODEL_CARD.md").write_text("by hand")
    head = ChangeMaskHead(config("mask", width=4))
    head.save_pretrained(folder, base_fingerprint=OTHER)
    assert fingerprint(load(folder, OTHER)) == fingerprint(head)
    assert sorted(file.name for file in folder.iterdir()) == ["MODEL_CARD.md", "config.json", "model.safetensors"]


def test_a_head_of_another_base_is_refused_with_both_fingerprints(folder):
    with pytest.raises(CheckpointError, match=f"trained on the base {BASE}, this base is {OTHER}"):
        load(folder, OTHER)


def test_missing_and_extra_keys_are_named(folder):
    state = load_file(folder / "model.safetensors")
    state["surplus"] = state.pop("classify.bias")
    save_file(state, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing keys \['classify.bias'\], extra keys \['surplus'\]"):
        load(folder)


def test_weights_of_another_shape_are_named(folder):
    state = load_file(folder / "model.safetensors")
    state["classify.bias"] = torch.zeros(3)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"classify.bias is \(3,\), expected \(8,\)"):
        load(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl"])
def test_a_pickle_is_refused(folder, name):
    torch.save(load_file(folder / "model.safetensors"), folder / name)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=f"holds {name} and no safetensors: a pickled checkpoint can run code"):
        load(folder)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_under_the_name_of_safetensors_is_refused(folder, zipped):
    torch.save({"a": torch.zeros(1)}, folder / "model.safetensors", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="a pickle under another name"):
        load(folder)


def test_damaged_and_missing_files_are_refused(folder, tmp_path):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged or not safetensors"):
        load(folder)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors"):
        load(folder)
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: "{", "cannot be read as JSON"),
        (lambda record: "[]", "holds a list, not an object"),
        (lambda record: json.dumps({**record, "format": "onediff-head/2"}), "format 'onediff-head/2'"),
        (lambda record: json.dumps({**record, "depth": 1}), r"unknown keys \['depth'\]"),
        (lambda record: json.dumps({**record, "width": "wide"}), r"config\.json: "),
        (lambda record: json.dumps({**record, "task": "region"}), "is for the task 'mask'"),
    ],
)
def test_a_configuration_that_is_not_one_is_refused(folder, change, message):
    path = folder / "config.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(CheckpointError, match=message):
        load(folder)


@pytest.mark.parametrize("task", HEADS)
def test_a_head_can_be_copied_for_a_moving_average(config, task):
    head = HEADS[task](config(task, kinds={config(task).classes[0]: "added"}))
    average = torch.optim.swa_utils.AveragedModel(head)
    assert average.module.config == head.config
    assert fingerprint(average.module) == fingerprint(head)


def test_a_fingerprint_sees_values_names_shapes_and_dtypes(config):
    head = PairHead(config("pair"))
    first = fingerprint(head)
    assert first == fingerprint(head)
    assert first.startswith("sha256:")
    assert fingerprint(torch.nn.Linear(2, 3)) != fingerprint(torch.nn.Linear(3, 2))
    with torch.no_grad():
        head.query[0, 0, 0] += 1e-3
    second = fingerprint(head)
    assert second != first
    assert fingerprint(head.bfloat16()) not in (first, second)


def test_a_fingerprint_does_not_depend_on_the_layout_in_memory():
    layer = torch.nn.Conv2d(3, 4, 3)
    first = fingerprint(layer)
    assert fingerprint(layer.to(memory_format=torch.channels_last)) == first


def test_a_fingerprint_needs_values():
    with pytest.raises(ValueError, match="bias is on the meta device"):
        fingerprint(torch.nn.Linear(2, 2, device="meta"))
