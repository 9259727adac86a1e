import numpy as np
import pytest

from onediff_core.data import Sample, SampleRegion
from onediff_core.data.synthetic.facts import described
from onediff_core.prompts import Place
from onediff_core.training.words.lessons import answer, turns_of
from onediff_core.training.words.settings import TASKS

BLANK = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def sample(*regions, changed=True):
    return described(Sample(before=BLANK, after=BLANK, regions=regions, changed=changed, id="a"))


CAR = SampleRegion(kind="added", label="car", box=(2, 2, 12, 12), attributes={"colour": "red"})
TREE = SampleRegion(kind="removed", label="tree", box=(40, 40, 60, 60))


def test_all_tasks_are_asked_of_a_changed_pair(rng):
    turns = turns_of(sample(CAR, TREE), TASKS, rng, 60)
    assert {turn.task for turn in turns} == set(TASKS)
    assert {turn.answer for turn in turns if turn.task == "yes_no"} == {"yes"}
    lines = {turn.answer.count("\n") for turn in turns if turn.task == "list"}
    assert lines == {1}


def test_an_unchanged_pair_is_never_asked_where(rng):
    turns = turns_of(sample(changed=False), TASKS, rng, 40)
    assert {turn.task for turn in turns} == {"caption", "list", "yes_no"}
    assert {turn.answer for turn in turns} == {"no", "nothing changed"}


def test_one_change_is_told_without_the_place_that_the_question_names(rng):
    for turn in turns_of(sample(CAR), {"refer": 1.0}, rng, 20):
        assert "left" not in turn.answer
        assert len(turn.places) == 1


def test_places_of_a_detector_are_told_as_it_found_them(rng):
    found = (Place((0.1, 0.1, 0.2, 0.2), "added", "building"),)
    assert turns_of(sample(CAR), {"regions": 1.0}, rng, 1, places=found)[0].places == found


def test_answers_are_as_the_tokenizer_reads_them_and_quote_nothing():
    assert answer('The button  "Save it" turned green.') == "the button turned green"
    assert answer('The text changed from "one, two" to "three".') == "the text changed"
