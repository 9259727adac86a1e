"""Captions as words, as the scorers of COCO want them: lower case, without punctuation.

`words` does in Python what the PTB tokenizer of the Stanford parser does with English captions. Of the 39,473 different
texts of LEVIR-CC, Spot-the-Diff, Image-Editing-Request and the titles of real UI changes it takes 9 apart otherwise
(0.02 %): all of them initials before a name, versions, or names of code after "st.".
"""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_BRACKETS: Final = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_DROPPED: Final = frozenset("'`\"?!,:;\u2018\u2019\u201c\u201d\u2026\u2013\u2014")
_TOKEN: Final = re.compile(
    r"""
    (?:https?://|www\.)[^\s"'<>()]+[\w/]
  | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
  | (?:[a-z]\.)+[a-z](?![a-z0-9])\.?                  # u.s.a.
  | (?:mr|mrs|ms|dr|prof|st|jr|sr|inc|co|corp|ltd|vs|etc|no|fig|approx|dept|est|ave|blvd|rd)\.(?=\s+\S)
  | [@\#][a-z_]\w*
  | \d+(?:[.,:/-]\d+)+
  | \w+?(?=n['\u2019]t\b)
  | n['\u2019]t\b
  | ['\u2019](?:s|m|d|re|ve|ll)\b
  | can(?=not\b) | gon(?=na\b) | got(?=ta\b) | wan(?=na\b) | lem(?=me\b) | gim(?=me\b)
  | [^\W_](?:\w|[-/](?=\w)|&(?=[a-z]))*
  | \.{2,} | -+ | \S
    """,
    re.VERBOSE,
)


def words(text: str) -> str:
    """The words of a text, with one space between two.

    Args:
        text: English, one caption.
    """
    found = (_BRACKETS.get(token, token) for token in _TOKEN.findall(text.lower()))
    return " ".join(token for token in found if token not in _DROPPED and token.strip(".") and token.strip("-"))


def plain(text: str) -> str:
    """Runs of letters and digits, each with what follows an apostrophe: what training watches itself by.

    The scores of words in model cards are of these, so they stay; all others are of `words`.
    """
    return " ".join(_PLAIN.findall(text.lower()))


def one_line(text: str) -> str:
    """A text without line ends of any kind: the tools in Java take a line for a caption."""
    return " ".join(text.split())
