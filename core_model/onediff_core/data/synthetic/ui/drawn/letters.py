"""Letters for drawn screens: the typefaces of the machine, or Pillow's own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from PIL import ImageFont

from onediff_core.data.synthetic.ui.themes import font_files

if TYPE_CHECKING:
    Loaded = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Font(NamedTuple):
    """Family name ("" for Pillow's own), height in pixels, weight."""

    family: str
    size: int
    bold: bool = False


@lru_cache(maxsize=256)
def load(font: Font) -> Loaded:
    """The typeface; where the family has no bold one, the regular."""
    files = font_files(bold=font.bold)
    file = files.get(font.family) or font_files().get(font.family)
    return ImageFont.truetype(file, font.size) if file else ImageFont.load_default(font.size)


@lru_cache(maxsize=8192)
def width(text: str, font: Font) -> int:
    """Of a text on one line, in pixels."""
    return round(load(font).getlength(text))


@lru_cache(maxsize=8192)
def fitted(text: str, font: Font, room: int) -> str:
    """The text, cut and ended with three dots where it is wider than the room."""
    if width(text, font) <= room + 1:
        return text
    share = max(int(len(text) * room / width(text, font)) - 1, 0)
    return next((cut for end in range(share, 0, -1) if width(cut := f"{text[:end].rstrip()}...", font) <= room), "")
