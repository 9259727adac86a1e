"""Parquet files with pictures inside, as the hub holds them, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.packing import parquet
from onediff_core.data.sources.base import Source, SourceError, split_named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROWS: Final = 16  # at a time: pictures of a few megabytes each


def tables(root: Path, given: tuple[Path, ...]) -> list[Path]:
    """The Parquet files of a source: those given, else all below its folder, else the folder itself if it is one."""
    return list(given) or (sorted(root.rglob("*.parquet")) if root.is_dir() else [root])


def rows(source: Source, path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows of a file.

    Args:
        source: whose file it is.
        path: of it.
        columns: that it must have.

    Raises:
        SourceError: it cannot be read, or lacks some of them; the message says which it has.
    """
    pa, pq = parquet()
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        if missing := [name for name in columns if name not in names]:
            raise SourceError(
                f"{path} is no file of {source.title}: it lacks the columns {', '.join(missing)}; it has "
                f"{', '.join(names)}"
            )
        for batch in file.iter_batches(batch_size=_ROWS):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as exc:
        raise SourceError(f"{path} cannot be read as Parquet: {exc}") from exc


def picture(row: dict[str, Any], column: str, where: Path) -> bytes:
    """An encoded picture of a row.

    Raises:
        SourceError: there is none.
    """
    held = row[column]
    if isinstance(held, dict):
        held = held.get("bytes")
    if not isinstance(held, bytes):
        raise SourceError(f"{where}: the column {column!r} holds no encoded pictures")
    return held


def split_of(path: Path) -> str:
    """The split in a file's name; empty where there is none."""
    try:
        return split_named(path.name, path)
    except SourceError:
        return ""
