import pytest

from onediff_core.training.words.metrics import cider_d, sides_right, swap_right


def test_a_caption_that_people_wrote_scores_and_another_does_not():
    pytest.importorskip("pycocoevalcap")
    references = [["a house is built", "one house appears"], ["the trees are removed", "trees disappear"]]
    right = cider_d(["a house is built", "the trees are removed"], references)
    wrong = cider_d(["the trees are removed", "a house is built"], references)
    assert right > 100 > 1 > wrong


def test_nothing_said_has_no_score():
    assert cider_d([], []) is None


@pytest.mark.parametrize(
    ("said", "right"),
    [("a car at the top left", True), ("a car on the left", True), ("a car", False), ("a car at the top right", False)],
)
def test_a_side_is_right_where_none_contradicts_it(said, right):
    assert sides_right(said, "top left") is right


def test_a_swap_is_right_where_both_directions_are():
    assert swap_right("a car appeared", "the car is gone", "added")
    assert not swap_right("a car appeared", "a car appeared", "added")
    assert not swap_right("a car appeared and a car is gone", "the car is gone", "added")
