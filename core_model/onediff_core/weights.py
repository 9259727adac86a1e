"""Weights on disk: safetensors only, strictly those that a module has, and a fingerprint of what is in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from onediff_core.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

_PICKLES: Final = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
# How files of torch.save begin: a zip archive, or a bare pickle of protocol 2 to 5.
_PICKLE_STARTS: Final = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def fingerprint(weights: nn.Module | Mapping[str, Tensor]) -> str:
    """Digest of parameters and buffers: names, shapes, dtypes and values, to the bit.

    Saving and loading in the dtype that they have keeps it, and so does another device; casting does not, since values
    change. It is therefore taken of a base as it is stored, before any cast for inference.

    Args:
        weights: a module, or its state dict, with all tensors in memory.

    Returns:
        "sha256:" and 64 hexadecimal digits.

    Raises:
        ValueError: a tensor is on the meta device and has no values.
    """
    state = weights.state_dict() if isinstance(weights, nn.Module) else weights
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        if tensor.is_meta:
            raise ValueError(f"{name} is on the meta device: load the weights before taking a fingerprint")
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()))
    return f"sha256:{digest.hexdigest()}"


def refuse_pickles(folder: Path) -> None:
    """Raise for a folder whose only weights are pickled, or pickles under the name of safetensors.

    Args:
        folder: of weights; what is no folder, such as a hub id, passes.

    Raises:
        CheckpointError: the files are named.
    """
    if not folder.is_dir():
        return
    safe = sorted(folder.glob("*.safetensors"))
    for path in safe:
        _refuse_disguise(path)
    if pickles := [path.name for path in sorted(folder.iterdir()) if path.suffix in _PICKLES and not safe]:
        raise CheckpointError(
            f"{folder} holds {some(pickles)} and no safetensors: a pickled checkpoint can run code when it is read, "
            "so OneDiff does not. Convert it where you trust it, with safetensors.torch.save_file"
        )


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a file, on the CPU.

    Raises:
        CheckpointError: no file, a pickle in its place, or a damaged file.
    """
    if not path.is_file():
        refuse_pickles(path.parent)
        raise CheckpointError(f"{path.parent} holds no {path.name}")
    try:
        return load_file(path)
    except SafetensorError as error:
        _refuse_disguise(path)
        raise damaged(path, error) from error


def write_safetensors(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write name -> tensor as they are, whatever device and layout they have."""
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, path)


def load_strictly(path: Path, module: nn.Module) -> None:
    """Load a file into a module, which takes over the dtypes of the file.

    Args:
        path: of safetensors.
        module: whose weights they are, all of them.

    Raises:
        CheckpointError: as `read_safetensors`; or keys or shapes that differ, named.
    """
    state = read_safetensors(path)
    check_fit(path, state, module.state_dict())
    module.load_state_dict(state, assign=True)


def check_fit(path: Path, state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise unless a file holds the names and shapes that are expected.

    Args:
        path: that `state` was read from.
        state: name -> tensor.
        expected: name -> tensor.

    Raises:
        CheckpointError: what differs is named.
    """
    missing, extra = sorted(set(expected) - set(state)), sorted(set(state) - set(expected))
    if missing or extra:
        raise CheckpointError(f"{path} does not fit its configuration: missing keys {missing}, extra keys {extra}")
    wrong = [
        f"{name} is {tuple(state[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in sorted(expected.items())
        if state[name].shape != tensor.shape
    ]
    if wrong:
        raise CheckpointError(f"{path} does not fit its configuration: {'; '.join(wrong)}")


def damaged(path: Path | str, error: SafetensorError) -> CheckpointError:
    """What to raise for a file that is cut short or no safetensors at all."""
    return CheckpointError(f"{path} is damaged or not safetensors ({error}): copy or download it again")


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _refuse_disguise(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(2)
    # Safetensors begin with the length of their header, which these two bytes can be part of: the next six are then 0.
    if start in _PICKLE_STARTS and not _has_safe_header(path):
        raise CheckpointError(
            f"{path} is a pickle under another name: pickles can run code and are not read; "
            "convert it where you trust it, with safetensors.torch.save_file"
        )


def _has_safe_header(path: Path) -> bool:
    with path.open("rb") as file:
        length, first = int.from_bytes(file.read(8), "little"), file.read(1)
    return length < path.stat().st_size and first == b"{"
