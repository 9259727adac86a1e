"""Which boxes of two lists are of one region."""

from __future__ import annotations

from onediff_fiftyone.same_place import match


def test_each_region_is_one_other_at_most_and_the_closest_go_first() -> None:
    wide, exact, far = (0.0, 0.0, 0.4, 0.4), (0.0, 0.0, 0.5, 0.4), (0.7, 0.7, 0.1, 0.1)
    found = match([wide, exact], [exact, far])
    assert (found.pairs, found.only_first, found.only_second) == (((1, 0),), (0,), (1,))
    assert found.agreement == 0.5


def test_boxes_that_overlap_by_less_than_half_are_two_regions() -> None:
    one, half = (0.0, 0.0, 0.4, 0.4), (0.0, 0.0, 0.4, 0.2)
    assert match([one], [half]).pairs == ((0, 0),)
    assert match([one], [(0.0, 0.0, 0.4, 0.19)]).pairs == ()


def test_where_there_is_nothing_both_agree_and_a_box_without_area_matches_none() -> None:
    assert match([], []).agreement == 1
    assert match([], [(0.0, 0.0, 1.0, 1.0)]).only_second == (0,)
    assert match([(0.5, 0.5, 0.0, 0.0)], [(0.5, 0.5, 0.0, 0.0)]).pairs == ()
