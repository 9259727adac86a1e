import pytest

from onediff_core.parsing import kinds_said, parse, sides_said


def facts(sentence):
    return [(fact.kind, fact.count, fact.size, fact.label, fact.side) for fact in parse(sentence)]


def test_each_clause_has_its_own_verb():
    assert facts("many trees in the bottom left are removed and a large building is built") == [
        ("removed", 7, "", "tree", "bottom left"),
        ("added", 1, "large", "building", ""),
    ]


def test_things_that_are_named_together_change_together():
    assert facts("two roads and some villas are built at the top") == [
        ("added", 2, "", "road", "top"),
        ("added", 0, "", "building", "top"),
    ]


def test_what_something_stands_beside_did_not_change():
    assert facts("a house appears beside the road on the bareland") == [("added", 1, "", "building", "")]


def test_rows_of_houses_are_houses():
    assert facts("a row of houses is built")[0][3] == "building"


@pytest.mark.parametrize("sentence", ["the car in the left image is gone", "the blue car has left"])
def test_left_is_not_always_a_side(sentence):
    assert facts(sentence) == [("removed", 1, "", "car", "")]


@pytest.mark.parametrize("sentence", ["the scene is the same as before", "a man stands there", ""])
def test_a_sentence_without_a_change_has_no_facts(sentence):
    assert parse(sentence) == ()


def test_no_longer_there_is_removed():
    assert kinds_said("the two people are no longer there") == {"removed"}


def test_sides_are_read_apart():
    assert sides_said("houses appear in the lower-left corner and in the middle") == {"bottom", "left", "centre"}
