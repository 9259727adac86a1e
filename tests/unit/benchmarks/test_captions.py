from __future__ import annotations

import math

import pytest

from captions import Run, Told, facts_right, ratio, read, swaps, was_changed

HOUSES = ("some houses are built along the road", "houses appear beside the road")


class Answer:
    def __init__(self, caption):
        self.caption = caption


def pair(number, **fields):
    return Told(str(number), str(number), "a.png", "b.png", HOUSES, True, **fields)


def test_what_is_better_than_nothing_is_so_without_bound():
    assert ratio(4.0, 2.0) == 2
    assert ratio(1.0, 0.0) == math.inf


def test_a_swap_is_right_where_what_came_goes():
    run = Run("levir_val", "satellite", [pair(0, built=True), pair(1, built=True), pair(2)])
    run.answers["onediff"] = [Answer("houses are built"), Answer("a house is built"), Answer("houses are built")]
    run.backwards["onediff"] = [Answer("houses are removed"), Answer("a house is built")]
    assert swaps(run, "onediff") == {"pairs": 2, "right": 1, "same": 1, "there": 2, "back": 1}


def test_facts_are_asked_of_pairs_with_one_change():
    run = Run("camera", "surveillance", [pair(0, kind="added", thing="car", side="left"), pair(1)])
    assert facts_right(run, ["a car appeared on the left", ""]) == {"kind": 1, "thing": 1, "side": 1}
    assert facts_right(run, ["a bag on the right was removed", ""]) == {"kind": 0, "thing": 0, "side": 0}
    assert facts_right(Run("vcod", "surveillance", [pair(0)]), [""]) == {}


@pytest.mark.parametrize(
    ("row", "changed"),
    [
        ({"captions": ["there is no difference"]}, False),
        ({"captions": ["a house is built"]}, True),
        ({"captions": ["nothing has changed"], "changed": False}, False),
        ({"caption": "no content change", "expected": "match"}, False),
    ],
)
def test_people_say_whether_a_pair_changed(row, changed):
    assert was_changed(row) is changed


def test_drawn_pairs_tell_their_only_change():
    class Options:
        limit = 12

    run = read("ui-drawn", Options)
    assert run.domain == "ui"
    assert len(run.pairs) == 12
    single = [told for told in run.pairs if told.kind]
    assert single
    assert all(told.thing and told.side and told.changed for told in single)
