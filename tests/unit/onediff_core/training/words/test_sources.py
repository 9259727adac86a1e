from dataclasses import replace

import numpy as np
import pytest

from onediff_core.data import Sample, SampleRegion
from onediff_core.data.synthetic import scene
from onediff_core.parsing import kinds_said
from onediff_core.prompts import Place
from onediff_core.training.words.lessons import told_regions
from onediff_core.training.words.settings import TASKS
from onediff_core.training.words.sources import (
    CoupledFacts,
    CoupledPictures,
    DrawnFacts,
    DrawnPairs,
    Mixture,
    RealPairs,
    WrittenFacts,
    backwards,
    close_to,
    turned,
)
from onediff_core.training.words.texts import read_texts

PICTURE = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3).astype(np.uint8)
BUILT = Sample(
    before=PICTURE, after=PICTURE, captions=("a house is built in the lower-left corner at the top",), changed=True
)


def lessons(source, n=8):
    return [source.draw(np.random.default_rng((5, number))) for number in range(n)]


@pytest.fixture
def drawn():
    return DrawnPairs({"objects": 1.0}, TASKS, 3, 64)


def test_the_same_chance_makes_the_same_lesson(drawn):
    for one, two in zip(lessons(drawn), lessons(drawn), strict=True):
        assert one.turns == two.turns
        assert np.array_equal(one.images, two.images)


def test_a_drawn_pair_has_all_its_questions(drawn):
    assert {len(lesson.turns) for lesson in lessons(drawn)} == {3}


def test_lessons_of_facts_have_no_images_and_name_places(sets):
    both = Mixture([(WrittenFacts(read_texts(sets)), 0.5), (DrawnFacts({"objects": 1.0}, TASKS), 0.5)])
    for lesson in lessons(both):
        (turn,) = lesson.turns
        assert lesson.images is None
        assert turn.places
        assert turn.task in ("regions", "refer")


def test_coupled_pictures_are_told_one_after_the_other():
    lesson = CoupledPictures(64).draw(np.random.default_rng(0))
    before, after = lesson.turns[0].answer.removeprefix("before: ").split(". after: ")
    assert before != after
    assert not np.array_equal(*lesson.images)


def test_coupled_facts_name_each_thing_of_the_answer():
    (turn,) = CoupledFacts().draw(np.random.default_rng(0)).turns
    nouns = [part.split(" [")[0].split(": ")[-1] for part in turn.question.split("; ")]
    assert all(noun.split()[-1] in turn.answer for noun in nouns)


def test_mirrored_captions_name_the_other_side():
    across, down = turned(BUILT, across=True, down=False), turned(BUILT, across=False, down=True)
    assert across.captions == ("a house is built in the lower-right corner at the top",)
    assert down.captions == ("a house is built in the upper-left corner at the bottom",)
    assert np.array_equal(across.after, PICTURE[:, ::-1])
    assert np.array_equal(down.after, PICTURE[::-1])


def test_real_pairs_are_mirrored_with_the_places_that_were_found():
    places = [Place((0.0, 0.0, 0.25, 0.25), "added", "building")]
    source = RealPairs([(replace(BUILT, captions=("left",)), places)], {"regions": 1.0}, 1, 1.0)
    seen = {(lesson.turns[0].answer, lesson.turns[0].places[0].box[0]) for lesson in lessons(source, 30)}
    told = {answer for answer, _ in seen if "building" not in answer}
    assert {(answer, x0) for answer, x0 in seen if answer in told} == {("left", 0.0), ("right", 0.75)}


def test_a_real_pair_backwards_loses_what_it_gained_where_it_was():
    places = [Place((0.0, 0.0, 0.25, 0.25), "added", "building"), Place((0.0, 0.5, 1.0, 1.0), "changed", "landcover")]
    sample, told = backwards(replace(BUILT, after=PICTURE[::-1]), places)
    assert [place.kind for place in told] == ["removed", "changed"]
    assert np.array_equal(sample.before, PICTURE[::-1])
    assert np.array_equal(sample.after, PICTURE)
    for caption in sample.captions:
        assert kinds_said(caption) == {"removed"}
        assert "building" in caption
        assert "landcover" not in caption


def test_a_close_look_that_does_not_show_where_a_thing_came_from_does_not_tell_it():
    came_from = SampleRegion(
        kind="moved", label="cube", box=(200, 200, 216, 216), attributes={"box_before": (4, 4, 20, 20)}
    )
    blank = np.zeros((256, 256, 3), np.uint8)
    near = close_to(came_from, Sample(before=blank, after=blank, regions=(came_from,), changed=True), 64)
    assert "box_before" not in near.regions[0].attributes


def test_a_close_look_holds_its_change():
    for index in range(12):
        sample = scene("objects")(1, index, 128)
        for region in told_regions(sample):
            near = close_to(region, sample, 128)
            (moved,) = near.regions
            x0, y0, x1, y1 = moved.box
            assert isinstance(moved, SampleRegion)
            assert 0 <= x0 < x1 <= near.after.shape[1]
            assert 0 <= y0 < y1 <= near.after.shape[0]
            u0, v0, u1, v1 = moved.attributes.get("box_before", moved.box)
            assert 0 <= u0 < u1 <= near.after.shape[1]
            assert 0 <= v0 < v1 <= near.after.shape[0]
            assert np.array_equal(
                near.after[y0:y1, x0:x1], sample.after[region.box[1] : region.box[3], region.box[0] : region.box[2]]
            )
