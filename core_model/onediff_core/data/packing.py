"""Records in Parquet, pictures included, as Hugging Face `datasets` reads them: `load_dataset(FOLDER)`.

A folder holds shards, `SPLIT-00000-of-00002.parquet`, a card with their names, and `summary.json`. The schema carries
the features that `datasets` needs to see pictures, so nothing of it is needed here.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import content
from onediff_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onediff_core.data.checking import Checked
    from onediff_core.data.record import Picture, Record

NO_SPLIT: Final = "pairs"
SHARD_BYTES: Final = 256 * 2**20
# A row is read with its whole group: small enough for random access, large enough for a stream.
_GROUP_ROWS: Final = 32
_GROUP_BYTES: Final = 16 * 2**20

_WORDS: Final = ("task", "domain", "source", "licence", "split", "group")
_TEXT: Final = {"dtype": "string", "_type": "Value"}
_IMAGE: Final = {"_type": "Image"}
FEATURES: Final[dict[str, Any]] = {
    "id": _TEXT,
    "before": _IMAGE,
    "after": _IMAGE,
    "captions": [_TEXT],
    "changed": {"dtype": "bool", "_type": "Value"},
    "masks": [{"class": _TEXT, "image": _IMAGE}],
    "ignore": _IMAGE,
    "regions": [
        {
            "kind": _TEXT,
            "label": _TEXT,
            "box": [{"dtype": "int32", "_type": "Value"}],
            "caption": _TEXT,
            "attributes": _TEXT,
        }
    ],
    **dict.fromkeys(_WORDS, _TEXT),
    "gsd_m": {"dtype": "float64", "_type": "Value"},
    "meta": _TEXT,
}


def parquet() -> tuple[Any, Any]:
    """`pyarrow` and `pyarrow.parquet`.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as exc:
        raise MissingDependencyError("pyarrow", "pairs in Parquet", "onediff-core[data]") from exc
    return pa, pq


def schema() -> Any:
    """The Arrow schema of packed pairs, with the features for `datasets` in its metadata."""
    pa, _ = parquet()
    described = json.dumps({"info": {"features": FEATURES}})
    return pa.schema([(name, _arrow(pa, feature)) for name, feature in FEATURES.items()], {"huggingface": described})


def _arrow(pa: Any, feature: Any) -> Any:
    if isinstance(feature, list):
        return pa.list_(_arrow(pa, feature[0]))
    if "_type" not in feature:
        return pa.struct([(name, _arrow(pa, inner)) for name, inner in feature.items()])
    if feature["_type"] == "Image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return {"string": pa.string(), "bool": pa.bool_(), "int32": pa.int32(), "float64": pa.float64()}[feature["dtype"]]


@contextmanager
def packed(folder: Path, shard_bytes: int = SHARD_BYTES) -> Iterator[Packer]:
    """What writes records into shards; they get their names when the block ends.

    Args:
        folder: exists, and holds no shards.
        shard_bytes: of pictures, from which a shard is full.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        OSError: the disk is full, or may not be written.
    """
    packer = Packer(folder, schema(), shard_bytes)
    with packer.open_shards:
        yield packer
        packer.flush()
    packer.name_shards()


