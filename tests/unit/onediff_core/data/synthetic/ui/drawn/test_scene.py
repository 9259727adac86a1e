"""Pairs of drawn screens."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onediff_core.data.synthetic import SCENES, scene
from onediff_core.data.synthetic.ui.drawn.scene import screen_pair
from onediff_core.data.synthetic.ui.edits import SORTS

if TYPE_CHECKING:
    from onediff_core.data import Sample

IN_PLACE = ("colour", "icon", "picture", "state", "text", "theme", "value")
MANY = 240


@cache
def many() -> list[Sample]:
    draw = scene("ui-drawn")
    return [draw(11, index, 128) for index in range(MANY)]


def first(sort: str, seed: int = 3) -> Sample:
    """The first clean pair in which there was something to do this to."""
    pairs = (screen_pair(seed, index, 256, sort=sort, clean=True) for index in range(200))
    return next(pair for pair in pairs if pair.regions)


def differing(sample: Sample) -> np.ndarray:
    return (sample.before != sample.after).any(axis=2)


def test_both_scenes_are_listed() -> None:
    assert {"ui-drawn", "ui-html"} <= set(SCENES)


def test_the_same_seed_and_index_give_the_same_pair() -> None:
    draw = scene("ui-drawn")
    one, again, other = draw(1, 5, 128), draw(1, 5, 128), draw(1, 6, 128)
    np.testing.assert_array_equal(one.before, again.before)
    np.testing.assert_array_equal(one.after, again.after)
    assert (one.regions, one.captions, one.id) == (again.regions, again.captions, again.id)
    assert not np.array_equal(one.before, other.before)


def test_a_crop_has_the_size_that_was_asked_for() -> None:
    assert {sample.after.shape for sample in many()} == {(128, 128, 3)}


def test_a_third_or_more_are_unchanged() -> None:
    assert np.mean([sample.changed is False for sample in many()]) >= 1 / 3
    assert np.mean([sample.changed is True for sample in many()]) >= 1 / 3


def test_unchanged_pairs_differ_by_nuisance_in_part() -> None:
    unchanged = [differing(sample).any() for sample in many() if sample.changed is False]
    assert 0.3 < np.mean(unchanged) < 0.95


def test_every_kind_of_change_occurs() -> None:
    regions = [region for sample in many() for region in sample.regions or ()]
    assert {region.kind for region in regions} == {"added", "removed", "changed", "moved"}
    assert len({region.label for region in regions}) > 12


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_every_sort_of_edit_can_be_seen(sort: str) -> None:
    sample = first(sort)
    assert differing(sample).any()
    assert sample.changed is True
    assert sample.masks["element"].any() or sort == "reorder"


@pytest.mark.parametrize("sort", IN_PLACE)
def test_a_change_in_place_is_boxed_as_tightly_as_its_pixels(sort: str) -> None:
    sample = first(sort)
    assert sample.regions is not None
    x0, y0, x1, y1 = sample.regions[0].box
    inside = differing(sample)[y0:y1, x0:x1]
    assert inside[0].any()
    assert inside[-1].any()
    assert inside[:, 0].any()
    assert inside[:, -1].any()


def test_pixels_differ_only_where_something_is_said_to_have_changed_or_moved() -> None:
    shares = []
    for index in range(60):
        sample = screen_pair(5, index, 256, clean=True)
        unlike, said = differing(sample), sample.masks["element"] | sample.masks["moved"]
        shares.append((unlike & said).sum() / max(unlike.sum(), 1) if unlike.any() else 1.0)
    assert np.mean(shares) > 0.97
    assert np.quantile(shares, 0.1) > 0.9


def test_without_nuisance_unchanged_pairs_are_identical() -> None:
    unchanged = [pair for index in range(40) if not (pair := screen_pair(5, index, 128, clean=True)).regions]
    assert unchanged
    assert not any(differing(pair).any() for pair in unchanged)


def test_captions_quote_the_old_and_the_new_text() -> None:
    sample = first("text")
    assert sample.regions is not None
    facts = sample.regions[0].attributes
    assert facts["text_before"] != facts["text_after"]
    for caption in (*sample.captions, sample.regions[0].caption):
        assert f'"{facts["text_before"]}"' in caption
        assert f'"{facts["text_after"]}"' in caption


def test_captions_name_colours_states_and_icons() -> None:
    for sort, names in {"colour": "colour", "state": "state", "icon": "shape"}.items():
        sample = first(sort)
        assert sample.regions is not None
        facts = sample.regions[0].attributes
        assert all(
            facts[f"{names}_before"] in caption and facts[f"{names}_after"] in caption for caption in sample.captions
        )


def test_what_an_insert_pushes_is_moved_not_changed() -> None:
    pairs = (screen_pair(7, index, 256, sort="copy", clean=True) for index in range(60))
    pushing = [pair.regions for pair in pairs if pair.regions and len(pair.regions) > 1]
    assert pushing
    for added, *pushed in pushing:
        assert added.kind == "added"
        assert {region.kind for region in pushed} == {"moved"}
        assert all(region.attributes["pushed"] for region in pushed)
