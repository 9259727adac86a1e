"""The state of a run on disk: one file, replaced whole, from which a run goes on as if it had never stopped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from pathlib import Path

STATE_NAME: Final = "state.pt"
# One name, not a new one each time: a run that is killed while it writes leaves at most one behind.
_UNFINISHED: Final = f".{STATE_NAME}~"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a run; it appears whole or not at all, also when the machine stops.

    Args:
        folder: of the run.
        state: tensors, numbers, strings, and lists and dicts of them.
    """
    new = folder / _UNFINISHED
    try:
        with new.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / STATE_NAME)
    finally:
        new.unlink(missing_ok=True)


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save_state` wrote last, or None where nothing was."""
    path = folder / STATE_NAME
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