@dataclass
class Packer:
    """Writes records as they come, one open shard a split.

    Attributes:
        folder: of the shards.
        schema: of the table.
        shard_bytes: of pictures, from which a shard is full.
        open_shards: closes the shards.
        shards: split -> the shards, in the order in which they were begun.
    """

    folder: Path
    schema: Any
    shard_bytes: int
    open_shards: ExitStack = field(default_factory=ExitStack)
    shards: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    _writers: dict[str, Any] = field(default_factory=dict)
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _waiting: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _written: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def write(self, ready: Checked) -> None:
        """Add a record to the shard of its split.

        Raises:
            PairError: a picture went away.
        """
        split = ready.record.split or NO_SPLIT
        row = row_of(ready)
        self._rows[split].append(row)
        self._waiting[split] += len(row["before"]["bytes"]) + len(row["after"]["bytes"])
        if len(self._rows[split]) >= _GROUP_ROWS or self._waiting[split] >= _GROUP_BYTES:
            self._flush(split)

    def flush(self) -> None:
        """Write what waits for a full group of rows."""
        for split in list(self._rows):
            self._flush(split)

    def _flush(self, split: str) -> None:
        pa, _ = parquet()
        if not self._rows[split]:
            return
        if split not in self._writers:
            self._writers[split] = self._begun(split)
        rows = self._rows.pop(split)
        self._writers[split].write_table(pa.Table.from_pylist(rows, self.schema), row_group_size=len(rows))
        self._written[split] += self._waiting.pop(split)
        if self._written[split] >= self.shard_bytes:
            self._writers.pop(split).close()
            del self._written[split]

    def _begun(self, split: str) -> Any:
        _, pq = parquet()
        path = self.folder / f"{split}-{len(self.shards[split]):05d}.parquet"
        self.shards[split].append(path)
        # Pictures are compressed already, and all differ: there is nothing for a dictionary to gain.
        writer = pq.ParquetWriter(path, self.schema, use_dictionary=list(_WORDS), write_statistics=False)
        return self.open_shards.enter_context(writer)

    def name_shards(self) -> None:
        """Say in their names how many there are, as `datasets` expects it."""
        for split, paths in self.shards.items():
            self.shards[split] = [
                path.rename(self.folder / f"{split}-{number:05d}-of-{len(paths):05d}.parquet")
                for number, path in enumerate(paths)
            ]


def row_of(ready: Checked) -> dict[str, Any]:
    """A record as a row of the table.

    Raises:
        PairError: a picture went away.
    """
    record = ready.record
    row: dict[str, Any] = {"id": record.id, "captions": list(record.captions), "changed": record.changed}
    row |= {name: getattr(record, name) for name in _WORDS}
    row |= {"before": _picture(record.before), "after": _picture(record.after), "gsd_m": record.gsd_m}
    row["masks"] = [{"class": name, "image": _of_mask(mask)} for name, mask in ready.masks.items()]
    row["ignore"] = None if ready.ignore is None else _of_mask(ready.ignore)
    row["regions"] = None if record.regions is None else [_region(region) for region in regions_of(record)]
    row["meta"] = json.dumps(dict(record.meta), ensure_ascii=False) if record.meta else ""
    return row


def regions_of(record: Record) -> list[dict[str, Any]]:
    """The regions of a record as JSON values."""
    return [
        {
            "kind": region.kind,
            "label": region.label,
            "box": list(region.box),
            "caption": region.caption,
            "attributes": dict(region.attributes),
        }
        for region in record.regions or ()
    ]


def _region(region: Mapping[str, Any]) -> dict[str, Any]:
    """Facts differ from region to region, and a column has one type: they are JSON text."""
    facts = region["attributes"]
    return {**region, "attributes": json.dumps(facts, ensure_ascii=False) if facts else ""}


def _picture(picture: Picture) -> dict[str, Any]:
    return {"bytes": content(picture), "path": picture.name if isinstance(picture, Path) else None}


def _of_mask(mask: NDArray[np.bool_]) -> dict[str, Any]:
    return {"bytes": png_of_mask(mask), "path": None}


def png_of_mask(mask: NDArray[np.bool_]) -> bytes:
    """A mask as PNG: 255 where it is, else 0.

    Args:
        mask: (H, W) bool.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(mask).convert("L").save(file, "PNG")
    return file.getvalue()


def card(shards: Mapping[str, Sequence[Path]], title: str, licence: str, told: Sequence[str]) -> str:
    """The README of a packed folder, with what `datasets` reads of it.

    Args:
        shards: split -> its shards.
        title: of the source.
        licence: of the images.
        told: lines of the summary.
    """
    files = [f"  - split: {split}\n    path: {split}-*.parquet" for split in sorted(shards)]
    head = ["configs:", "- config_name: default", "  data_files:", *files]
    body = [
        f"# {title}",
        "",
        f"Licence of the images: {licence or 'not stated'}",
        "",
        *(f"    {line}" for line in told),
    ]
    return "\n".join(["---", *head, "---", *body, ""])
