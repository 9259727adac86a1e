"""Words held against the places that they are about: which way things went, how many, and on which side they are.

Rules for English. They take a sentence for wrong only where every place speaks against it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from onediff_core.parsing import kinds_said, parse, sides_said
from onediff_plugins.english import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_core.parsing import Fact
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
_AGAIN: Final = re.compile(r"\b(\w+ .+?)(?:(?:,| and|, and) \1\b)+")
_MOST: Final = re.compile(r"\beight\b")
_VERBS: Final = {
    "was": "were",
    "is": "are",
    "has": "have",
    "appears": "appear",
    "disappears": "disappear",
    "appeared": "appeared",
    "disappeared": "disappeared",
}
# One thing of which one thing is told, and that up to the end of its clause.
_ONE: Final = re.compile(
    r"\b(?:an?|one) (?P<thing>[a-z]+(?: [a-z]+)??) "
    rf"(?P<verb>{'|'.join(_VERBS)})\b(?=(?P<told>[^,.;]*?)(?: and |[,.;]|$))"
)
_NUMBERS: Final = ("two", "three", "four", "five", "six", "seven", "eight")
# Sides of something else, and ways that things went.
_NO_PLACE: Final = re.compile(rf"\b(?:from|to|towards?) the {_SIDE}\b|\b(?:at|in|on) the {_SIDE} (?=of\b)(?!{_WHOLE})")


def grounded(texts: Sequence[str], places: Sequence[Place], *, more: bool = False) -> str:
    """The text that the places contradict least.

    Args:
        texts: of the same, the likeliest first.
        places: that they are about.
        more: whether there are more places than these; then eight are not all.

    Returns:
        Of those that tell the right direction, the first with the fewest faults: wrong sides, half of what came
        and went, the same told twice; "" where all tell the wrong one. Wrong sides are cut, clauses that come again,
        and openings such as "one change:"; "a building was built" of three places becomes "three buildings were built".
    """
    directed = [text for text in texts if not _wrong_way(text, places)]
    if not directed:
        return ""
    faults = (_wrong_side, _half_told, _says_twice)
    text = min(directed, key=lambda text: sum(fault(text, places) for fault in faults))  # the first of those
    return _told(_SIDES.sub("", text) if _wrong_side(text, places) else text, places, more=more)


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


def _half_told(text: str, places: Sequence[Place]) -> bool:
    """Whether things came and things went, and one of it is not told."""
    kinds = {place.kind for place in places}
    return kinds >= set(_OPPOSITE) and not kinds_said(text) >= set(_OPPOSITE)


def _says_twice(text: str, _: Sequence[Place]) -> bool:
    return _AGAIN.search(text) is not None


def _told(text: str, places: Sequence[Place], *, more: bool) -> str:
    text = _AGAIN.sub(r"\1", _OPENING.sub("", text))
    told = parse(text)
    text = _ONE.sub(lambda one: _in_number(one, told, places), text)
    return _MOST.sub("many", text) if more else text


def _in_number(one: re.Match[str], told: Sequence[Fact], places: Sequence[Place]) -> str:
    """What is told of one thing, told of as many as there are places of its kind; as it is where that is not clear."""
    facts = parse(one[0] + one["told"])
    if len(facts) != 1 or facts[0].side:
        return one[0]
    label, kind = facts[0].label, facts[0].kind
    again = sum((fact.label, fact.kind) == (label, kind) for fact in told) > 1  # others of them are told of elsewhere
    count = sum((place.label, place.kind) == (label, kind) for place in places)
    if again or count < 2:
        return one[0]
    return f"{_NUMBERS[min(count, 8) - 2]} {plural(one['thing'])} {_VERBS[one['verb']]}"
