"""Packed pairs read back: a shard of Parquet, or a folder of them. Pictures are read when they are asked for."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_core.data.packing import parquet
from onediff_plugins.errors import PairError, PairsFileError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX: Final = ".parquet"
_GROUPS_KEPT: Final = 2
_OF_THE_HUB: Final = "data"
_SINGLE: Final = ("before", "after", "mask", "ignore")
log = logging.getLogger("onediff_core.data")


class _Place(NamedTuple):
    shard: int
    group: int
    row: int


class PackedPairs(Sequence[dict[str, Any]]):
    """Rows of packed pairs, each as a line of `pairs.jsonl` has it; without pictures until `with_pictures`.

    Attributes:
        shards: those that can be read.
        left_out: those that cannot, with the reason.
    """

    def __init__(self, shards: Sequence[Path]) -> None:
        """Read everything but pictures.

        Raises:
            PairsFileError: no shard can be read.
        """
        self.shards: list[Path] = []
        self.left_out: list[str] = []
        self._files: list[Any] = []
        self._rows: list[dict[str, Any]] = []
        self._places: list[_Place] = []
        for path in shards:
            try:
                file, groups = _shard(path)
            except PairsFileError as error:
                self.left_out.append(str(error))
                log.warning("left out: %s", error)
                continue
            for group, table in enumerate(groups):
                self._rows += [_row(row, number) for number, row in enumerate(table.to_pylist(), len(self._rows) + 1)]
                self._places += [_Place(len(self.shards), group, row) for row in range(table.num_rows)]
            self.shards.append(path)
            self._files.append(file)
        if not self.shards:
            raise PairsFileError(f"no shard can be read: {'; '.join(self.left_out)}")
        self._group = lru_cache(maxsize=_GROUPS_KEPT)(self._read_group)

    def __reduce__(self) -> tuple[Any, ...]:
        """Open files stay behind: a worker opens its own."""
        return PackedPairs, (self.shards,)

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        """A row, or some, without pictures; `before` and `after` are their names."""
        return self._rows[index]

    def with_pictures(self, index: int) -> dict[str, Any]:
        """A row whose `before`, `after`, `masks` and `ignore` are the encoded pictures.

        Raises:
            PairError: the shard is damaged there.
        """
        place = self._places[index]
        held = self._group(place.shard, place.group).slice(place.row, 1).to_pylist()[0]
        row = dict(self._rows[index])
        for name in _SINGLE:
            if held.get(name) is not None:
                row[name] = self._bytes(held[name], place)
        row["masks"] = {mask["class"]: self._bytes(mask["image"], place) for mask in held.get("masks") or ()}
        return row

    def _bytes(self, picture: dict[str, Any], place: _Place) -> bytes:
        if not picture.get("bytes"):
            raise PairError(
                f"{self.shards[place.shard]}: a picture is a path there ({picture.get('path')}), not embedded"
            )
        return bytes(picture["bytes"])

    def _read_group(self, shard: int, group: int) -> Any:
        pa, _ = parquet()
        there = self._files[shard].schema_arrow.names
        try:
            return self._files[shard].read_row_group(
                group, columns=[name for name in (*_SINGLE, "masks") if name in there]
            )
        except (pa.ArrowException, OSError) as exc:
            raise PairError(f"{self.shards[shard]}, row group {group}: cannot be read: {exc}") from exc


def shards_of(path: Path) -> list[Path]:
    """The shards of packed pairs at a place; none where it holds something else.

    Args:
        path: a Parquet file, or a folder of them, or one whose `data/` holds them, as `datasets` writes it.
    """
    if path.is_dir():
        return sorted(path.glob(f"*{SUFFIX}")) or sorted((path / _OF_THE_HUB).glob(f"*{SUFFIX}"))
    return [path] if path.suffix.lower() == SUFFIX and holds_pictures(path) else []


def holds_pictures(path: Path) -> bool:
    """Whether a Parquet file holds pictures, and not paths; False for what is no Parquet file."""
    if not path.is_file():
        return False
    pa, pq = parquet()
    try:
        columns = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return _has_pictures(columns)


def _has_pictures(columns: Any) -> bool:
    pa, _ = parquet()
    return all(name in columns.names and pa.types.is_struct(columns.field(name).type) for name in ("before", "after"))


def _shard(path: Path) -> tuple[Any, list[Any]]:
    """A shard, and the tables of its groups of rows, without pictures.

    Raises:
        PairsFileError: it is damaged, or a list of paths.
    """
    pa, pq = parquet()
    try:
        file = pq.ParquetFile(path)
        if _has_pictures(file.schema_arrow):
            columns = _without_pictures(file.schema_arrow)
            return file, [file.read_row_group(group, columns=columns) for group in range(file.num_row_groups)]
    except (pa.ArrowException, OSError) as exc:
        raise PairsFileError(f"{path} cannot be read: {exc}") from exc
    raise PairsFileError(f"{path} holds no pictures: a list of paths is named itself, not its folder")


def _without_pictures(columns: Any) -> list[str]:
    """What is read of all rows at once: of pictures, which there are, and of what class."""
    named = [
        name for name in columns.names if name not in (*_SINGLE, "masks") and not _is_binary(columns.field(name).type)
    ]
    if "mask" in columns.names:
        named.append("mask.path")
    return [*named, "masks.list.element.class"] if "masks" in columns.names else named


def _is_binary(column: Any) -> bool:
    """Pictures of other columns are not read."""
    pa, _ = parquet()
    if pa.types.is_struct(column):
        return any(_is_binary(inner.type) for inner in column)
    return bool(pa.types.is_binary(column) or pa.types.is_large_binary(column))


def _row(held: dict[str, Any], number: int) -> dict[str, Any]:
    row = {"id": f"{number:06d}"} | {name: value for name, value in held.items() if value not in (None, "")}
    row |= {"before": "", "after": "", "masks": {mask["class"]: "" for mask in held.get("masks") or ()}}
    if row.get("regions") is not None:
        row["regions"] = [{**region, "attributes": _json(region.get("attributes"))} for region in row["regions"]]
    return {**row, "meta": _json(row.get("meta"))}


def _json(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text else {}
