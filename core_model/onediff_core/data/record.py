"""The record: one pair to learn from as it is written down, its pictures encoded and wherever they lie.

`Sample` is a record that was decoded. A record may say more than a sample can hold, such as two pictures of different
sizes, and it costs no pixels: converters yield records, one at a time.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL.Image import Image

    from onediff_core.data.sample import SampleRegion

Picture = Path | bytes
"""A file, or the content of one, in a format that Pillow reads."""

SPLITS: Final = {"train": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test"}
"""What sets call their splits -> what they are called here."""

_SPLIT: Final = re.compile(r"\w*")
TASKS: Final = {
    "caption": "sentences about the pair that say the same",
    "list": "sentences that each tell one difference",
    "edit": "orders that turn the before image into the after image; they describe nothing",
    "compare": "paragraphs that compare two things which were never the same",
}


@dataclass(frozen=True, kw_only=True)
class Shade:
    """Where a grey picture has certain values: how one picture holds the masks of several classes.

    Attributes:
        picture: read as grey, 8 bits.
        values: the grey values that are meant; every one but 0 where there are none.
    """

    picture: Picture
    values: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """A pair to learn from; what is not known is absent, which is not the same as empty.

    Attributes:
        id: unique within its source.
        before: picture.
        after: picture, on the grid of which masks and regions lie.
        masks: class -> where it is, for each class that is labelled.
        ignore: where no mask means anything, or None.
        regions: the changes, all of them, or None where they were never listed.
        captions: what was written; what it answers says `task`.
        changed: whether anything changed, or None where nobody said.
        task: a name of TASKS; empty where there are no captions.
        domain: satellite, ui, surveillance, or another.
        source: which set it is from.
        licence: of the images, an SPDX name or words.
        split: train, val or test; empty where there is none.
        group: pairs of one group show the same place and are never split.
        gsd_m: ground sample distance in metres, or None.
        meta: what else the source says, as JSON values.
    """

    id: str
    before: Picture
    after: Picture
    masks: Mapping[str, Shade] = field(default_factory=dict)
    ignore: Shade | None = None
    regions: tuple[SampleRegion, ...] | None = None
    captions: tuple[str, ...] = ()
    changed: bool | None = None
    task: str = ""
    domain: str = ""
    source: str = ""
    licence: str = ""
    split: str = ""
    group: str = ""
    gsd_m: float | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the task and the split."""
        if self.task and self.task not in TASKS:
            raise ValueError(f"record {self.id!r}: there is no task {self.task!r}: choose one of {', '.join(TASKS)}")
        if not _SPLIT.fullmatch(self.split):
            raise ValueError(f"record {self.id!r}: the split {self.split!r} must be letters, digits and _")

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them, masks included."""
        masks = [*self.masks.values(), *([self.ignore] if self.ignore else [])]
        return (self.before, self.after, *dict.fromkeys(mask.picture for mask in masks))


def split_called(name: str) -> str:
    """What a split is called here, whatever the set calls it; a name of its own stays."""
    return SPLITS.get(name.lower(), name)


def shade(pixels: NDArray[np.uint8], values: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a grey picture has one of some values; where it is not 0, if there are none.

    Args:
        pixels: (H, W) uint8.
        values: 0 to 255.

    Returns:
        (H, W) bool.
    """
    return np.isin(pixels, values) if values else pixels > 0


def grey(picture: Picture) -> NDArray[np.uint8]:
    """(H, W) uint8.

    Raises:
        PairError: it is missing or no picture.
        OSError: it was cut off.
    """
    with opened(picture) as image:
        return np.asarray(image.convert("L"))


def opened(picture: Picture) -> Image:
    """The picture, its header read and its pixels not yet.

    Raises:
        PairError: it is missing or no picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture)
    except (OSError, UnidentifiedImageError) as exc:
        raise PairError(f"{named(picture)} cannot be read: {exc}") from exc


def content(picture: Picture) -> bytes:
    """The encoded picture.

    Raises:
        PairError: the file cannot be read.
    """
    if isinstance(picture, bytes):
        return picture
    try:
        return picture.read_bytes()
    except OSError as exc:
        raise PairError(f"{picture} cannot be read: {exc}") from exc


def named(picture: Picture) -> str:
    """How a message calls it."""
    return f"a picture of {len(picture)} bytes" if isinstance(picture, bytes) else str(picture)
