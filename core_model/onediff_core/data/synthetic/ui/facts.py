"""Facts of edits in the words that captions use."""

from __future__ import annotations

import re
from itertools import takewhile

from onediff_plugins import english

_SHORT = 5  # words that are quoted whole


def text_change(old: str, new: str) -> dict[str, str]:
    """Of a text that changed: both texts, or, of long ones, the words that differ.

    Args:
        old: the text before.
        new: the text after.
    """
    before, after = old.split(), new.split()
    if max(len(before), len(after)) > _SHORT:
        start = _alike(before, after)
        before, after = before[start:], after[start:]
        end = _alike(before[::-1], after[::-1])
        before, after = before[: len(before) - end], after[: len(after) - end]
    return {"what": "text", "text_before": " ".join(before), "text_after": " ".join(after)}


def _alike(one: list[str], other: list[str]) -> int:
    """How many words both start with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def colour_change(old: str, new: str) -> dict[str, str]:
    """Of a colour that changed: both by name; empty where people would call both the same.

    Args:
        old: "#rrggbb".
        new: "#rrggbb".
    """
    names = [english.colour_words(one).partition(" (")[0] for one in (old, new)]
    if names[0] == names[1]:
        return {}
    return {"what": "colour", "colour_before": names[0], "colour_after": names[1]}


def hexadecimal(css: str) -> str:
    """A colour as browsers compute it, "rgb(1, 2, 3)", as "#010203"; "" for one that lets anything through.

    What is in that form already stays.
    """
    if not css or css.startswith("#"):
        return css
    numbers = re.findall(r"[\d.]+", css)
    if len(numbers) == 4 and float(numbers[3]) < 1:
        return ""
    return "#" + "".join(f"{round(float(number)):02x}" for number in numbers[:3])
