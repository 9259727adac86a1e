import pytest

from onediff_core.evaluation.captions.scoring import cider_d


def test_a_caption_that_people_wrote_scores_and_another_does_not():
    pytest.importorskip("pycocoevalcap")
    references = [["a house is built", "one house appears"], ["the trees are removed", "trees disappear"]]
    right = cider_d(["a house is built", "the trees are removed"], references)
    wrong = cider_d(["the trees are removed", "a house is built"], references)
    assert right > 100 > 1 > wrong


def test_nothing_said_has_no_score():
    assert cider_d([], []) is None
