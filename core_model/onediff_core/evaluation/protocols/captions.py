"""`coco` and `levir-ids`: what is said, against what people said; of all pairs, and of changed ones alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_core.evaluation.captions import levir, meteor, scoring
from onediff_core.evaluation.protocols.base import LeftOutError, Measure, Pairs, Protocol, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onediff_core.evaluation.captions.scoring import CaptionScores, Tools
    from onediff_core.evaluation.study import Study

    Texts = Sequence[Sequence[str]]
    Score = Callable[[Study, Tools, Texts, dict[str, list[str]]], dict[str, CaptionScores]]

_FEWEST: Final = 2  # with one document each word is in all of them, and CIDEr-D is nothing
_WITHOUT_JAVA: Final = (
    "scored without Java ({why}): on 3,032 captions of three sets BLEU, ROUGE-L and CIDEr-D were the same as with it, "
    "METEOR differed by at most 0.003"
)


def _coco(study: Study, tools: Tools, references: Texts, said: dict[str, list[str]]) -> dict[str, CaptionScores]:
    return scoring.scored(tools, references, said)


def _levir(study: Study, tools: Tools, references: Texts, said: dict[str, list[str]]) -> dict[str, CaptionScores]:
    known = levir.vocabulary(study.vocabulary or [text for some in references for text in some])
    words = [[levir.ids(text, known) for text in some] for some in references]
    return scoring.scored_words(
        tools, words, {name: [levir.ids(text, known) for text in texts] for name, texts in said.items()}
    )


def _all(study: Study, score: Score, numbers: list[int]) -> dict[str, CaptionScores]:
    """Of all pairs with captions, by method; counted once, for Java takes its time."""
    if score.__name__ not in study.caption_scores:
        if study.tools is None:
            raise LeftOutError(study.no_tools)
        texts = {name: study.captions(name) for name in study.answers}
        said = {name: [own[number] for number in numbers] for name, own in texts.items() if own is not None}
        references = [study.pairs[number].captions for number in numbers]
        study.caption_scores[score.__name__] = score(study, study.tools, references, said) if said else {}
    return study.caption_scores[score.__name__]


def _scores(study: Study, score: Score, *, changed: bool) -> dict[str, Scores | LeftOutError]:
    told = [number for number, pair in enumerate(study.pairs) if pair.captions]
    if not told:
        raise LeftOutError("the references have no captions")
    part = [at for at, number in enumerate(told) if study.pairs[number].told_changed or not changed]
    if len(part) < _FEWEST:
        raise LeftOutError(f"{len(part)} pairs are too few: CIDEr-D needs {_FEWEST}")
    found = _all(study, score, told)
    numbers, notes = [told[at] for at in part], _notes(study, len(told))
    return {
        name: _of(numbers, found[name].part(part) if changed else found[name], notes)
        if name in found
        else LeftOutError("it says nothing in words")
        for name in study.answers
    }


def _notes(study: Study, told: int) -> list[str]:
    notes = []
    if study.tools is not None and not study.tools.java:
        notes.append(_WITHOUT_JAVA.format(why=study.no_tools or "as was asked"))
    if told < len(study.pairs):
        notes.append(f"{len(study.pairs) - told} of {len(study.pairs)} pairs have no captions and are not scored")
    return notes


def _of(numbers: list[int], found: CaptionScores, notes: Sequence[str]) -> Scores:
    def bleu(n: int) -> Callable[[Pairs], float]:
        return lambda pairs: found.bleu(n, pairs)

    silent = sum(not text for text in found.said)
    return Scores(
        pairs=numbers,
        measures=[
            *(Measure(name=f"BLEU-{n}", of=bleu(n), digits=1) for n in (1, 2, 3, 4)),
            Measure(name="METEOR", of=found.meteor, digits=1),
            Measure(name="ROUGE-L", of=found.rouge_l, digits=1),
            Measure(name="CIDEr-D", of=found.cider_d, digits=1),
        ],
        columns={
            "bleu_4": [100 * scoring.bleu(counts, 4) for counts in found.bleu_counts],
            "meteor": [100 * meteor.score(counts) for counts in found.meteor_counts],
            "rouge_l": found.rouge.tolist(),
            "cider_d": found.ciders.tolist(),
        },
        notes=[*notes, *([f"{silent} captions are empty: they score 0"] if silent else [])],
    )


PROTOCOLS: Final = (
    Protocol(
        name="coco",
        title="Captions as COCO's are scored, all pairs",
        needs="captions on both sides; pycocoevalcap, and Java for the last digit",
        score=lambda study: _scores(study, _coco, changed=False),
    ),
    Protocol(
        name="coco-changed",
        title="Captions as COCO's are scored, changed pairs alone",
        needs="as coco; the captions of the references say which pairs changed",
        score=lambda study: _scores(study, _coco, changed=True),
    ),
    Protocol(
        name="levir-ids",
        title="Captions as the papers on LEVIR-CC score them, all pairs",
        needs="as coco; --vocabulary with all captions of the set for the papers' own ids",
        score=lambda study: _scores(study, _levir, changed=False),
    ),
    Protocol(
        name="levir-ids-changed",
        title="Captions as the papers on LEVIR-CC score them, changed pairs alone",
        needs="as levir-ids",
        score=lambda study: _scores(study, _levir, changed=True),
    ),
)
