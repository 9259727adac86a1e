"""The state of a run on disk: one file, replaced whole, from which a run goes on as if it had never stopped."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

import torch

STATE_NAME: Final = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a run; it appears whole or not at all, also when the machine stops.

    Args:
        folder: of the run.
        state: tensors, numbers, strings, and lists and dicts of them.
    """
    with NamedTemporaryFile(dir=folder, prefix=".state-", delete=False) as file:
        try:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(folder / STATE_NAME)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save_state` wrote last, or None where nothing was."""
    path = folder / STATE_NAME
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
