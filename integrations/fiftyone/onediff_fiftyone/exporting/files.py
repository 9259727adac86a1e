"""Files that appear whole or not at all, and what was written to them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onediff_plugins.atomic import unfinished, write_atomically
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an export wrote.

    Attributes:
        path: the file.
        pairs: accepted pairs that it holds.
        regions: accepted regions that it holds.
        left_out: accepted pairs that the format has no place for, such as one without a georeference.
    """

    path: Path
    pairs: int
    regions: int
    left_out: int = 0


def nothing_accepted() -> ExportError:
    """What is raised where there is nothing to write."""
    return ExportError("nothing was accepted in this view: accept pairs or regions first, or choose another view")


def write_text(path: Path, text: str) -> None:
    """Write a file of text.

    Raises:
        ExportError: it cannot be written.
    """
    try:
        write_atomically(path, [text])
    except OSError as exc:
        raise ExportError(f"{path} cannot be written: {exc.strerror or exc}; choose another folder") from exc


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A place to write a file to, which takes the name `path` once it is whole.

    Raises:
        ExportError: it cannot be written.
    """
    new = unfinished(path.parent)
    try:
        yield new
        new.replace(path)
    except OSError as exc:
        raise ExportError(f"{path} cannot be written: {exc.strerror or exc}; choose another folder") from exc
    finally:
        new.unlink(missing_ok=True)
