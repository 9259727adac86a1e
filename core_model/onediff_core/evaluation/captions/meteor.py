"""METEOR 1.5 without Java: the words of two sentences aligned, and the score of what was counted.

It finds the same matches with the same data, which lie in pycocoevalcap: equal words, equal stems, WordNet's synonyms
and the table of paraphrases. It searches as METEOR does, down to what its search does not see (a match by stem or
synonym weighs less than one word and is only taken where it joins others). What differs is the stemmer, a later
Snowball, and punctuation of odd kinds.

Source: Denkowski and Lavie, "Meteor Universal: language specific translation evaluation for any target language", 2014.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.evaluation.captions.alignment import WEIGHTS, aligned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_core.evaluation.captions.lexicon import Lexicon

STATISTICS: Final = 23
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
_APOSTROPHES: Final = re.compile(r"[`\u2018\u2019]")
_BETWEEN: Final = re.compile(r"(?<=[^\W_])-(?=[^\W_.]|\.)|(?<=\.)-(?=[^\W_.]|\.)")
_OTHER: Final = re.compile(r"([^\w\s.'`,\-\u2018\u2019]|_)")


def corpus_score(counts: NDArray[np.float64]) -> float:
    """METEOR of sentences together, which is not the mean of theirs.

    Args:
        counts: (N, 23), as of `score`.

    Returns:
        In [0, 1].
    """
    total = counts.sum(axis=0)
    # A sentence that is a reference word for word is no chunk among others.
    total[20] -= _are_whole(counts).sum()
    return score(total)


def score(counts: NDArray[np.float64]) -> float:
    """METEOR of counts of one sentence, or summed over some.

    Args:
        counts: (23,): lengths of answer and reference, function words of both; for each of four kinds of match content
            words of both and function words of both; chunks; matched words of both.

    Returns:
        In [0, 1].
    """
    lengths, functions, kinds, (chunks, *matched) = counts[:2], counts[2:4], counts[4:20].reshape(4, 4), counts[20:]
    weighted = DELTA * (lengths - functions) + (1 - DELTA) * functions
    hits = np.array([WEIGHTS @ (DELTA * kinds[:, side] + (1 - DELTA) * kinds[:, side + 2]) for side in (0, 1)])
    if not (hits > 0).all() or not (weighted > 0).all():
        return 0.0
    precision, recall = hits / weighted
    mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
    fragments = 0.0 if _are_whole(counts) else chunks / (sum(matched) / 2)
    return float(mean * (1 - GAMMA * fragments**BETA))


def _are_whole(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which answers are a reference word for word; of (..., 23)."""
    whole: NDArray[np.bool_] = (counts[..., 20] == 1) & (counts[..., 21:23] == counts[..., :2]).all(axis=-1)
    return whole


def statistics(lexicon: Lexicon, references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
    """The counts of answers, each against that of its references that it fits best.

    Args:
        lexicon: what is known of their words.
        references: words of each, at least one an answer.
        said: words of each answer.

    Returns:
        (N, 23), as `score` takes them.
    """
    counts = np.zeros((len(said), STATISTICS))
    known: dict[tuple[str, ...], NDArray[np.float64]] = {}
    for number, (some, answer) in enumerate(zip(references, said, strict=True)):
        key = (answer, *some)
        if key not in known:
            each = [_counts(lexicon, normalised(answer), normalised(text)) for text in some]
            known[key] = max(each, key=score)  # the first of those that fit alike
        counts[number] = known[key]
    return counts


def normalised(text: str) -> list[str]:
    """Words as METEOR takes them apart once more: at hyphens and apostrophes."""
    text = _OTHER.sub(r" \1 ", _APOSTROPHES.sub("'", text.lower()))
    text = re.sub(r"(?<=[a-z])'(?=[a-z])", " '", text)
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", " ' ", text)
    return _BETWEEN.sub(" ", text).split()


def _counts(lexicon: Lexicon, said: list[str], reference: list[str]) -> NDArray[np.float64]:
    """The 23 counts of one pair of sentences."""
    matches, chunks = aligned(lexicon, said, reference)
    functions = [[word in lexicon.functions for word in words] for words in (said, reference)]
    counts = np.zeros(STATISTICS)
    counts[:4] = len(said), len(reference), sum(functions[0]), sum(functions[1])
    for match in matches:
        at = 4 + 4 * match.kind
        for word in range(match.said_start, match.said_start + match.said_length):
            counts[at + 2 * functions[0][word]] += 1
        for word in range(match.start, match.start + match.length):
            counts[at + 1 + 2 * functions[1][word]] += 1
    counts[20] = chunks
    counts[21] = sum(match.said_length for match in matches)
    counts[22] = sum(match.length for match in matches)
    return counts
