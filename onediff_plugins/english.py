"""The little English that captions need: articles, plurals, lists, sentences, rounded measures, names of colours."""

from __future__ import annotations

import colorsys
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Spelt with a vowel, spoken with a consonant ("a unit", "a one-way street"), and the other way round.
_CONSONANT_SOUND: Final = re.compile(r"^(uni|us[aeiu]|eu|ewe|one\b|once\b|ut[ei]|ubi|u-)", re.IGNORECASE)
_VOWEL_SOUND: Final = re.compile(r"^(hour|honest|honou?r|heir|8|11\b|18\b)", re.IGNORECASE)
_ACRONYM: Final = re.compile(r"^([A-Z])(?=[A-Z0-9]|$|[\s-])")
_IRREGULAR: Final = {
    "child": "children",
    "foot": "feet",
    "man": "men",
    "person": "people",
    "woman": "women",
    "leaf": "leaves",
    "roof": "roofs",
    "shelf": "shelves",
}
_HEX_COLOUR: Final = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
# Up to this hue in degrees.
_HUES: Final = (
    (12, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (195, "teal"),
    (255, "blue"),
    (290, "purple"),
    (345, "pink"),
    (360, "red"),
)


def article(noun: str) -> str:
    """The noun with "a" or "an", by its sound: "an area", "a unit", "an SVG icon"."""
    if acronym := _ACRONYM.match(noun):
        vowel = acronym[1] in "AEFHILMNORSX"  # letters whose names start with a vowel
    else:
        vowel = bool(_VOWEL_SOUND.match(noun)) or (noun[:1].lower() in "aeiou" and not _CONSONANT_SOUND.match(noun))
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """The regular plural of a noun phrase's last word, and the irregular ones that captions meet."""
    head, space, last = noun.rpartition(" ")
    lower = last.lower()
    if lower in _IRREGULAR:
        ending = _IRREGULAR[lower]
    elif re.search(r"[^aeiou]y$", lower):
        ending = last[:-1] + "ies"
    elif re.search(r"(s|x|z|ch|sh)$", lower):
        ending = last + "es"
    else:
        ending = last + "s"
    return f"{head}{space}{ending}"


def listed(parts: Sequence[str]) -> str:
    """Such as "a, b and c"; parts that hold commas themselves are set apart by semicolons."""
    if len(parts) <= 1:
        return "".join(parts)
    if any("," in re.sub(r"(?<=\d),(?=\d)", "", part) for part in parts):
        return "; ".join(parts[:-1]) + f"; and {parts[-1]}"
    return ", ".join(parts[:-1]) + f" and {parts[-1]}"


def sentence(text: str) -> str:
    """The text with single spaces, a capital first letter and one full stop (or the mark that it ends with)."""
    words = " ".join(text.split())
    if not words.endswith(("!", "?")):
        words = words.rstrip(".;, ") + "."
    return words[:1].upper() + words[1:]


def area_words(square_metres: float) -> str:
    """An area to two digits in the unit people would use: "about 420 m²", "about 1.2 hectares", "about 3 km²".

    Args:
        square_metres: finite, not negative.
    """
    if square_metres < 1:
        return "under 1 m²"
    rounded = float(f"{square_metres:.2g}") if square_metres >= 10 else float(f"{square_metres:.1g}")
    if rounded < 10_000:
        return f"about {rounded:,.0f} m²"
    if rounded < 1_000_000:
        hectares = f"{rounded / 10_000:g}"
        return f"about {hectares} {'hectare' if hectares == '1' else 'hectares'}"
    square_kilometres = rounded / 1_000_000
    return f"about {square_kilometres:,.0f} km²" if square_kilometres >= 10 else f"about {square_kilometres:g} km²"


def quoted(text: str, limit: int = 40) -> str:
    """The text on one line between quotes, shortened to `limit` characters."""
    line = " ".join(text.split())
    return f'"{line if len(line) <= limit else line[: limit - 1].rstrip() + "…"}"'


def colour_words(colour: str) -> str:
    """A colour by name: "green (#2f7d5b)" for a hex code, anything else as it is."""
    if not _HEX_COLOUR.fullmatch(colour):
        return colour
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if lightness < 0.08 or lightness > 0.95:
        return f"{'black' if lightness < 0.5 else 'white'} ({colour})"
    name = "grey" if saturation < 0.12 else next(word for limit, word in _HUES if hue * 360 <= limit)
    if name == "orange" and lightness < 0.38:
        name = "brown"
    tone = "dark " if lightness < 0.32 and name != "brown" else "light " if lightness > 0.75 else ""
    return f"{tone}{name} ({colour})"
