"""What a file looks like, for messages about one that is none of those that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.kinds import kind_of
from onediff_core.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PACKED: Final = "a Parquet file: packed pairs are references, the second argument"
_READ: Final = (".jsonl", ".ndjson", ".json")


def refuse_other_files(path: Path, wanted: str, read: Sequence[str] = _READ) -> None:
    """Refuse what is none of some kinds of files, with words about what it is.

    Args:
        path: that was given.
        wanted: what it should be.
        read: endings of the files that are read.

    Raises:
        EvaluationError: it is missing, a folder, or of another kind.
    """
    if path.is_dir():
        raise EvaluationError(f"{path} is a folder without results.jsonl: name the folder of a batch, or a file")
    try:
        kind = kind_of(path)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}") from error
    if kind.startswith("a table") and path.suffix.lower() in read:
        kind = ""
    if not kind and path.suffix.lower() not in read:
        kind = f"a file {path.suffix or 'without an ending'}"
    if kind == "a Parquet file":
        kind = _PACKED
    if kind:
        raise EvaluationError(f"{path} looks like {kind}; {wanted} come as {', '.join(read)}")


def looks_like(row: Mapping[str, Any]) -> str:
    """What a JSON object is a row of, in words."""
    if "before" in row and "after" in row:
        return "a line of a list of pairs, which are references: the second argument"
    if "images" in row or "annotations" in row:
        return "a file of annotations: `onediff data convert` makes references of it"
    if "captions" in row or "sentences" in row:
        return "what people said of a pair, which are references: the second argument"
    return f"something with {', '.join(sorted(map(repr, row))[:5]) or 'nothing in it'}"
