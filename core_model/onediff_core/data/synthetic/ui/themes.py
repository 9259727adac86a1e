"""Looks of made-up software: colours, corners, density, typefaces."""

from __future__ import annotations

import colorsys
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

# What a page calls a typeface where none can be listed.
GENERIC: Final = ("sans-serif", "serif", "monospace")
# Signs, not letters, or unfit for reading.
_NOT_FOR_TEXT: Final = ("math", "symbol", "emoji", "icon", "dingbat", "braille", "music")


@dataclass(frozen=True)
class Theme:
    """One look. Colours are "#rrggbb".

    Attributes:
        dark: whether letters are lighter than the ground.
        ground: behind everything.
        surface: of cards, tables and bars.
        inset: of inputs and stripes.
        line: of borders.
        ink: of text.
        muted: of what matters less.
        accent: of primary buttons, links, and what is chosen.
        on_accent: of text on the accent.
        side: of the side bar and the top bar.
        on_side: of text there.
        radius: of corners, in pixels.
        gap: between things, in pixels.
        size: of letters, in pixels.
        font: family name.
        shadow: whether cards throw one.
        bordered: whether cards have a line around them.
    """

    dark: bool
    ground: str
    surface: str
    inset: str
    line: str
    ink: str
    muted: str
    accent: str
    on_accent: str
    side: str
    on_side: str
    radius: int
    gap: int
    size: int
    font: str
    shadow: bool
    bordered: bool


def colour(hue: float, lightness: float, saturation: float) -> str:
    """As "#rrggbb", from hue, lightness and saturation in 0..1."""
    red, green, blue = colorsys.hls_to_rgb(hue % 1, min(max(lightness, 0), 1), min(max(saturation, 0), 1))
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def rgb(hexadecimal: str) -> tuple[int, int, int]:
    """Three values of 0..255 from "#rrggbb"."""
    return int(hexadecimal[1:3], 16), int(hexadecimal[3:5], 16), int(hexadecimal[5:7], 16)


def readable_on(ground: str) -> str:
    """White or nearly black, whichever stands out more."""
    red, green, blue = rgb(ground)
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 150 else "#16181d"


def other_colour(now: str, rng: np.random.Generator) -> str:
    """A colour that is plainly another: a third of the circle away or more, and vivid."""
    red, green, blue = rgb(now)
    hue = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)[0]
    return colour(hue + rng.uniform(0.25, 0.75), rng.uniform(0.36, 0.56), rng.uniform(0.55, 0.9))


@cache
def font_files(*, bold: bool = False) -> dict[str, str]:
    """Family name -> file of each upright typeface for English that fontconfig knows; empty without fontconfig.

    Args:
        bold: the bold ones instead of the regular.
    """
    tool = shutil.which("fc-list")
    if tool is None:
        return {}
    weight = 200 if bold else 80  # as fontconfig counts
    wanted = (f":lang=en:scalable=True:slant=0:width=100:weight={weight}", "--format=%{family[0]}\t%{file}\n")
    said = subprocess.run([tool, *wanted], capture_output=True, text=True, check=True).stdout
    pairs = sorted(line.split("\t") for line in said.splitlines() if "\t" in line)
    return {family: file for family, file in pairs if not any(word in family.lower() for word in _NOT_FOR_TEXT)}


def random_theme(rng: np.random.Generator, *, dark: bool | None = None, font: str | None = None) -> Theme:
    """A look.

    Args:
        rng: decides everything that is not given.
        dark: whether it is a dark one.
        font: family name.
    """
    dark = bool(rng.random() < 0.3) if dark is None else dark
    hue, tint = rng.random(), rng.choice([0.0, 0.08, 0.18, 0.35])
    accent = colour(rng.random(), rng.uniform(0.35, 0.55), rng.uniform(0.5, 0.9))
    side = _side(rng, hue, tint, accent, dark=dark)
    lift = rng.uniform(0.0, 0.05)
    fonts = tuple(font_files()) or GENERIC
    return Theme(
        dark=dark,
        ground=colour(hue, 0.07 + lift if dark else 0.99 - lift, tint),
        surface=colour(hue, 0.12 + lift if dark else rng.choice([1.0, 0.985]), tint),
        inset=colour(hue, 0.17 + lift if dark else 0.95, tint),
        line=colour(hue, 0.25 + lift if dark else rng.uniform(0.8, 0.9), tint),
        ink=colour(hue, rng.uniform(0.86, 0.96) if dark else rng.uniform(0.06, 0.2), tint),
        muted=colour(hue, 0.62 if dark else rng.uniform(0.38, 0.5), tint * 0.6),
        accent=accent,
        on_accent=readable_on(accent),
        side=side,
        on_side=readable_on(side),
        radius=int(rng.choice([0, 2, 4, 6, 8, 12, 16])),
        gap=int(rng.choice([6, 8, 10, 12, 16])),
        size=int(rng.choice([12, 13, 14, 15, 16])),
        font=font or str(rng.choice(fonts)),
        shadow=bool(rng.random() < 0.4),
        bordered=bool(rng.random() < 0.75),
    )


def _side(rng: np.random.Generator, hue: float, tint: float, accent: str, *, dark: bool) -> str:
    """The colour of bars: like the ground, dark, or the accent."""
    choice = rng.random()
    if choice < 0.5:
        return colour(hue, 0.1 if dark else 0.965, tint)
    return colour(hue, rng.uniform(0.1, 0.22), max(tint, 0.15)) if choice < 0.8 else accent
