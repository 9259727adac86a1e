"""The words of an answer that stand for words of a reference: as METEOR 1.5 finds them, and chooses among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onediff_core.evaluation.captions.lexicon import Lexicon

WEIGHTS: Final = (1.0, 0.6, 0.8, 0.6)  # of words that are equal, of one stem, synonyms, paraphrases
_BEAM: Final = 40


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


def aligned(lexicon: Lexicon, said: list[str], reference: list[str]) -> tuple[tuple[Match, ...], int]:
    """The best alignment of two sentences.

    Args:
        lexicon: what is known of their words.
        said: words of the answer.
        reference: words of the reference.

    Returns:
        Its matches in the order of the reference, and in how many chunks they lie in both sentences alike.
    """
    path = _search(_all_matches(lexicon, said, reference), len(said), len(reference))
    return path.matches, path.chunks


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
