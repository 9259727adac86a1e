"""Pairs that ship with the library, for `onediff demo` and for first steps."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

__all__ = ["pairs_file"]


def pairs_file() -> Path:
    """The list of the shipped pairs, as `onediff batch` reads it; the images lie beside it."""
    return Path(str(resources.files(__name__).joinpath("pairs.jsonl")))
