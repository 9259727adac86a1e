import numpy as np
import pytest

from onediff_core.parsing import Fact, parse
from onediff_core.prompts import Place, instruction
from onediff_core.training.words.places import MOST, dropped, loosened, mirrored, places_of_facts

HOUSES = [Place((0.1 * at, 0.2, 0.1 * at + 0.05, 0.3), "added", "building") for at in range(8)]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize(("row", "column"), [("top", "left"), ("bottom", ""), ("", "right")])
def test_boxes_lie_on_the_side_that_is_told(rng, row, column):
    fact = Fact(label="building", kind="added", row=row, column=column)
    for _ in range(50):
        ((box, *_),) = places_of_facts([fact], rng)
        centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
        assert {"top": centre[1] < 0.4, "bottom": centre[1] > 0.6, "": True}[row]
        assert {"left": centre[0] < 0.4, "right": centre[0] > 0.6, "": True}[column]


def test_there_are_as_many_boxes_as_things(rng):
    assert len(places_of_facts(parse("three cars have appeared"), rng)) == 3
    assert len(places_of_facts(parse("massive houses and many roads are built"), rng)) == MOST


def test_every_invented_or_loosened_place_can_be_asked_about(rng):
    for _ in range(100):
        some = places_of_facts(parse("a large house and two small cars are removed at the bottom right"), rng)
        assert instruction("regions", loosened(some, rng))


def test_some_facts_are_dropped_and_never_all(rng):
    counts = [len(dropped(HOUSES, rng)) for _ in range(100)]
    assert min(counts) >= 1
    assert 4 < np.mean(counts) < 7
    assert all(dropped(HOUSES[:1], rng) for _ in range(20))


def test_mirroring_twice_changes_nothing():
    once = mirrored(HOUSES, across=True, down=True)
    assert once[0].box == pytest.approx((0.95, 0.7, 1.0, 0.8))
    for place, back in zip(HOUSES, mirrored(once, across=True, down=True), strict=True):
        assert place.box == pytest.approx(back.box)
