"""Sentences that people wrote about changes, without their images: LEVIR-CC, Spot-the-Diff, Image-Editing-Request."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_core.evaluation.said import UNCHANGED
from onediff_core.training.sets import DataError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "captions_text"
_HELD_OUT: Final = 20  # one pair in so many is for scores alone


class Texts(NamedTuple):
    """What was read, in the order of the files.

    Attributes:
        satellite: five sentences a changed pair, of LEVIR-CC.
        held_out: the same, of pairs that are scored and not learned from.
        scenes: sentences that each tell one change, of Spot-the-Diff.
        requests: of Image-Editing-Request, what somebody asks to be done: the words are worth knowing, but they are
            orders and describe nothing.
    """

    satellite: tuple[tuple[str, ...], ...]
    held_out: tuple[tuple[str, ...], ...]
    scenes: tuple[str, ...]
    requests: tuple[str, ...]


def read_texts(data: Path) -> Texts:
    """Read the training parts of the three.

    Args:
        data: the folder of all sets.

    Raises:
        DataError: a file is missing or holds something else.
    """
    folder = data / FOLDER
    levir = _read(folder / "levir_cc_train.json.gz")
    spot = _read(folder / "spot_the_diff" / "train.json.gz")
    edits = _read(folder / "image_editing_request" / "train.json.gz")
    try:
        changed = [tuple(map(str, told)) for told in levir.values() if UNCHANGED not in told]
        scenes = tuple(str(sentence) for pair in spot for sentence in pair["sentences"])
        requests = tuple(str(sentence) for pair in edits for sentence in pair["sents"])
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"the texts in {folder} are not as their makers wrote them: {error!r}") from error
    return Texts(
        satellite=tuple(told for at, told in enumerate(changed) if at % _HELD_OUT),
        held_out=tuple(changed[::_HELD_OUT]),
        scenes=scenes,
        requests=requests,
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}; the word stages learn their words from it") from error
