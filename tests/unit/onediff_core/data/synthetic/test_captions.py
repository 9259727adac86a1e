"""Sentences from facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onediff_core.data import SampleRegion
from onediff_core.data.synthetic.captions import NOTHING_CHANGED, PLACE, region_caption, side, write_captions

SIZE = (90, 90)
CORNER, CENTRE = (0, 0, 10, 10), (40, 40, 50, 50)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def region(kind: str, label: str, box: tuple[int, int, int, int] = CENTRE, **attributes: Any) -> SampleRegion:
    return SampleRegion(kind=kind, label=label, box=box, attributes=attributes)


def told(*regions: SampleRegion, n: int = 5) -> tuple[str, ...]:
    return write_captions(regions, True, SIZE, rng(), n)


def test_captions_are_sentences_that_differ_and_name_kind_and_label() -> None:
    captions = told(region("added", "car", CORNER, colour="red"))
    assert len(set(captions)) == 5
    verbs = ("added", "appeared", "arrived", "there is a new")
    for caption in captions:
        assert caption[0].isupper()
        assert caption.endswith(".")
        assert "car" in caption
        assert any(verb in caption.lower() for verb in verbs)
    assert any("top left" in caption for caption in captions)
    assert any("red car" in caption for caption in captions)


def test_no_change_is_said_in_one_canonical_sentence_and_in_others() -> None:
    captions = write_captions((), False, SIZE, rng(), 4)
    assert captions[0] == NOTHING_CHANGED
    assert len(set(captions)) == 4


def test_alike_changes_are_counted_in_words() -> None:
    captions = told(*(region("added", "building", (10 * i, 40, 10 * i + 5, 45)) for i in range(4)))
    assert all("four" in caption.lower() and "building" in caption for caption in captions)


def test_people_and_boxes_have_their_own_plurals() -> None:
    people = told(region("removed", "person", clothes="red"), region("removed", "person", CORNER, clothes="red"))
    assert any("two people in red" in caption.lower() for caption in people)
    assert any(
        "two boxes" in caption.lower() for caption in told(region("added", "box"), region("added", "box", CORNER))
    )


def test_of_many_different_changes_eight_are_named() -> None:
    labels = ["car", "tree", "road", "van", "bag", "box", "dog", "bin", "cone", "ball", "cube"]
    for caption in told(*(region("added", label) for label in labels)):
        assert caption.endswith("and three more changes.")
        assert sum(label in caption for label in labels) == 8


def test_a_change_of_colour_says_both_values() -> None:
    captions = told(
        region("changed", "cube", what="colour", colour_before="red", colour_after="blue", material="metal")
    )
    assert all("red" in caption and "blue" in caption and "cube" in caption for caption in captions)


def test_a_change_of_text_quotes_the_words() -> None:
    captions = told(region("changed", "button", what="text", text_before="Save", text_after="Submit"))
    assert all('from "Save" to "Submit"' in caption for caption in captions)


def test_a_change_of_cover_says_what_lay_there_and_what_lies_there() -> None:
    field = region("changed", "field", what="cover", cover_before="grass", cover_after="bare soil")
    assert all("turned from grass to bare soil" in caption for caption in told(field))


def test_what_moved_says_from_where_to_where() -> None:
    captions = told(region("moved", "bag", CORNER, box_before=(40, 70, 50, 80)))
    assert any("from the bottom to the top left" in caption for caption in captions)
    near = told(region("moved", "bag", (44, 40, 54, 50), box_before=CENTRE))
    assert any("to the right" in caption for caption in near)


def test_two_different_places_are_no_list_of_changes() -> None:
    captions = told(region("changed", PLACE, (0, 0, 90, 90)))
    assert all("place" in caption or "somewhere else" in caption for caption in captions)


def test_water_is_not_counted() -> None:
    assert not any("a water" in caption or "waters" in caption for caption in told(region("added", "water")))


def test_what_is_told_does_not_hang_on_the_order_of_the_regions() -> None:
    car, tree = region("added", "car", (0, 0, 30, 30)), region("removed", "tree")
    assert told(car, tree) == told(tree, car)


def test_a_change_of_which_nothing_is_known_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="no region says what"):
        write_captions((), True, SIZE, rng(), 3)


def test_a_region_has_a_sentence_of_its_own() -> None:
    assert "tree" in region_caption(region("removed", "tree"), SIZE, rng())


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (CORNER, "top left"),
        (CENTRE, "centre"),
        ((40, 0, 50, 10), "top"),
        ((80, 40, 90, 50), "right"),
        ((80, 80, 90, 90), "bottom right"),
    ],
)
def test_sides_are_thirds(box: tuple[int, int, int, int], words: str) -> None:
    assert side(box, SIZE) == words


def test_a_region_may_be_told_without_its_place() -> None:
    corner, chance = region("added", "car", CORNER), rng()
    assert "left" in region_caption(corner, SIZE, chance)
    assert all("left" not in region_caption(corner, SIZE, chance, places=False) for _ in range(10))
