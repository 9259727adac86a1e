"""Captions against what people said of the same pairs: CIDEr-D, METEOR, and which way a change went.

Both measures are pycocoevalcap's, after its PTB tokenizer, as the captions of COCO are scored. It needs Java.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onediff_core.parsing import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RESAMPLES = 500
# Who takes whose place: parsing reads both as gone.
_REPLACED = re.compile(r" (?:is|are|was|were|has been|have been) replaced (?:by|with) ")
_REPLACING = re.compile(r" (?:replaces?|replaced|have replaced|has replaced) ")
LEVEL = 0.95


class Scorer:
    """CIDEr-D and METEOR of several answers against the same references.

    Document frequencies of CIDEr-D are those of the references; it is a mean over pairs. METEOR is of all pairs
    together, which is not the mean of theirs.
    """

    def __init__(self, references: Sequence[Sequence[str]], answers: Mapping[str, Sequence[str]]) -> None:
        """Tokenise all of it.

        Args:
            references: what people said of each pair, one sentence or more.
            answers: by method, one sentence a pair.

        Raises:
            SystemExit: no pycocoevalcap, or no Java.
        """
        if not shutil.which("java"):
            raise SystemExit(
                "captions are scored with METEOR, which needs Java on the PATH: apt-get install default-jre"
            )
        try:
            from pycocoevalcap.cider.cider import Cider
            from pycocoevalcap.meteor.meteor import Meteor
        except ModuleNotFoundError as error:
            raise SystemExit("captions are scored with pycocoevalcap: pip install --no-deps pycocoevalcap") from error
        everything = [*references, *([text] for said in answers.values() for text in said)]
        words = iter(tokenised(everything))
        self._references = [next(words) for _ in references]
        self._answers = {name: [next(words) for _ in said] for name, said in answers.items()}
        self._cider, self._meteor = Cider(), Meteor()

    def cider_d(self, method: str) -> np.ndarray:
        """Of each pair, times 100: (N,)."""
        references, answers = dict(enumerate(self._references)), dict(enumerate(self._answers[method]))
        return 100 * np.asarray(self._cider.compute_score(references, answers)[1])

    def meteor(self, method: str, pairs: Sequence[int]) -> float:
        """Of pairs together, each as often as its number is given."""
        references = {at: self._references[number] for at, number in enumerate(pairs)}
        answers = {at: self._answers[method][number] for at, number in enumerate(pairs)}
        return float(self._meteor.compute_score(references, answers)[0])


def tokenised(texts: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each text as the words that the PTB tokenizer leaves, in lower case and without punctuation."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    lines = {(row, at): [{"caption": text}] for row, some in enumerate(texts) for at, text in enumerate(some)}
    words = PTBTokenizer().tokenize(lines)
    return [[words[row, at][0] for at in range(len(some))] for row, some in enumerate(texts)]


def resampled(groups: Sequence[str], times: int = RESAMPLES) -> list[list[int]]:
    """Numbers of pairs: all of them, then as a bootstrap draws them: as many groups as there are, with replacement."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    places = list(members.values())
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(places), size=(times, len(places)))
    return [list(range(len(groups))), *([number for at in row for number in places[at]] for row in drawn)]


@dataclass(frozen=True)
class Measured:
    """A figure with the interval that a bootstrap over groups gives it.

    Attributes:
        value: of the pairs as they are.
        low: 2.5 % of the resamples lie below.
        high: 2.5 % lie above.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Measured:
        """A figure of all pairs, and after it of each resample."""
        # One of the values: a ratio to nothing is infinite, and nothing lies between that and another.
        low, high = np.quantile(values[1:], ((1 - LEVEL) / 2, (1 + LEVEL) / 2), method="inverted_cdf")
        return cls(float(values[0]), float(low), float(high))

    def cell(self, digits: int) -> str:
        """As a table has it."""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def directions(text: str, label: str) -> frozenset[str]:
    """Whether things are said to have come or gone: "added", "removed", both or neither.

    Args:
        text: a caption.
        label: the things' name, in the words of `onediff_core.parsing`.
    """
    told = _REPLACED.sub(" are removed, and there appear ", text)
    told = _REPLACING.sub(" are added, and there disappear ", told)
    return frozenset(fact.kind for fact in parse(told) if fact.label == label) & {"added", "removed"}
