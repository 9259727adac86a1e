"""A head's folder: `config.json` and `model.safetensors`, and which base it belongs to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from onediff_core.errors import CheckpointError
from onediff_core.heads.config import HeadConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

FORMAT: Final = "onediff-head/1"
CONFIG_NAME: Final = "config.json"
WEIGHTS_NAME: Final = "model.safetensors"
_PICKLES: Final = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")


def fingerprint(module: nn.Module) -> str:
    """Digest of a module's parameters and buffers: names, shapes, dtypes and values, to the bit.

    Saving and loading in the dtype that it has keeps it, and so does another device; casting does not, since values
    change. It is therefore taken of a base as it is stored, before any cast for inference.

    Args:
        module: with all its tensors in memory.

    Returns:
        "sha256:" and 64 hexadecimal digits.

    Raises:
        ValueError: a tensor is on the meta device and has no values.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if tensor.is_meta:
            raise ValueError(f"{name} is on the meta device: load the weights before taking a fingerprint")
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()))
    return f"sha256:{digest.hexdigest()}"


def write_head(folder: Path, config: HeadConfig, state: Mapping[str, Tensor], base_fingerprint: str) -> None:
    """Write a head's two files; each appears whole or not at all.

    Args:
        folder: made where it is missing; other files in it are left alone.
        config: the head's.
        state: name -> tensor.
        base_fingerprint: of the base that it was trained on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = {"format": FORMAT, "base_fingerprint": base_fingerprint, **config.to_dict()}
    with TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
        weights, text = Path(scratch, WEIGHTS_NAME), Path(scratch, CONFIG_NAME)
        save_file({name: tensor.detach().contiguous() for name, tensor in state.items()}, weights)
        text.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        weights.replace(folder / WEIGHTS_NAME)
        text.replace(folder / CONFIG_NAME)


def read_config(folder: Path, base_fingerprint: str) -> HeadConfig:
    """Read a head's configuration and hold it against the base.

    Args:
        folder: as written by `write_head`.
        base_fingerprint: of the base that the head is to run on.

    Raises:
        CheckpointError: no such folder, a file that is missing or damaged, or a head of another base.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise CheckpointError(
            f"{folder} holds no {CONFIG_NAME}: a head is a folder with {CONFIG_NAME} and {WEIGHTS_NAME}"
        )
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    found = record.pop("format", None) if isinstance(record, dict) else None
    if found != FORMAT:
        raise CheckpointError(f"{path} is not a head of this version: format {found!r}, expected {FORMAT!r}")
    trained_on = record.pop("base_fingerprint", None)
    if trained_on != base_fingerprint:
        raise CheckpointError(
            f"the head in {folder} was trained on the base {trained_on}, this base is {base_fingerprint}: "
            "load the base that it was trained on, or train the head on this one"
        )
    try:
        return HeadConfig.from_dict(record)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def read_weights(folder: Path, module: nn.Module) -> None:
    """Load `model.safetensors` into a module, which takes over the dtypes of the file.

    Args:
        folder: as written by `write_head`.
        module: of the shape that the configuration says.

    Raises:
        CheckpointError: no file, a pickle, a damaged file, or keys or shapes that differ, named.
    """
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        pickles = sorted(entry.name for entry in folder.iterdir() if entry.suffix in _PICKLES)
        if pickles:
            raise CheckpointError(
                f"{folder} holds {', '.join(pickles)} but no {WEIGHTS_NAME}: pickles can run code and are not read; "
                "save the weights as safetensors"
            )
        raise CheckpointError(f"{folder} holds no {WEIGHTS_NAME}")
    try:
        state = load_file(path)
    except SafetensorError as error:
        with path.open("rb") as file:
            start = file.read(2)
        if start in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise CheckpointError(
                f"{path} is a pickle under another name: pickles can run code and are not read"
            ) from error
        raise CheckpointError(f"{path} is damaged or not safetensors: {error}") from error
    expected = module.state_dict()
    missing, extra = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    if missing or extra:
        raise CheckpointError(f"{path} does not fit its configuration: missing keys {missing}, extra keys {extra}")
    wrong = {
        name: (tuple(state[name].shape), tuple(tensor.shape))
        for name, tensor in expected.items()
        if state[name].shape != tensor.shape
    }
    if wrong:
        listed = "; ".join(f"{name} is {found}, expected {wanted}" for name, (found, wanted) in sorted(wrong.items()))
        raise CheckpointError(f"{path} does not fit its configuration: {listed}")
    module.load_state_dict(state, assign=True)
