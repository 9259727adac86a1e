from __future__ import annotations

import math

import numpy as np
import pytest

from onediff_core.evaluation.captions import meteor
from onediff_core.evaluation.captions.scoring import Tools
from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_core.evaluation.protocols.base import LeftOutError

pytest.importorskip("pycocoevalcap")
BUILT = ["a house is built near the road", "one house appears near the road"]
STILL = ["there is no difference", "the scene is the same as before"]


class Words(Tools):
    """As without Java, but for METEOR, whose data take seconds to read."""

    def meteor(self, references, said):
        return np.zeros((len(said), meteor.STATISTICS))


def figures(study, protocol):
    scores = PROTOCOLS[protocol].score(study)["ours"]
    pairs = list(range(len(scores.pairs)))
    return {measure.name: measure.of(pairs) for measure in scores.measures}, scores


@pytest.fixture
def study(make_references, make_results, make_study):
    references = make_references({"captions": BUILT}, {"captions": STILL}, {"captions": ["trees are gone"]}, {})
    said = ["A house is built near the road.", "There is no difference.", "", "never scored"]
    return make_study(references, tools=Words(java=False), ours=make_results(*({"caption": text} for text in said)))


def test_all_pairs_with_captions_are_scored(study):
    found, scores = figures(study, "coco")
    assert scores.pairs == [0, 1, 2]
    # Every word is right, but of 14 there are 11.
    assert found["BLEU-1"] == pytest.approx(100 * math.exp(1 - 14 / 11))
    assert found["CIDEr-D"] > 0
    assert scores.columns["cider_d"][2] == 0
    assert "1 of 4 pairs have no captions and are not scored" in scores.notes
    assert "1 captions are empty: they score 0" in scores.notes
    assert any("scored without Java" in note for note in scores.notes)


def test_changed_pairs_are_scored_as_a_set_of_their_own(study):
    whole, changed = figures(study, "coco")[1], figures(study, "coco-changed")[1]
    assert changed.pairs == [0, 2]
    assert changed.columns["cider_d"][0] != pytest.approx(whole.columns["cider_d"][0])
    assert changed.columns["bleu_4"][0] == whole.columns["bleu_4"][0]


def test_rare_words_are_all_one_in_levir_ids(make_references, make_results, make_study):
    # No word comes more than five times, so that all are the same one: seven others score as the seven that are right.
    results = make_results({"caption": "uno due tre quattro cinque sei sette"}, {"caption": "uno due"})
    references = make_references({"captions": BUILT}, {"captions": STILL})
    study = make_study(references, tools=Words(java=False), ours=results)
    assert figures(study, "levir-ids")[1].columns["rouge_l"][0] == pytest.approx(100)
    assert figures(study, "coco")[1].columns["rouge_l"][0] == 0


def test_one_pair_is_too_few_for_document_frequencies(make_references, make_results, make_study):
    study = make_study(make_references({"captions": BUILT}), tools=Words(java=False), ours=make_results({}))
    with pytest.raises(LeftOutError, match="1 pairs are too few"):
        PROTOCOLS["coco"].score(study)


def test_without_captions_or_tools_it_is_left_out_with_a_reason(make_references, make_results, make_study):
    results = make_results({}, {})
    with pytest.raises(LeftOutError, match="the references have no captions"):
        PROTOCOLS["coco"].score(make_study(make_references({}, {}), ours=results))
    told = make_references({"captions": BUILT}, {"captions": STILL}, name="told")
    with pytest.raises(LeftOutError, match="not here"):
        PROTOCOLS["coco"].score(make_study(told, ours=results))
