"""The smallest thing that a mask head finds."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.training.head.smallest import FEWEST, Found, best_size, smallest


def crop(*, thing: int = 0, speck: int = 0, zoom: float = 1.0) -> Found:
    """A head that finds a thing of so many pixels where one is, and a speck where none is."""
    truth = np.zeros((64, 64), bool)
    truth.ravel()[:thing] = True
    said = truth.copy()
    said[-1, 64 - speck :] = speck > 0
    return Found(said, truth, zoom)


def test_specks_in_unchanged_crops_are_left_out_and_things_are_not() -> None:
    things = [crop(thing=60, speck=20)] * FEWEST
    assert best_size([*things, *[crop(speck=20)] * FEWEST]) == 24
    assert best_size([*things, *[crop()] * FEWEST]) == 0  # nothing to leave out
    assert best_size([*things, *[crop(speck=20)] * 2, *[crop()] * 20]) == 24


def test_a_size_that_loses_as_many_things_as_specks_is_not_taken() -> None:
    specks, things = [crop(speck=40)] * FEWEST, [crop(thing=30)] * FEWEST
    assert best_size([*things, *specks]) == 0


def test_a_size_that_costs_pixels_of_things_is_not_taken() -> None:
    parts = crop(thing=60)
    parts.truth[40, :30] = parts.said[40, :30] = True  # a second thing, smaller than the specks
    assert best_size([*[parts] * FEWEST, *[crop(speck=40)] * FEWEST]) == 0


def test_pixels_are_those_of_the_middle_scale() -> None:
    seen_finer = [crop(thing=200, zoom=4.0)] * FEWEST + [crop(speck=40, zoom=4.0)] * FEWEST
    assert best_size(seen_finer) == 12  # 48 of their own


@pytest.mark.parametrize(("changed", "rest"), [(FEWEST - 1, 30), (30, FEWEST - 1)])
def test_of_too_few_crops_none_is_chosen_and_it_is_said_how_to_set_one(changed: int, rest: int) -> None:
    found = [crop(thing=60)] * changed + [crop(speck=20)] * rest
    chosen = smallest(found, None, None)
    assert (chosen.least_m2, chosen.assumed_gsd_m) == (0.0, 1.0)
    assert f"{changed} held-out crops show a change and {rest} show none, too few" in chosen.words
    assert "--set least_px=" in chosen.words


def test_a_size_is_kept_on_the_ground_where_pairs_know_their_scale() -> None:
    found = [crop(thing=60)] * FEWEST + [crop(speck=20)] * FEWEST
    chosen = smallest(found, 0.5, None)
    assert (chosen.least_m2, chosen.assumed_gsd_m) == (6.0, 0.5)
    assert chosen.words == "24 px at 0.5 m, 6 m²: chosen on 10 + 10 held-out crops"
    assert smallest(found, 0.5, 200).least_m2 == 50.0
    assert smallest(found, None, 0).words == "every blob counts: as set"
