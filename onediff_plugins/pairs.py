"""The list of pairs of a batch: CSV, JSONL, Parquet, or two folders matched by name."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticSerializationError, to_jsonable_python

from onediff_plugins.errors import MissingDependencyError, PairsFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,80}")
COLUMNS: Final = ("before", "after", "id", "domain")
AS_LINES: Final = "write each object on a line of its own, without the brackets and commas around them"


@dataclass(frozen=True, kw_only=True)
class PairEntry:
    """One line of the list.

    Attributes:
        id: as given, or the row number (000001).
        folder: name of the pair's own folder under `pairs/`.
        before: path or URL.
        after: path or URL.
        domain: a domain's name, or "auto".
        meta: the other columns, as plain JSON values.
    """

    id: str
    folder: str
    before: str
    after: str
    domain: str = "auto"
    meta: Mapping[str, Any] = field(default_factory=dict)


def read_pairs(pairs: Path, after_dir: Path | None = None, *, domain: str | None = None) -> list[PairEntry]:
    """Read the list of pairs.

    Args:
        pairs: a CSV, JSONL or Parquet file, or the folder of before images.
        after_dir: the folder of after images, with `pairs` the folder of before images.
        domain: beats the column.

    Returns:
        In input order, ids unique, relative paths resolved from the file's folder.

    Raises:
        PairsFileError: it cannot be read, lacks a column, names no pair, or an id comes twice.
        MissingDependencyError: a Parquet file without pyarrow.
    """
    if after_dir is not None:
        rows: Iterable[tuple[str, dict[str, Any]]] = _match_folders(pairs, after_dir)
    elif pairs.is_dir():
        inside = pairs / "pairs.jsonl"
        hint = f", such as {inside}" if inside.is_file() else ""
        raise PairsFileError(
            f"{pairs} is a folder: give BEFORE_DIR and AFTER_DIR, or a CSV, JSONL or Parquet file{hint}"
        )
    else:
        rows = _read_file(pairs)
    raw = [_entry(where, row, pairs.parent, number) for number, (where, row) in enumerate(rows, start=1)]
    if not raw:
        raise PairsFileError(f"{pairs} names no pair")
    counts = Counter(row["id"] for row in raw)
    if twice := [name for name, count in counts.items() if count > 1]:
        many = "an id comes" if len(twice) == 1 else f"{len(twice)} ids come"
        raise PairsFileError(
            f"{pairs}: {many} more than once, the first is {twice[0]!r}: give each pair its own id, or leave all out"
        )
    folders = folder_names([row["id"] for row in raw])
    return [
        PairEntry(**row, folder=folder) if domain is None else PairEntry(**{**row, "domain": domain}, folder=folder)
        for row, folder in zip(raw, folders, strict=True)
    ]


def folder_names(ids: Sequence[str]) -> list[str]:
    """Folder names for ids: the id itself where that is safe and unique ignoring case, else a slug with a digest.

    Args:
        ids: unique ids.

    Returns:
        One name per id, unique ignoring case: the digest has 8 hex digits, and more only for slugs that still meet.
    """
    seen = Counter(name.lower() for name in ids)
    names = [name if _is_safe(name) and seen[name.lower()] == 1 else _slug(name) for name in ids]
    digits = 8
    while twice := {name for name, count in Counter(name.lower() for name in names).items() if count > 1}:
        digits += 8
        names = [
            _slug(id_, digits) if name.lower() in twice and name != id_ else name
            for id_, name in zip(ids, names, strict=True)
        ]
    return names


def _is_safe(name: str) -> bool:
    return FOLDER_NAME.fullmatch(name) is not None and name not in (".", "..")


def _slug(name: str, digits: int = 8) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:digits]
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60]
    return f"{words}-{digest}" if words else digest


def _entry(where: str, row: Mapping[str, Any], base: Path, number: int) -> dict[str, Any]:
    if missing := [column for column in ("before", "after") if not row.get(column)]:
        raise PairsFileError(
            f"{where}: no value for {' and '.join(missing)}; it has {', '.join(map(repr, row)) or 'nothing'}"
        )
    given = row.get("id")
    entry = {
        "id": str(given) if given not in (None, "") else f"{number:06d}",
        "before": _resolve(str(row["before"]), base),
        "after": _resolve(str(row["after"]), base),
        "domain": str(row.get("domain") or "auto"),
        "meta": _meta(where, row),
    }
    try:
        json.dumps(entry, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        around = exc.object[max(exc.start - 20, 0) : exc.end + 20]
        raise PairsFileError(f"{where}: {around!r} is not Unicode text: rename the file or correct the line") from exc
    return entry


def _meta(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The other columns as plain JSON; what is missing or not a number is left out."""
    meta = {}
    for column in (name for name in row if name not in COLUMNS):
        try:
            value = to_jsonable_python(row[column], inf_nan_mode="null")
        except (PydanticSerializationError, UnicodeDecodeError) as exc:
            raise PairsFileError(f"{where}: column {column!r} cannot be carried as JSON: {exc}") from exc
        if value is not None:
            meta[column] = value
    return meta


