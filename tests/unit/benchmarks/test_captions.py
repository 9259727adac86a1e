from __future__ import annotations

import math
import shutil
from importlib.util import find_spec

import pytest

from captions import Run, Told, facts_right, ratio, read, swaps, was_changed
from evaluation.captions import Measured, Scorer, directions, resampled

HOUSES = ("some houses are built along the road", "houses appear beside the road")
TREES = ("the trees on the left are removed", "the wood is cleared")
scored = pytest.mark.skipif(
    not (shutil.which("java") and find_spec("pycocoevalcap")), reason="METEOR needs Java and pycocoevalcap"
)


class Answer:
    def __init__(self, caption):
        self.caption = caption


def pair(number, **fields):
    return Told(str(number), str(number), "a.png", "b.png", HOUSES, True, **fields)


def test_a_resample_takes_whole_groups():
    groups = ["a", "a", "b", "c", "c", "c"]
    everything, *resamples = resampled(groups, 20)
    assert everything == [0, 1, 2, 3, 4, 5]
    for numbers in resamples:
        counts = {group: [numbers.count(n) for n, name in enumerate(groups) if name == group] for group in groups}
        assert all(len(set(times)) == 1 for times in counts.values())
        assert sum(times[0] for times in counts.values()) == 3


def test_resamples_are_the_same_each_time():
    assert resampled(["a", "b", "c"], 5) == resampled(["a", "b", "c"], 5)


def test_an_interval_holds_what_resamples_give():
    found = Measured.of([0.5, 0.0, 0.5, 1.0])
    assert found == Measured(0.5, 0.0, 1.0)
    assert found.cell(1) == "0.5 (0.0 to 1.0)"


def test_what_is_better_than_nothing_is_so_without_bound():
    assert ratio(4.0, 2.0) == 2
    assert ratio(1.0, 0.0) == math.inf


def test_trees_that_go_say_nothing_of_buildings():
    assert directions("trees are removed and houses are built", "building") == {"added"}
    assert directions("houses are demolished", "building") == {"removed"}
    assert directions("the road is widened", "building") == frozenset()


def test_who_takes_whose_place_is_read_from_the_grammar():
    assert directions("many houses replace the woods", "building") == {"added"}
    assert directions("the woods are replaced by villas", "building") == {"added"}
    assert directions("the houses are replaced with a parking lot", "building") == {"removed"}


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


@scored
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pycocoevalcap leaves its pipes open
def test_what_people_said_scores_best():
    scorer = Scorer([HOUSES, TREES], {"right": [HOUSES[0], TREES[1]], "wrong": [TREES[0], HOUSES[1]], "none": ["", ""]})
    assert scorer.cider_d("right").min() > scorer.cider_d("wrong").max()
    assert scorer.cider_d("none").tolist() == [0, 0]
    assert scorer.meteor("right", [0, 1]) > 0.9
    assert scorer.meteor("right", [1, 1, 1]) == pytest.approx(scorer.meteor("right", [1]))
    assert scorer.meteor("wrong", [0, 1]) < 0.3
