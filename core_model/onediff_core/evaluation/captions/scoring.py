"""BLEU, METEOR, ROUGE-L and CIDEr-D of captions, kept by pair, so that any part of the pairs can be scored again.

The n-grams are counted by pycocoevalcap, in Python; Java is for its tokenizer and for METEOR, or what stands in for
them. Document frequencies of CIDEr-D are those of the references that are scored: a part has other ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.captions import java, lexicon, meteor, ptb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

N_GRAMS: Final = 4
# pycocoevalcap's guards against 0 / 0, which its last digits depend on.
_SMALL, _TINY = 1e-9, 1e-15


@dataclass(frozen=True)
class Tools:
    """Who takes captions apart, and who counts for METEOR.

    Attributes:
        java: the tools in Java, else those in Python.
    """

    java: bool

    @classmethod
    def here(cls, *, java_allowed: bool = True) -> Tools:
        """Those in Java where they can run, else those in Python.

        Raises:
            EvaluationError: pycocoevalcap, which both need, is not installed.
        """
        if java.package() is None:
            raise EvaluationError("captions are scored with pycocoevalcap: pip install 'onediff-core[eval]'")
        return cls(java=java_allowed and not java.missing())

    def words(self, texts: Sequence[str]) -> list[str]:
        """Each text as its words, in lower case, without punctuation, with one space between two."""
        return java.words(texts) if self.java else [ptb.words(text) for text in texts]

    def meteor(self, references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
        """(N, 23), as `meteor.score` takes them; each answer against the reference that it fits best."""
        if self.java:
            return java.meteor_statistics(references, said)
        package = java.package()
        if package is None:
            raise EvaluationError("METEOR's words come with pycocoevalcap: pip install 'onediff-core[eval]'")
        texts = [*said, *(text for some in references for text in some)]
        known = lexicon.read_lexicon(package, [meteor.normalised(text) for text in dict.fromkeys(texts)])
        return meteor.statistics(known, references, said)


@dataclass(frozen=True, eq=False)
class CaptionScores:
    """What was counted of one method's captions, pair by pair. Scores are in per cent.

    Attributes:
        bleu_counts: (N, 10): lengths of the answer and of the nearest reference, n-grams of the answer, right ones.
        meteor_counts: (N, 23), see `meteor.score`.
        rouge: (N,) ROUGE-L.
        ciders: (N,) CIDEr-D.
        references: words of each pair's captions.
        said: words of each answer.
    """

    bleu_counts: NDArray[np.float64]
    meteor_counts: NDArray[np.float64]
    rouge: NDArray[np.float64]
    ciders: NDArray[np.float64]
    references: Sequence[Sequence[str]]
    said: Sequence[str]

    def part(self, pairs: Sequence[int]) -> CaptionScores:
        """Of some pairs as if there were no others: with their own document frequencies."""
        references, said = [self.references[number] for number in pairs], [self.said[number] for number in pairs]
        return CaptionScores(
            bleu_counts=self.bleu_counts[pairs],
            meteor_counts=self.meteor_counts[pairs],
            rouge=self.rouge[pairs],
            ciders=100 * ciders(references, said),
            references=references,
            said=said,
        )

    def bleu(self, n: int, pairs: Sequence[int] | NDArray[np.int64]) -> float:
        """BLEU-n of pairs together, each as often as its number is given."""
        return 100 * bleu(self.bleu_counts[pairs].sum(axis=0), n)

    def meteor(self, pairs: Sequence[int] | NDArray[np.int64]) -> float:
        """METEOR of pairs together, which is not the mean of theirs."""
        return 100 * meteor.corpus_score(self.meteor_counts[pairs])

    def rouge_l(self, pairs: Sequence[int] | NDArray[np.int64]) -> float:
        """ROUGE-L, a mean over pairs."""
        return float(self.rouge[pairs].mean())

    def cider_d(self, pairs: Sequence[int] | NDArray[np.int64]) -> float:
        """CIDEr-D, a mean over pairs."""
        return float(self.ciders[pairs].mean())


def bleu(counts: NDArray[np.float64], n: int) -> float:
    """BLEU of counts, of one pair or summed over many.

    Args:
        counts: (10,), as of `CaptionScores.bleu_counts`.
        n: 1 to 4.

    Returns:
        In [0, 1].

    Source: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", ACL 2002.
    """
    said, there = counts[:2]
    made, right = counts[2 : 2 + n], counts[2 + N_GRAMS : 2 + N_GRAMS + n]
    value = math.prod((right + _TINY) / (made + _SMALL)) ** (1 / n)
    ratio = (said + _TINY) / (there + _SMALL)
    return float(value * math.exp(1 - 1 / ratio) if ratio < 1 else value)


def scored_words(
    tools: Tools, references: Sequence[Sequence[str]], said: Mapping[str, Sequence[str]]
) -> dict[str, CaptionScores]:
    """Scores of captions that are words already.

    Args:
        tools: who counts for METEOR.
        references: of each pair, one or more.
        said: by method, one a pair; "" where nothing was said.

    Returns:
        By method.
    """
    repeated = [some for _ in said for some in references]
    counts = tools.meteor(repeated, [text for texts in said.values() for text in texts])
    by_method = np.split(counts, len(said)) if said else []
    return {
        name: CaptionScores(
            bleu_counts=np.array([_bleu_counts(text, some) for text, some in zip(texts, references, strict=True)]),
            meteor_counts=meteor_counts,
            rouge=100 * _rouge(references, texts),
            ciders=100 * ciders(references, texts),
            references=references,
            said=texts,
        )
        for (name, texts), meteor_counts in zip(said.items(), by_method, strict=True)
    }


def scored(
    tools: Tools, references: Sequence[Sequence[str]], said: Mapping[str, Sequence[str]]
) -> dict[str, CaptionScores]:
    """Scores of captions as COCO's are scored.

    Args:
        tools: who takes them apart.
        references: of each pair, one or more.
        said: by method, one a pair; "" where nothing was said.

    Returns:
        By method.
    """
    texts = [*(text for some in references for text in some), *(text for of in said.values() for text in of)]
    told = iter(tools.words(texts))
    words = [[next(told) for _ in some] for some in references]
    return scored_words(tools, words, {name: [next(told) for _ in of] for name, of in said.items()})


def ciders(references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
    """CIDEr-D of each pair, in [0, 10].

    Args:
        references: words of each pair's captions.
        said: words of each answer.

    Source: Vedantam et al., "CIDEr: consensus-based image description evaluation", CVPR 2015.
    """
    from pycocoevalcap.cider.cider import Cider

    truth, answers = {at: list(some) for at, some in enumerate(references)}, {at: [t] for at, t in enumerate(said)}
    return np.asarray(Cider().compute_score(truth, answers)[1], float)


def cider_d(said: Sequence[str], references: Sequence[Sequence[str]]) -> float | None:
    """CIDEr-D of all in per cent, of plain words: what training watches itself by.

    Args:
        said: one caption a pair.
        references: what people said of each pair.

    Returns:
        None without captions, or where pycocoevalcap is not installed.
    """
    if not said or java.package() is None:
        return None
    words = [[ptb.plain(text) for text in some] for some in references]
    return 100 * float(ciders(words, [ptb.plain(text) for text in said]).mean())


def _rouge(references: Sequence[Sequence[str]], said: Sequence[str]) -> NDArray[np.float64]:
    from pycocoevalcap.rouge.rouge import Rouge

    scorer = Rouge()
    return np.array([scorer.calc_score([text], list(some)) for text, some in zip(said, references, strict=True)], float)


def _bleu_counts(said: str, references: Sequence[str]) -> list[float]:
    from pycocoevalcap.bleu.bleu_scorer import cook_refs, cook_test

    # As many n-grams of the answer as there are in the reference that has the most of them are right; the reference
    # of the nearest length counts, the shorter of two that are as near.
    found = cook_test(said, cook_refs(list(references)), eff="closest")
    return [found["testlen"], found["reflen"], *found["guess"], *found["correct"]]