def _resolve(source: str, base: Path) -> str:
    return source if "://" in source or source.startswith("/vsi") else str(base / source)


def _match_folders(before: Path, after: Path) -> list[tuple[str, dict[str, Any]]]:
    names = set()
    for folder in (before, after):
        if not folder.is_dir():
            raise PairsFileError(f"{folder} is no folder")
        names |= {path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_visible_file(path, folder)}
    # A name on one side only stays in the list: its missing file becomes a failure record, not silence.
    return [
        (name, {"id": name, "before": str((before / name).absolute()), "after": str((after / name).absolute())})
        for name in sorted(names)
    ]


def _is_visible_file(path: Path, folder: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _read_file(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".ndjson": _read_jsonl, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if not path.is_file():
        raise PairsFileError(f"{path} does not exist")
    if reader is None:
        hint = f"; of a JSON list, {AS_LINES}" if path.suffix.lower() == ".json" else ""
        raise PairsFileError(f"{path}: pairs come as {', '.join(readers)}, or as two folders{hint}")
    try:
        yield from reader(path)
    except UnicodeDecodeError as exc:
        raise PairsFileError(f"{path} cannot be read: {exc}; save it as UTF-8") from exc
    except (OSError, csv.Error) as exc:
        raise PairsFileError(f"{path} cannot be read: {exc}") from exc


def _read_csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream, restkey="_extra")
        columns = reader.fieldnames or ()
        if missing := [column for column in ("before", "after") if column not in columns]:
            found = ", ".join(map(repr, columns)) or "an empty file"
            raise PairsFileError(
                f"{path}: no column {' and '.join(missing)} in the first line; found {found}. Commas separate columns"
            )
        for row in reader:
            if "_extra" in row:
                raise PairsFileError(f"{path}, line {reader.line_num}: more values than columns")
            yield f"{path}, line {reader.line_num}", row


def _read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            if number == 1 and line.lstrip().startswith("["):
                raise PairsFileError(f"{where}: a JSON list begins here; {AS_LINES}")
            try:
                row = json.loads(line)
            except json.JSONDecodeError as exc:
                raise PairsFileError(f"{where}: not JSON: {exc}") from exc
            if not isinstance(row, dict):
                raise PairsFileError(f"{where}: a JSON object is needed, got {type(row).__name__}")
            yield where, row


def _read_parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as exc:
        raise MissingDependencyError("pyarrow", "a Parquet list of pairs", "onediff-plugins[parquet]") from exc
    try:
        columns = pq.read_schema(path)
        packed = any(pa.types.is_struct(columns.field(name).type) for name in COLUMNS[:2] if name in columns.names)
        rows = [] if packed else pq.read_table(path).to_pylist()
    except pa.ArrowException as exc:
        raise PairsFileError(f"{path} cannot be read as Parquet: {exc}") from exc
    if packed:
        raise PairsFileError(
            f"{path} holds pictures where a list has paths: `onediff data unpack` writes packed pairs as files"
        )
    for number, row in enumerate(rows, start=1):
        yield f"{path}, row {number}", row
