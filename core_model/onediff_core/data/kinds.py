"""What a file is by how it begins, for messages about one that is none of those that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_HEADS: Final = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"RIFF", "a WebP picture"),
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1f\x8b", "a gzip file: unpack it"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)
_SEPARATORS: Final = {b"\t": "a table with tabs", b",": "a table with commas"}


def kind_of(path: Path) -> str:
    """What a file looks like, in words; empty for JSON, and for text that could be anything.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(512).lstrip()
    if kind := next((words for start, words in _HEADS if head.startswith(start)), ""):
        return kind
    if b"\x00" in head:
        return "a binary file"
    if head.startswith((b"{", b"[")):
        return ""
    first = head.split(b"\n", 1)[0]
    return next((words for separator, words in _SEPARATORS.items() if separator in first), "")
