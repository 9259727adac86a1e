"""METEOR 1.5 without Java: the words of two sentences aligned, and the score of what was counted.

It finds the same matches with the same data, which lie in pycocoevalcap: equal words, equal stems, WordNet's synonyms
and the table of paraphrases. It searches as METEOR does, down to what its search does not see (a match by stem or
synonym weighs less than one word and is only taken where it joins others). What differs is the stemmer, a later
Snowball, and punctuation of odd kinds.

Source: Denkowski and Lavie, "Meteor Universal: language specific translation evaluation for any target language", 2014.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from onediff_core.evaluation.captions.lexicon import Lexicon

STATISTICS: Final = 23
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS: Final = (1.0, 0.6, 0.8, 0.6)  # of words that are equal, of one stem, synonyms, paraphrases
_BEAM: Final = 40
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


class Match(NamedTuple):
    """Words of an answer that stand for words of a reference.

    Attributes:
        start: first word in the reference.
        length: how many.
        said_start: first word in the answer.
        said_length: how many.
        kind: 0 equal, 1 of one stem, 2 synonyms, 3 paraphrases.
    """

    start: int
    length: int
    said_start: int
    said_length: int
    kind: int


@dataclass(frozen=True)
class _Path:
    """An alignment of the first words of a reference. Sets of words are bits."""

    matches: tuple[Match, ...] = ()
    used: int = 0
    said_used: int = 0
    weight: int = 0
    said_weight: int = 0
    chunks: int = 0
    distance: int = 0
    next: int = 0  # word of the reference that comes after what is aligned
    end: int = -1  # word of the answer after the last match, -1 after a word without one

    def rank(self) -> tuple[int, int, int]:
        return -(self.weight + self.said_weight), self.chunks, self.distance

    def takes(self, match: Match, *, fixed: bool = False) -> _Path:
        weight = WEIGHTS[match.kind]
        return replace(
            self,
            matches=(*self.matches, match),
            used=self.used if fixed else self.used | _bits(match.start, match.length),
            said_used=self.said_used if fixed else self.said_used | _bits(match.said_start, match.said_length),
            weight=int(self.weight + weight * match.length),
            said_weight=int(self.said_weight + weight * match.said_length),
            chunks=self.chunks + (self.end not in (-1, match.said_start)),
            next=match.start + match.length,
            end=match.said_start + match.said_length,
        )

    def passes(self, distance: int) -> _Path:
        return replace(self, chunks=self.chunks + (self.end != -1), end=-1, next=self.next + 1, distance=distance)


def _bits(start: int, length: int) -> int:
    return ((1 << length) - 1) << start


def _far(match: Match) -> int:
    return abs(match.start - match.said_start)


def _counts(lexicon: Lexicon, said: list[str], reference: list[str]) -> NDArray[np.float64]:
    """The 23 counts of one pair of sentences."""
    matches = _all_matches(lexicon, said, reference)
    path = _search(matches, len(said), len(reference))
    functions = [[word in lexicon.functions for word in words] for words in (said, reference)]
    counts = np.zeros(STATISTICS)
    counts[:4] = len(said), len(reference), sum(functions[0]), sum(functions[1])
    for match in path.matches:
        at = 4 + 4 * match.kind
        for word in range(match.said_start, match.said_start + match.said_length):
            counts[at + 2 * functions[0][word]] += 1
        for word in range(match.start, match.start + match.length):
            counts[at + 1 + 2 * functions[1][word]] += 1
    counts[20] = path.chunks
    counts[21] = sum(match.said_length for match in path.matches)
    counts[22] = sum(match.length for match in path.matches)
    return counts


def _all_matches(lexicon: Lexicon, said: list[str], reference: list[str]) -> list[list[Match]]:
    """By first word of the reference, the surest kind first. Equal sentences have nothing but equal words."""
    pairs = [(at, there) for at in range(len(reference)) for there in range(len(said))]
    found: list[list[Match]] = [[] for _ in reference]
    for at, there in pairs:
        if reference[at] == said[there]:
            found[at].append(Match(at, 1, there, 1, 0))
    if said == reference:
        return found
    stems = [[lexicon.stem(word) for word in words] for words in (said, reference)]
    senses = [[lexicon.senses(word) for word in words] for words in (said, reference)]
    different = [(at, there) for at, there in pairs if reference[at] != said[there]]
    for at, there in different:
        if stems[0][there] == stems[1][at]:
            found[at].append(Match(at, 1, there, 1, 1))
    for at, there in different:
        if senses[0][there] & senses[1][at]:
            found[at].append(Match(at, 1, there, 1, 2))
    for at, length, there, said_length in _paraphrased(lexicon.paraphrases, reference, said):
        found[at].append(Match(at, length, there, said_length, 3))
    for there, said_length, at, length in _paraphrased(lexicon.paraphrases, said, reference):
        found[at].append(Match(at, length, there, said_length, 3))
    return found


def _paraphrased(
    table: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]], one: list[str], other: list[str]
) -> list[tuple[int, int, int, int]]:
    """Where phrases of one sentence stand in other words in the other: start and length in both."""
    longest = max(map(len, table), default=0)
    return [
        (at, length, there, len(phrase))
        for at in range(len(one))
        for length in range(1, min(longest, len(one) - at) + 1)
        for phrase in table.get(tuple(one[at : at + length]), ())
        for there in range(len(other) - len(phrase) + 1)
        if tuple(other[there : there + len(phrase)]) == phrase
    ]


def _search(matches: list[list[Match]], said_length: int, length: int) -> _Path:
    """The best alignment: the most words, then the fewest chunks, then the shortest ways; by beam search."""
    covered, said_covered = np.zeros(length, int), np.zeros(said_length, int)
    for match in (match for some in matches for match in some):
        covered[match.start : match.start + match.length] += 1
        said_covered[match.said_start : match.said_start + match.said_length] += 1
    fixed = {
        at: some[0]
        for at, some in enumerate(matches)
        if len(some) == 1
        and (covered[at : at + some[0].length] == 1).all()
        and (said_covered[some[0].said_start : some[0].said_start + some[0].said_length] == 1).all()
    }
    start = _Path(
        used=sum(_bits(match.start, match.length) for match in fixed.values()),
        said_used=sum(_bits(match.said_start, match.said_length) for match in fixed.values()),
    )
    paths = [start]
    for at in range(length):
        best, paths = sorted(paths, key=_Path.rank)[:_BEAM], []
        for path in best:
            paths += _steps(path, at, matches[at], fixed)
        paths = paths or best[:1]
    last = [replace(path, chunks=path.chunks + (path.end != -1)) for path in sorted(paths, key=_Path.rank)[:_BEAM]]
    return min(last, key=_Path.rank)


def _steps(path: _Path, at: int, matches: list[Match], fixed: Mapping[int, Match]) -> list[_Path]:
    """How a path goes on at a word of the reference."""
    if path.used >> at & 1:
        if at < path.next:
            return [path]
        match = fixed.get(path.next)
        return [] if match is None else [replace(path.takes(match, fixed=True), distance=path.distance + _far(match))]
    found, distance = [], path.distance
    for match in matches:
        used = path.used & _bits(match.start, match.length)
        if used or path.said_used & _bits(match.said_start, match.said_length):
            continue
        # As METEOR counts: how far a match lies is held against the paths that come after it, not against its own.
        found.append(replace(path.takes(match), distance=distance))
        distance += _far(match)
    return [*found, path.passes(distance)]
