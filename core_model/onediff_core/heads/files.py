"""A head's folder: `config.json` and `model.safetensors`, and which base it belongs to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from onediff_core.errors import CheckpointError
from onediff_core.heads.config import HeadConfig
from onediff_core.layout import CONFIG, read_json
from onediff_core.weights import load_strictly, write_safetensors
from onediff_plugins.atomic import replaced_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

FORMAT: Final = "onediff-head/1"
WEIGHTS_NAME: Final = "model.safetensors"


def write_head(folder: Path, config: HeadConfig, state: Mapping[str, Tensor], base_fingerprint: str) -> None:
    """Write a head's two files; they appear together, by one rename of their folder.

    Args:
        folder: made where it is missing; other files in it are kept.
        config: the head's.
        state: name -> tensor.
        base_fingerprint: of the base that it was trained on.
    """
    record = {"format": FORMAT, "base_fingerprint": base_fingerprint, **config.to_dict()}
    with replaced_folder(folder, keep=True) as new:
        write_safetensors(new / WEIGHTS_NAME, state)
        (new / CONFIG).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_config(folder: Path, base_fingerprint: str) -> HeadConfig:
    """Read a head's configuration and hold it against the base.

    Args:
        folder: as written by `write_head`.
        base_fingerprint: of the base that the head is to run on.

    Raises:
        CheckpointError: no such folder, a file that is missing or damaged, or a head of another base.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder} holds no {CONFIG}: a head is a folder with {CONFIG} and {WEIGHTS_NAME}")
    record = read_json(path)
    found = record.pop("format", None)
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
    load_strictly(folder / WEIGHTS_NAME, module)
