import pytest

from onediff_core.data.synthetic import phrases
from onediff_core.evaluation.said import direction, directions, says_nothing_changed, sides_right, swap_right


@pytest.mark.parametrize(
    "text",
    [
        "there is no difference",
        "the two scenes seem identical",
        "the scene is the same as before",
        "no change has occurred",
        "almost nothing has changed",
        "Nothing changed in the scene.",
        "I see no differences between the two images",
        "the images appear to be the same",
        "Nothing that a user would see changed.",
        *phrases.UNCHANGED,
    ],
)
def test_people_say_in_many_ways_that_nothing_changed(text):
    assert says_nothing_changed(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the man is no longer there",
        "there is no difference except for a gap of light in the trees",
        "there is no person standing in the lot",
        "no change but a new house was built",
        "the houses changed",
    ],
)
def test_what_tells_a_change_does_not_say_that_there_is_none(text):
    assert not says_nothing_changed(text)


def test_trees_that_go_say_nothing_of_buildings():
    assert directions("trees are removed and houses are built", "building") == {"added"}
    assert directions("houses are demolished", "building") == {"removed"}
    assert directions("the road is widened", "building") == frozenset()


def test_who_takes_whose_place_is_read_from_the_grammar():
    assert directions("many houses replace the woods", "building") == {"added"}
    assert directions("the woods are replaced by villas", "building") == {"added"}
    assert directions("the houses are replaced with a parking lot", "building") == {"removed"}


def test_a_caption_that_tells_both_ways_has_no_direction():
    assert direction("a house was built") == "added"
    assert direction("trees are removed and houses are built") == ""
    assert direction("the road is widened") == ""


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
