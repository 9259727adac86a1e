"""The list of pairs in a folder, whoever made it: a `pairs.jsonl`, another list, or pictures beside each other."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.packed import shards_of
from onediff_core.data.record import split_called
from onediff_plugins.errors import PairsFileError
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onediff_plugins.pairs import PairEntry

PAIRS: Final = "pairs.jsonl"
BEFORE, AFTER, MASKS = "before", "after", "masks"
_STRUCTURED: Final = ("masks", "regions", "boxes")
_STRUCTURED_OR_TEXT: Final = ("captions", "ignore", "meta")


def read_list(path: Path, mask_class: str) -> list[dict[str, Any]]:
    """The rows of a list, each with `id`, `before`, `after` and what else is known of the pair.

    Args:
        path: a CSV, JSONL or Parquet file as `onediff batch` takes it; a folder with `pairs.jsonl`; or a folder with
            `before/` and `after/`, pictures of one name in both, and `masks/`, with a mask of the same name, or a
            folder of them for each class.
        mask_class: what the masks of a folder without classes show.

    Returns:
        In the order of the list. Paths are absolute, or relative to the folder of the list.

    Raises:
        PairsFileError: there is no list, or it cannot be used; the message says where.
    """
    if not path.is_dir() or (path / PAIRS).is_file():
        return [_row(entry) for entry in read_pairs(path / PAIRS if path.is_dir() else path)]
    if (path / BEFORE).is_dir() and (path / AFTER).is_dir():
        masks = _masks(path / MASKS, mask_class)
        return [{**_row(entry), "masks": _of(masks, entry.id)} for entry in read_pairs(path / BEFORE, path / AFTER)]
    raise PairsFileError(
        f"{path} holds no pairs: a folder of pairs has a {PAIRS}, or the folders {BEFORE}/ and {AFTER}/ with pictures "
        f"of the same names, and {MASKS}/"
    )


def _row(entry: PairEntry) -> dict[str, Any]:
    domain = "" if entry.domain == "auto" else entry.domain
    meta = {name: _parsed(value) if _is_structured(name, value) else value for name, value in entry.meta.items()}
    if isinstance(split := meta.get("split"), str):
        meta["split"] = split_called(split)
    return {**meta, "id": entry.id, "before": entry.before, "after": entry.after, "domain": domain}


def _is_structured(name: str, value: Any) -> bool:
    return name in _STRUCTURED or (name in _STRUCTURED_OR_TEXT and str(value).lstrip()[:1] in ("[", "{"))


def _parsed(value: Any) -> Any:
    """A CSV has text where a list or an object is meant; what is neither is refused with its pair."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except ValueError:
        return value


def _masks(folder: Path, mask_class: str) -> dict[str, dict[str, Path]]:
    """Class -> name without its ending -> file. A folder of folders has a class each."""
    if not folder.is_dir():
        return {}
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for name, inside in [(path.name, path) for path in classes] or [(mask_class, folder)]:
        for file in sorted(path for path in inside.rglob("*") if path.is_file() and not path.name.startswith(".")):
            stem = file.relative_to(inside).with_suffix("").as_posix()
            if stem in found[name]:
                raise PairsFileError(f"{found[name][stem]} and {file} are masks of one picture: keep one of them")
            found[name][stem] = file
    return found


def _of(masks: Mapping[str, Mapping[str, Path]], name: str) -> dict[str, str]:
    """The masks of a picture; what it has none of is not labelled."""
    stem = name.rpartition(".")[0] or name
    return {of: str(files[stem].absolute()) for of, files in masks.items() if stem in files}


def is_list(folder: Path) -> bool:
    """Whether a place is a folder with a list of pairs, or with pictures beside each other."""
    return (folder / PAIRS).is_file() or ((folder / BEFORE).is_dir() and (folder / AFTER).is_dir())


def holds_pairs(folder: Path) -> bool:
    """Whether a folder has a list of pairs, or pairs packed in Parquet."""
    return is_list(folder) or bool(shards_of(folder))


def classes_of(rows: Sequence[Mapping[str, Any]], mask_class: str) -> list[str]:
    """Classes that some row has a mask of, in the order in which they come."""
    masks = [row["masks"] for row in rows if isinstance(row.get("masks"), dict)]
    named = dict.fromkeys(name for row in masks for name in row)
    if any(row.get("mask") for row in rows):
        named.setdefault(mask_class)
    return list(named)
