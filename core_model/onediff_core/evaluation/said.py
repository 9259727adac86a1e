"""What a caption says of a change: whether there was one, which way it went, on which side it is.

Rules for English, as `onediff_core.parsing` has them.
"""

from __future__ import annotations

import re
from typing import Final

from onediff_core.parsing import kinds_said, parse, sides_said

# Every LEVIR-CC pair without a change has this among its five sentences.
UNCHANGED: Final = "there is no difference"
OPPOSITE: Final = {"added": "removed", "removed": "added"}
# Who takes whose place: parsing reads both as gone.
_REPLACED: Final = re.compile(r" (?:is|are|was|were|has been|have been) replaced (?:by|with) ")
_REPLACING: Final = re.compile(r" (?:replaces?|replaced|have replaced|has replaced) ")
_NOTHING: Final = re.compile(
    r"""
    \bno\ (?:\w+\ ){0,2}(?:changes?|differences?|modifications?)\b
  | \b(?:almost\ )?nothing\ (?:\w+\ ){0,2}(?:changed|different|differs|happened)\b
  | \bnothing\ has\b
  | \b(?:did|does|do|has|have|is|are|were|was)(?:\ not|n't)\ (?:\w+\ ){0,2}(?:changed?|differ(?:ent)?)\b
  | \b(?:is|are|seems?|looks?|appears?|remains?|stays?)\ (?:\w+\ ){0,2}(?:the\ same|identical|unchanged)\b
  | \bidentical\b | \bunchanged\b
    """,
    re.VERBOSE,
)


def says_nothing_changed(text: str) -> bool:
    """Whether a caption says that nothing changed, such as each of the five sentences of LEVIR-CC for that.

    Args:
        text: a caption. A sentence that also tells a change by its rules, such as "no change but a new house", is none.
    """
    told = " ".join(text.lower().replace("\u2019", "'").split())
    found = _NOTHING.search(told)
    if not found:
        return False
    rest = f"{told[: found.start()]} {told[found.end() :]}"
    return not kinds_said(rest) & {"added", "removed", "moved"}


def directions(text: str, label: str) -> frozenset[str]:
    """Whether things are said to have come or gone: "added", "removed", both or neither.

    Args:
        text: a caption.
        label: the things' name, in the words of `onediff_core.parsing`.
    """
    told = _REPLACED.sub(" are removed, and there appear ", text)
    told = _REPLACING.sub(" are added, and there disappear ", told)
    return frozenset(fact.kind for fact in parse(told) if fact.label == label) & {"added", "removed"}


def direction(text: str) -> str:
    """Added or removed, where a caption speaks of one of them alone; else ""."""
    kinds = kinds_said(text) & OPPOSITE.keys()
    return next(iter(kinds)) if len(kinds) == 1 else ""


def sides_right(said: str, side: str) -> bool:
    """Whether a caption names a side, such as "top left", and none that contradicts it.

    Args:
        said: the caption.
        side: where the change is, as `captions.side` says it.
    """
    wanted = frozenset(side.split())
    return bool(wanted & sides_said(said)) and sides_said(said) <= wanted


def swap_right(forwards: str, backwards: str, kind: str) -> bool:
    """Whether captions of a pair and of its swap say that the same came and went, or went and came.

    Args:
        forwards: of the pair.
        backwards: of the swapped pair.
        kind: what happened in the pair, added or removed.
    """
    return direction(forwards) == kind and direction(backwards) == OPPOSITE[kind]
