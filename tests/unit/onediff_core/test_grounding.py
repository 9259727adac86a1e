"""Words that places contradict, and words that they do not."""

from __future__ import annotations

import pytest

from onediff_core.grounding import grounded
from onediff_core.prompts import Place

TOP_LEFT = Place((0.0, 0.0, 0.3, 0.3), "added", "building")
BOTTOM_RIGHT = Place((0.7, 0.6, 0.9, 0.9), "added", "building")


@pytest.mark.parametrize(
    ("texts", "places", "said"),
    [
        (["a house is built at the top", "a house"], [TOP_LEFT], "a house is built at the top"),
        (["a house is gone", "a house is built"], [TOP_LEFT], "a house is built"),
        (["a house is gone"], [TOP_LEFT], ""),
        (["a house is gone"], [TOP_LEFT, BOTTOM_RIGHT._replace(kind="removed")], "a house is gone"),
        (["a house is gone"], [TOP_LEFT._replace(kind="changed")], "a house is gone"),
        (["houses replace the trees"], [TOP_LEFT], "houses replace the trees"),
        (["trees are removed and a house is built"], [TOP_LEFT], "trees are removed and a house is built"),
        (["a house is built on the right", "a house is built on the left"], [TOP_LEFT], "a house is built on the left"),
        (["a house is built on the right"], [TOP_LEFT, BOTTOM_RIGHT], "a house is built on the right"),
        (["a house is built at the top of the scene"], [BOTTOM_RIGHT], "a house is built"),
        (["a building appears in the top right corner, and a road"], [TOP_LEFT], "a building appears, and a road"),
        (["houses on the left side of the road"], [BOTTOM_RIGHT], "houses on the left side of the road"),
        (["a row on the left side of the road at the top"], [BOTTOM_RIGHT], "a row on the left side of the road"),
        (["a house on the left side of the scene is built"], [BOTTOM_RIGHT], "a house is built"),
        (["a car moved to the left"], [BOTTOM_RIGHT], "a car moved to the left"),
        (
            ["two houses at the top left and at the top are gone"],
            [BOTTOM_RIGHT._replace(kind="removed")],
            "two houses are gone",
        ),
        (["one change: a house is built"], [TOP_LEFT], "a house is built"),
        (["a house is built and a house is built"], [TOP_LEFT], "a house is built"),
        (["a car came and a car came", "two cars came"], [TOP_LEFT], "two cars came"),
        (
            ["a house is built", "a house is built and a tree is gone"],
            [TOP_LEFT, BOTTOM_RIGHT._replace(kind="removed")],
            "a house is built and a tree is gone",
        ),
        ([""], [TOP_LEFT], ""),
    ],
)
def test_of_several_texts_the_first_that_no_place_contradicts_is_said(texts, places, said):
    assert grounded(texts, places) == said


@pytest.mark.parametrize(
    ("text", "kinds", "said"),
    [
        ("a building was built and a building was built", ["added"] * 3, "three buildings were built"),
        (
            "a villa is built and a villa is gone",
            ["added", "added", "removed"],
            "two villas are built and a villa is gone",
        ),
        ("a house has been built near the road", ["added"] * 2, "two houses have been built near the road"),
        ("a house is built at the top", ["added"] * 2, "a house is built at the top"),  # the other may lie elsewhere
        ("a house is built, and a large house is built", ["added"] * 3, "a house is built, and a large house is built"),
        ("a tree is gone", ["removed"] * 2, "a tree is gone"),  # the places are of buildings
        ("a house appears", ["added"] * 2, "two houses appear"),
        ("a house is there now", ["added"] * 2, "a house is there now"),  # no change is told
        ("some houses are built", ["added"] * 2, "some houses are built"),
        ("a house is built", ["added", "changed"], "a house is built"),
    ],
)
def test_one_thing_is_told_of_as_many_as_there_are(text, kinds, said):
    places = [Place((0.0, 0.1 * at, 1.0, 0.1 * at + 0.1), kind, "building") for at, kind in enumerate(kinds)]
    assert grounded([text], places) == said


def test_where_there_are_more_places_than_eight_eight_are_many():
    texts = ["eight changes: eight houses are built"]
    assert grounded(texts, [TOP_LEFT], more=True) == "many houses are built"
    assert grounded(texts, [TOP_LEFT]) == "eight houses are built"
    assert grounded(["a house was built"], [TOP_LEFT] * 8, more=True) == "many houses were built"
    assert grounded(["a house was built"], [TOP_LEFT] * 8) == "eight houses were built"
