"""Files and folders that are whole or not there: written beside their place under a new name, then renamed."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# What a killed run leaves behind; no pair, head or model has such a name, since none holds a "~".
LEFTOVERS: Final = ".unfinished-*~"


def unfinished(folder: Path) -> Path:
    """A new name in a folder for what is not yet whole; matches `LEFTOVERS`."""
    return folder / f".unfinished-{uuid.uuid4().hex[:12]}~"


def write_atomically(path: Path, parts: Iterable[str]) -> None:
    """Write text so that the file is whole or not there.

    Args:
        path: in a folder that exists.
        parts: of the text, one after the other; consumed one at a time.

    Raises:
        OSError: it cannot be written.
    """
    new = unfinished(path.parent)
    try:
        with new.open("w", encoding="utf-8") as stream:
            stream.writelines(parts)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def replaced_folder(folder: Path, *, keep: bool = False) -> Iterator[Path]:
    """A folder to write to, which takes the place of another once it is whole.

    One that was not there appears by one rename. One that was is renamed away first: a kill between the two leaves it
    beside its place, whole.

    Args:
        folder: made where it is missing, its parents too; of a symbolic link, what it points to is replaced.
        keep: whether what lies in the folder is copied, to be added to.

    Yields:
        A folder beside it; it is deleted where the block raises.

    Raises:
        OSError: it cannot be written.
    """
    folder = folder.resolve()
    new = unfinished(folder.parent)
    try:
        if keep and folder.exists():
            shutil.copytree(folder, new)
        else:
            new.mkdir(parents=True)
        yield new
        _swap(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: Path, folder: Path) -> None:
    """`new` becomes `folder`; what was there is deleted only once it is replaced."""
    if not folder.exists():
        new.rename(folder)
        return
    old = unfinished(folder.parent)
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old)
