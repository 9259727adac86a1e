"""Captions as the papers of remote sensing score them: numbers of words of a vocabulary, in place of the words.

RSICC, Chg2Cap and Change-Agent, and what was made from them, compare the ids that a model gives out, as strings. So
METEOR knows no stems, synonyms or paraphrases, rare words of the references are all one word, and "," and ";" count.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_RARE: Final = 5
_UNKNOWN: Final = 1
_FIRST: Final = 4  # ids below stand for nothing, unknown words, starts and ends


def tokens(caption: str) -> list[str]:
    """The words of a caption: "?" and "." are dropped, "," and ";" are words."""
    text = caption.lower().replace("?", "").replace(".", "")
    for mark in (";", ","):
        text = text.replace(mark, f" {mark} ")
    return text.split()


def vocabulary(captions: Iterable[str], most_rare: int = MOST_RARE) -> dict[str, int]:
    """Word -> id of the words that come more often than rare ones, in the order of the alphabet.

    Args:
        captions: all of a set, in the papers those of every split.
        most_rare: how often a word may come and still be rare.
    """
    counts = Counter(token for caption in captions for token in tokens(caption))
    common = sorted(token for token, count in counts.items() if count > most_rare)
    return {token: number for number, token in enumerate(common, start=_FIRST)}


def ids(caption: str, known: Mapping[str, int]) -> str:
    """A caption as the ids of its words, with one space between two."""
    return " ".join(str(known.get(token, _UNKNOWN)) for token in tokens(caption))
