"""Captions are scored as pycocoevalcap scores them, to the last digit with Java, and nearly so without."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.evaluation.captions import meteor
from onediff_core.evaluation.captions.scoring import Tools, ciders, scored, scored_words

# What docs/evaluation.md states of the scores without Java, in points of 100.
STATED = 0.01
REFERENCES = [
    ["a house is built beside the road", "one building appears next to the street"],
    ["the trees on the left are removed", "some trees disappear"],
    ["there is no difference", "nothing has changed"],
]
SAID = ["a house is built beside the street", "trees disappear on the left", ""]


def figures(scores):
    pairs = list(range(len(scores.rouge)))
    return {
        **{f"BLEU-{n}": scores.bleu(n, pairs) for n in (1, 2, 3, 4)},
        "METEOR": scores.meteor(pairs),
        "ROUGE-L": scores.rouge_l(pairs),
        "CIDEr-D": scores.cider_d(pairs),
    }


@pytest.fixture(scope="module")
def published(java, real_captions):
    """What the scripts of COCO print, and METEOR of each caption."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    truth = {at: [{"caption": text} for text in some] for at, some in enumerate(real_captions.references)}
    said = {at: [{"caption": text}] for at, text in enumerate(real_captions.said)}
    truth, said = tokenizer.tokenize(truth), tokenizer.tokenize(said)
    meteors = Meteor()
    both, each = meteors.compute_score(truth, said)
    for pipe in (meteors.meteor_p.stdout, meteors.meteor_p.stderr):
        pipe.close()
    bleus = Bleu(4).compute_score(truth, said, verbose=0)[0]
    values = {f"BLEU-{n}": 100 * value for n, value in enumerate(bleus, start=1)}
    values |= {"METEOR": 100 * both, "ROUGE-L": 100 * Rouge().compute_score(truth, said)[0]}
    return {**values, "CIDEr-D": 100 * Cider().compute_score(truth, said)[0]}, each


@pytest.mark.slow
def test_with_java_all_scores_of_200_captions_are_those_of_pycocoevalcap(published, real_captions):
    found = scored(Tools(java=True), real_captions.references, {"people": real_captions.said})["people"]
    assert figures(found) == pytest.approx(published[0], rel=1e-12)
    assert [meteor.score(counts) for counts in found.meteor_counts] == pytest.approx(published[1], abs=1e-12)


@pytest.mark.slow
def test_without_java_they_differ_by_no_more_than_is_stated(published, real_captions):
    found = scored(Tools(java=False), real_captions.references, {"people": real_captions.said})["people"]
    assert figures(found) == pytest.approx(published[0], abs=STATED)


def test_a_few_captions_score_as_they_do_by_hand(scorers):
    found = scored_words(Stub(), REFERENCES, {"us": SAID})["us"]
    assert found.bleu_counts[0].tolist() == [7, 7, 7, 6, 5, 4, 7, 6, 4, 3]
    assert found.bleu(1, [0]) == pytest.approx(100)
    assert found.bleu(3, [0]) == pytest.approx(100 * (1 * 1 * 4 / 5) ** (1 / 3))
    # Of 5 words 4 come in the order of the reference with 7, 2 in that with 3: the best of both counts.
    precision, recall = 4 / 5, 2 / 3
    assert found.rouge[1] == pytest.approx(100 * 2.44 * precision * recall / (recall + 1.44 * precision))
    assert found.ciders[2] == 0
    assert found.bleu(4, [2]) == 0


class Stub(Tools):
    """Counts nothing for METEOR, which needs half a minute of Java or files of 60 MB."""

    def __init__(self):
        object.__setattr__(self, "java", False)

    def meteor(self, references, said):
        return np.zeros((len(said), meteor.STATISTICS))


def test_a_part_has_the_document_frequencies_of_a_set_of_its_own(scorers):
    whole = scored_words(Stub(), REFERENCES, {"us": SAID})["us"]
    part = whole.part([0, 1])
    assert part.ciders == pytest.approx(100 * ciders(REFERENCES[:2], SAID[:2]))
    assert part.ciders[0] != pytest.approx(whole.ciders[0])
    assert part.bleu(4, [0, 1]) == whole.bleu(4, [0, 1])


def test_each_method_keeps_its_own_scores(scorers):
    both = scored_words(Stub(), REFERENCES, {"us": SAID, "them": SAID[::-1]})
    assert both["us"].rouge[0] > both["them"].rouge[0]
    assert both["us"].rouge[1] == both["them"].rouge[1]
