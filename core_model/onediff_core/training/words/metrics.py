"""CIDEr-D of captions, and which of their words for sides and kinds are right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from onediff_core.parsing import kinds_said, sides_said

if TYPE_CHECKING:
    from collections.abc import Sequence


def cider_d(said: Sequence[str], references: Sequence[Sequence[str]]) -> float | None:
    """CIDEr-D in per cent, with document frequencies from the references themselves.

    Words are runs of letters and digits in lower case, which on such captions is what the PTB tokenizer of the COCO
    scripts leaves, without its Java.

    Args:
        said: one caption a pair.
        references: what people said of each pair.

    Returns:
        None without captions, or where pycocoevalcap is not installed.

    Source: Vedantam et al., "CIDEr: consensus-based image description evaluation", CVPR 2015.
    """
    try:
        from pycocoevalcap.cider.cider import Cider
    except ModuleNotFoundError:
        return None
    if not said:
        return None
    answers = {number: [_plain(text)] for number, text in enumerate(said)}
    truth = {number: [_plain(text) for text in texts] for number, texts in enumerate(references)}
    score, _ = Cider().compute_score(truth, answers)
    return 100 * float(score)


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
    other = {"added": "removed", "removed": "added"}[kind]
    directions = frozenset({kind, other})
    return kinds_said(forwards) & directions == {kind} and kinds_said(backwards) & directions == {other}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower()))
