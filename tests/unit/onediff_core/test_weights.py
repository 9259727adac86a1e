"""Weights on disk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from onediff_core.errors import CheckpointError
from onediff_core.weights import fingerprint, read_safetensors, refuse_pickles, some

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fingerprint_of_a_state_dict_is_that_of_its_module() -> None:
    layer = torch.nn.Linear(2, 3)
    assert fingerprint(layer.state_dict()) == fingerprint(layer)


@pytest.mark.parametrize("start", [b"PK", b"\x80\x02"])
def test_safetensors_that_happen_to_begin_as_a_pickle_does_are_read(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "model.safetensors"
    header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    header = header.ljust(int.from_bytes(start, "little"))  # its length is what the file begins with
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x07")
    assert path.read_bytes().startswith(start)
    refuse_pickles(tmp_path)
    assert read_safetensors(path)["a"].tolist() == [7]


def test_pickles_beside_safetensors_are_left_alone(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    torch.save({}, tmp_path / "optimizer.pt")
    refuse_pickles(tmp_path)


def test_a_folder_of_pickles_is_refused_and_they_are_named(tmp_path: Path) -> None:
    for index in range(7):
        torch.save({}, tmp_path / f"part{index}.bin")
    with pytest.raises(CheckpointError, match=r"part0\.bin, .*part4\.bin and 2 more and no safetensors.*Convert it"):
        refuse_pickles(tmp_path)


def test_what_is_no_folder_is_nobody_s_pickle(tmp_path: Path) -> None:
    refuse_pickles(tmp_path / "openai" / "clip")


def test_a_file_that_is_missing_or_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError, match=rf"{re.escape(str(tmp_path))} holds no model\.safetensors"):
        read_safetensors(path)
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"is damaged or not safetensors .*: copy or download it again"):
        read_safetensors(path)


def test_of_many_names_the_first_five_are_said() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"
