"""Birds-to-Words (Forbes et al., EMNLP 2019): two photographs of birds, paragraphs by up to five people.

Nothing changed: two animals are compared, hence the task `compare`. The set is a list of addresses; pictures that the
user fetched are found by the number of their photo, the last part of `img1ObservationURL`.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import SPLITS, Record
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary

COLUMNS: Final = ("img1ObservationURL", "img1Species", "img2ObservationURL", "img2Species", "split", "description")


def _read(root: Path, given: tuple[Path, ...], settings: base.WithImages, summary: Summary) -> Iterator[Record]:
    images = base.pictures_by_stem(root / settings.images)
    pairs: dict[tuple[str, str], list[dict[str, str]]] = {}
    for path in given or _files(root):
        for row in _rows(path):
            pairs.setdefault((_photo(row["img1ObservationURL"]), _photo(row["img2ObservationURL"])), []).append(row)
    for (one, other), rows in pairs.items():
        first = rows[0]
        yield Record(
            id=f"{one}_{other}",
            before=images.get(one, root / settings.images / f"{one}.jpg"),
            after=images.get(other, root / settings.images / f"{other}.jpg"),
            captions=base.written((row["description"] for row in rows), summary),
            task="compare",
            domain="photo",
            source=SOURCE.name,
            licence=SOURCE.licence,
            split=SPLITS[first["split"]],
            group=one,
            meta={"species_before": first["img1Species"], "species_after": first["img2Species"]},
        )


def _files(root: Path) -> list[Path]:
    found = sorted(root.glob("birds-to-words*.tsv"))
    if not found:
        raise base.SourceError(f"{root} has no birds-to-words-v1.0.tsv; name it with --annotations")
    return found


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, delimiter="\t")
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise _wrong(path, f"its first line lacks {', '.join(missing)}")
            for row in reader:
                if None in row.values() or row["split"] not in SPLITS:
                    raise _wrong(path, f"line {reader.line_num} is cut off, or its split is no train, val or test")
                yield row
    except FileNotFoundError:
        raise base.SourceError(f"{path} is not there") from None
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise base.SourceError(f"{path} cannot be read: {exc}") from exc


def _wrong(path: Path, reason: str) -> base.SourceError:
    """A TSV that is not the set's, or annotations of another set."""
    try:
        parsed: Any = base.read_json(path)
    except base.SourceError:
        return base.SourceError(
            f"{path} is no annotation file of {SOURCE.title}, which is {SOURCE.annotations}: {reason}"
        )
    return base.wrong_file(SOURCE, path, parsed)


def _photo(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]


SOURCE: Final = base.Source(
    name="birds-to-words",
    title="Birds-to-Words",
    reads="birds-to-words-v1.0.tsv; images/PHOTO.jpg, fetched by you",
    licence="of each photo on iNaturalist",
    settings=base.WithImages,
    read=_read,
    annotations="a TSV of eleven named columns",
)
