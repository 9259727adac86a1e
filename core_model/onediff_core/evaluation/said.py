"""What a caption says of a change: whether there was one, which way it went, on which side it is.

Rules for English, as `onediff_core.parsing` has them.
"""

from __future__ import annotations

import re
from typing import Final

from onediff_core.data.sources.base import denies_change
from onediff_core.data.synthetic import phrases
from onediff_core.parsing import kinds_said, parse, sides_said

# Every LEVIR-CC pair without a change has this among its five sentences.
UNCHANGED: Final = "there is no difference"
OPPOSITE: Final = {"added": "removed", "removed": "added"}
# Who takes whose place: parsing reads both as gone.
_REPLACED: Final = re.compile(r" (?:is|are|was|were|has been|have been) replaced (?:by|with) ")
_REPLACING: Final = re.compile(r" (?:replaces?|replaced|have replaced|has replaced) ")


def says_nothing_changed(text: str) -> bool:
    """Whether a caption says that nothing changed: as people write it in the known sets, or as our generators do.

    Args:
        text: a caption.
    """
    return denies_change(text) or text in phrases.UNCHANGED


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
