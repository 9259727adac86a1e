"""A model's answer, read with suspicion: it may be wrapped in prose, break off, or name places that are not there."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_plugins.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

LONGEST_CAPTION: Final = 1000
LONGEST_REGION_CAPTION: Final = 400
_THOUGHT: Final = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
# What is beyond is not read: no description is so long.
_LONGEST: Final = 200_000
# Objects are looked for at so many braces at most: an answer of nothing but braces would take quadratic time.
_MOST_STARTS: Final = 200
# Punctuation ends a sentence in whatever script a model writes, but for these; "." is added to other words.
_NO_ENDS: Final = frozenset(",;:'\"&#%@*/\\")
# Characters that would turn the text around them ("Trojan source"): direction overrides, embeddings and isolates.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class UnusableAnswerError(DescriptionError):
    """The model answered, but not with what was asked for; asking once more may help."""


class Answer(NamedTuple):
    """What a model said.

    Attributes:
        caption: of the pair; None where it was not asked for.
        captions: number of a place -> what changed there. A place that it sees no difference at is not among them.
        unseen: the places that it says it sees no difference at.
        missing: the places that it does not speak of.
        invented: what it speaks of and was not asked about, as it wrote it.
    """

    caption: str | None
    captions: Mapping[int, str]
    unseen: tuple[int, ...]
    missing: tuple[int, ...]
    invented: tuple[str, ...]


def read_answer(text: str, places: Collection[int], *, pair: bool) -> Answer:
    """What a model's text says, held against what it was asked.

    Args:
        text: JSON, which may stand in a fence or in prose, after thoughts.
        places: numbers of the places that it was asked about.
        pair: whether it was asked about the pair, too.

    Raises:
        UnusableAnswerError: no JSON of that form, no words for the pair, or not one of the places.
    """
    found = _object(text)
    listed = found.get("regions", found.get("places"))
    said = dict(_entries(listed)) if isinstance(listed, list | dict) else None
    if said is None:
        raise UnusableAnswerError(f'its JSON has no list "regions" but {_keys(found)}')
    known = {place: said[place] for place in places if place in said}
    invented = tuple(_shown(key) for key in said if key not in set(places))
    if not known:
        named = f"it speaks of {', '.join(invented[:5])}" if invented else "it speaks of none"
        raise UnusableAnswerError(f"it was asked about place{'s' * (len(places) > 1)} {_listed(places)} and {named}")
    captions = {place: words for place, raw in known.items() if (words := _sentence(raw, LONGEST_REGION_CAPTION))}
    caption = None
    if pair:
        caption = _sentence(found.get("caption"), LONGEST_CAPTION)
        if not caption and captions:
            raise UnusableAnswerError('its JSON has no words under "caption"')
    unseen = tuple(place for place in known if place not in captions)
    missing = tuple(place for place in places if place not in known)
    return Answer(caption, captions, unseen, missing, invented)


def _object(text: str) -> dict[str, Any]:
    """The first JSON object in a text that speaks of places, or else the first of all."""
    text = _THOUGHT.sub("", text[:_LONGEST])
    if not text.strip():
        raise UnusableAnswerError("it is empty")
    others: list[dict[str, Any]] = []
    for found in _objects(text):
        if found.keys() & {"regions", "places"}:
            return found
        others.append(found)
    if text.count("{") > text.count("}"):  # what is whole in it are but the entries
        raise UnusableAnswerError(f"its JSON breaks off: {quote(text, 80)}")
    if not others:
        raise UnusableAnswerError(f"it holds no JSON object: {quote(text, 80)}")
    return others[0]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    position = text.find("{")
    for _ in range(_MOST_STARTS):
        if position < 0:
            return
        try:
            found, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, or nested without end
            end = position + 1
        else:
            yield found
        position = text.find("{", end)


def _entries(listed: Sequence[Any] | Mapping[Any, Any]) -> Iterator[tuple[object, object]]:
    """(number, words), from a list of objects or from one object; the number as it was written where it is none."""
    pairs = (
        listed.items()
        if isinstance(listed, dict)
        else ((item.get("id"), item.get("caption")) for item in listed if isinstance(item, dict))
    )
    for key, words in pairs:
        if isinstance(words, dict):
            words = words.get("caption")
        yield _number(key), words


def _number(key: object) -> object:
    if isinstance(key, float) and key.is_integer():
        return int(key)
    if isinstance(key, str) and (digits := re.fullmatch(r"\s*(?:(?:place|region)\s*)?#?([0-9]{1,6})\s*", key, re.I)):
        return int(digits[1])
    return key if isinstance(key, int) and not isinstance(key, bool) else repr(key)


def _sentence(raw: object, longest: int) -> str:
    """Words as a sentence that is safe to print, or "" for anything that is no text."""
    if not isinstance(raw, str):
        return ""
    # Controls, halves of surrogate pairs and unassigned characters cannot be printed or written; joiners stay, since
    # scripts and emoji need them.
    letters = (letter for letter in " ".join(raw.split()) if unicodedata.category(letter) not in ("Cc", "Cs", "Cn"))
    words = unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TURNING)).strip()
    if not any(letter.isalnum() for letter in words):
        return ""
    if len(words) > longest:
        words = words[: longest - 1].rstrip() + "…"
    ends = unicodedata.category(words[-1]) == "Po" and words[-1] not in _NO_ENDS
    return words[0].upper() + words[1:] + ("" if ends else ".")


def quote(text: str, longest: int = 200) -> str:
    """A foreign text on one line between quotes, in letters that can be printed, cut at its end."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * longest])
    line = " ".join(line.split())
    return f'"{line if len(line) <= longest else line[: longest - 1] + "…"}"'


def _shown(key: object) -> str:
    return quote(str(key), 20).strip('"')


def _keys(found: Mapping[str, Any]) -> str:
    return ", ".join(quote(key, 20) for key in list(found)[:5]) or "nothing"


def _listed(places: Collection[int]) -> str:
    return ", ".join(map(str, places))
