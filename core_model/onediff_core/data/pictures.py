"""Single pictures with words, as they are published: captions, or conversations in LLaVA's form.

A list is JSON, JSON lines or Parquet, and a row holds `image` (a path relative to the list, or to `images/` beside it;
encoded in Parquet) and `caption`, `captions` or `conversations`. A list of pairs is read, too: of a pair that changed
the after picture and what was said of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onediff_core.data.folder import PairFolder
from onediff_core.data.listing import PAIRS, holds_pairs
from onediff_core.data.record import opened
from onediff_plugins.errors import PairError, PairsFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_IMAGE = "<image>"
_LISTS = ("pictures.jsonl", "pictures.json", "pictures.parquet")


class Said(NamedTuple):
    """A question about a picture and its answer; the question is empty for a caption."""

    question: str
    answer: str


class PictureList(Sequence[tuple[Said, ...]]):
    """What is said of each picture of a list; pictures are read when they are asked for.

    Args:
        path: a list, or a folder with `pictures.jsonl`, `pictures.json` or `pictures.parquet`, or a list of pairs.

    Raises:
        PairsFileError: there is no list, or no row of it can be used; the message says why.
    """

    def __init__(self, path: Path) -> None:
        """Read the list."""
        self.path, self.rows = path, _rows(path)
        if not self.rows:
            raise PairsFileError(f"{path} holds no picture with a caption or a conversation")

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        """What is said of a picture."""
        return self.rows[index][1]

    def picture(self, index: int) -> Picture:
        """(H, W, 3) uint8 RGB.

        Raises:
            PairError: it is missing or cannot be read.
        """
        return _read(self.rows[index][0])


def _read(source: Any) -> Picture:
    try:
        with opened(source) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise PairError(f"{source if isinstance(source, Path) else 'a picture'} is cut off: {error}") from error


def _rows(path: Path) -> list[tuple[Any, tuple[Said, ...]]]:
    if path.is_dir():
        if found := next((path / name for name in _LISTS if (path / name).is_file()), None):
            return _rows(found)
        if holds_pairs(path):
            return _of_pairs(path)
        raise PairsFileError(f"{path} holds no list of pictures: {', '.join(_LISTS)}, or {PAIRS}")
    if path.name == PAIRS:
        return _of_pairs(path)
    made = []
    for number, row in enumerate(_read_list(path), 1):
        if isinstance(row, dict) and "image" not in row and "conversations" in row:
            continue  # talk without a picture, of which LLaVA's mixture holds some
        if not isinstance(row, dict) or not row.get("image"):
            raise PairsFileError(f"{path}, row {number}: no image; a row has image and caption or conversations")
        if said := _said(row, path, number):
            made.append((_image(row["image"], path), said))
    return made


def _read_list(path: Path) -> list[Any]:
    if not path.is_file():
        raise PairsFileError(f"there is no list of pictures {path}")
    if path.suffix == ".parquet":
        from onediff_core.data.packing import parquet

        rows: list[Any] = parquet()[1].read_table(path).to_pylist()
        return rows
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            content = json.loads(text)
            return content if isinstance(content, list) else [content]
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise PairsFileError(f"{path} cannot be read: {error}") from error


def _image(value: Any, path: Path) -> Any:
    if isinstance(value, dict):  # as Hugging Face datasets stores one
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    beside = path.parent / str(value)
    return beside if beside.is_file() else path.parent / "images" / str(value)


def _said(row: dict[str, Any], path: Path, number: int) -> tuple[Said, ...]:
    if (turns := row.get("conversations")) is not None:
        try:
            words = [str(turn["value"]).replace(_IMAGE, "").strip() for turn in turns]
        except (TypeError, KeyError) as error:
            raise PairsFileError(f"{path}, row {number}: a conversation is a list of from and value") from error
        return tuple(Said(*both) for both in zip(words[::2], words[1::2], strict=False) if both[1])
    captions = row.get("captions") or [row.get("caption")]
    return tuple(Said("", " ".join(str(text).split())) for text in captions if text and str(text).strip())


def _of_pairs(path: Path) -> list[tuple[Any, tuple[Said, ...]]]:
    pairs = PairFolder(path, split="train")
    made = []
    for number, row in enumerate(pairs.rows):
        said = tuple(Said("", str(text)) for text in row.get("captions") or [] if text)
        if said and row.get("changed") is not False and not _unchanged(row):
            after = pairs.row_with_pictures(number)["after"]
            made.append((after if isinstance(after, bytes) else Path(after), said))
    return made


def _unchanged(row: dict[str, Any]) -> bool:
    """What says that nothing changed says nothing of a picture. Of LEVIR-CC, whose lists have no verdicts."""
    return "there is no difference" in (row.get("captions") or [])
