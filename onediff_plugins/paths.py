"""Text that may name a place on this machine, or something else altogether."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os


def existing_path(text: str | os.PathLike[str]) -> Path | None:
    """The file or folder that a text names, with `~` for a home; None where there is none.

    Args:
        text: anything that somebody typed: a path, but also the name of a head, a hub id, or nonsense.
    """
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # longer than any name, the home of nobody, a NUL in it
        return None


def existing_folder(text: str | os.PathLike[str]) -> Path | None:
    """The folder that a text names; None where there is none, or a file. Arguments as `existing_path`."""
    path = existing_path(text)
    return path if path is not None and path.is_dir() else None
