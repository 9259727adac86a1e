"""What a file looks like, for messages about one that is none of those that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEADS: Final = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"RIFF", "a WebP picture"),
    (b"PAR1", "a Parquet file: packed pairs are references, the second argument"),
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1f\x8b", "a gzip file: unpack it"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)
_READ: Final = (".jsonl", ".ndjson", ".json")


def refuse_other_files(path: Path, wanted: str) -> None:
    """Refuse what is no JSON, with words about what it is.

    Args:
        path: that was given.
        wanted: what it should be.

    Raises:
        EvaluationError: it is missing, a folder, or of another kind.
    """
    if path.is_dir():
        raise EvaluationError(f"{path} is a folder without results.jsonl: name the folder of a batch, or a file")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror or error}") from error
    kind = next((words for start, words in _HEADS if head.lstrip().startswith(start)), "")
    if not kind and b"\x00" in head:
        kind = "a binary file"
    if not kind and path.suffix.lower() not in _READ:
        comma = b"," in head.split(b"\n", 1)[0] and not head.lstrip().startswith((b"{", b"["))
        kind = "a table with commas" if comma else f"a file {path.suffix or 'without an ending'}"
    if kind:
        raise EvaluationError(f"{path} looks like {kind}; {wanted} come as {', '.join(_READ)}")


def looks_like(row: Mapping[str, Any]) -> str:
    """What a JSON object is a row of, in words."""
    if "before" in row and "after" in row:
        return "a line of a list of pairs, which are references: the second argument"
    if "images" in row or "annotations" in row:
        return "a file of annotations: `onediff data convert` makes references of it"
    if "captions" in row or "sentences" in row:
        return "what people said of a pair, which are references: the second argument"
    return f"something with {', '.join(sorted(map(repr, row))[:5]) or 'nothing in it'}"
