"""The state of a run on disk: one file, replaced whole, from which a run goes on as if it had never stopped."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any, Final

import torch

from onediff_core.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

STATE_NAME: Final = "state.pt"
# What torch's writer of archives says where a file took fewer bytes than it was given.
_FULL: Final = "unexpected pos"
# One name, not a new one each time: a run that is killed while it writes leaves at most one behind.
_UNFINISHED: Final = f".{STATE_NAME}~"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a run; it appears whole or not at all, also when the machine stops.

    Args:
        folder: of the run.
        state: tensors, numbers, strings, and lists and dicts of them.

    Raises:
        TrainingError: there is no room for it, or no permission; the last state stays.
    """
    new = folder / _UNFINISHED
    try:
        with new.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / STATE_NAME)
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and _FULL not in str(error):
            raise
        why = (isinstance(error, OSError) and error.strerror) or "it took fewer bytes than it was given"
        raise TrainingError(
            f"{folder / STATE_NAME} cannot be written whole: {why}. Make room or permission there, and call the "
            "command again, which goes on from the last state"
        ) from error
    finally:
        new.unlink(missing_ok=True)


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save_state` wrote last, or None where nothing was.

    Raises:
        TrainingError: it is damaged.
    """
    path = folder / STATE_NAME
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"{path} is damaged or no state of a run: delete it to begin anew, or name another folder"
        ) from error
    return state
