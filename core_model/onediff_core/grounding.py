"""Words held against the places that they are about: which way things went, and on which side they are.

Rules for English. They take a sentence for wrong only where every place speaks against it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from onediff_core.training.words.parsing import kinds_said, sides_said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_core.prompts import Place

_OPPOSITE: Final = {"added": "removed", "removed": "added"}
# What takes another's place comes and goes at once.
_REPLACE: Final = re.compile(r"\breplac")
_CORNER: Final = r"(?:upper|lower|top|bottom)(?:[ -](?:left|right))?+|left|right"
_SIDE: Final = rf"(?:{_CORNER})(?:[ -](?:hand )?(?:corner|side|part|end|edge))?+"
_WHOLE: Final = r"of the (?:scene|image|picture|view|page)\b"
_PHRASE: Final = rf" (?:at|in|on) the {_SIDE}\b(?: {_WHOLE}|(?! of\b))"
_SIDES: Final = re.compile(rf"{_PHRASE}(?:(?:,| and|, and){_PHRASE})*")
# How generators count changes before they tell them.
_OPENING: Final = re.compile(r"^(?:\w+ changes?|the change): ")
_MOST: Final = re.compile(r"\beight\b")
# Sides of something else, and ways that things went.
_NO_PLACE: Final = re.compile(rf"\b(?:from|to|towards?) the {_SIDE}\b|\b(?:at|in|on) the {_SIDE} (?=of\b)(?!{_WHOLE})")


def grounded(texts: Sequence[str], places: Sequence[Place], *, more: bool = False) -> str:
    """The first text that the places do not contradict.

    Args:
        texts: of the same, the likeliest first.
        places: that they are about.
        more: whether there are more places than these; then eight are not all.

    Returns:
        Without an opening such as "one change:". Where none fits, the first that tells the right direction, without
        the sides that are wrong; "" where all tell the wrong one.
    """
    directed = [text for text in texts if not _wrong_way(text, places)]
    for text in directed:
        if not _wrong_side(text, places):
            return _told(text, more)
    return _told(_SIDES.sub("", directed[0]), more) if directed else ""


def _wrong_way(text: str, places: Sequence[Place]) -> bool:
    """Whether all places are where things came, and the text says that they went, or the reverse."""
    kinds = {place.kind for place in places}
    if len(kinds) != 1 or _REPLACE.search(text):
        return False
    other = _OPPOSITE.get(kinds.pop())
    return kinds_said(text) & set(_OPPOSITE) == {other}


def _wrong_side(text: str, places: Sequence[Place]) -> bool:
    """Whether a side is named in whose half of the image no place has a part."""
    held = {
        "left": any(place.box[0] < 0.5 for place in places),
        "right": any(place.box[2] > 0.5 for place in places),
        "top": any(place.box[1] < 0.5 for place in places),
        "bottom": any(place.box[3] > 0.5 for place in places),
    }
    return any(not held.get(side, True) for side in sides_said(_NO_PLACE.sub("", text)))


def _told(text: str, more: bool) -> str:
    text = _OPENING.sub("", text)
    return _MOST.sub("many", text) if more else text
