"""Crops of pages."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from onediff_core.data import Sample, SampleRegion
from onediff_core.data.swap import swap
from onediff_core.data.synthetic.ui.samples import crop, told

SAVE = SampleRegion(kind="added", label="button", box=(40, 60, 80, 76), attributes={"name": "Save"})
TITLE = SampleRegion(
    kind="changed",
    label="heading",
    box=(150, 10, 190, 30),
    attributes={"what": "text", "text_before": "Orders", "text_after": "Invoices"},
)
ROWS = SampleRegion(
    kind="moved", label="row", box=(0, 90, 200, 140), attributes={"pushed": True, "box_before": (0, 74, 200, 124)}
)


def page(*regions: SampleRegion) -> Sample:
    image = np.random.default_rng(0).integers(0, 255, (150, 200, 3), np.uint8)
    return told(Sample(before=image, after=image, source="made", id="7"), regions)


class Corner:
    """Stands for a generator that crops where a test wants."""

    def __init__(self, x: int, y: int) -> None:
        self._corner = itertools.cycle((x, y))

    def random(self) -> float:
        return 0.0  # elsewhere, not around a change

    def integers(self, *_: int) -> int:
        return next(self._corner)


def cut(sample: Sample, x: int, y: int, size: int) -> Sample:
    corner: Any = Corner(x, y)
    return crop(sample, size, corner)


def test_a_crop_shows_its_part_of_everything() -> None:
    whole = page(SAVE, TITLE, ROWS)
    part = cut(whole, 30, 50, 64)
    np.testing.assert_array_equal(part.after, whole.after[50:114, 30:94])
    np.testing.assert_array_equal(part.masks["element"], whole.masks["element"][50:114, 30:94])
    np.testing.assert_array_equal(part.masks["moved"], whole.masks["moved"][50:114, 30:94])
    assert part.regions is not None
    assert [region.box for region in part.regions] == [(10, 10, 50, 26), (0, 40, 64, 64)]
    assert part.regions[1].attributes["box_before"] == (0, 24, 64, 64)


def test_captions_of_a_crop_tell_what_is_in_it() -> None:
    part = cut(page(SAVE, TITLE, ROWS), 30, 50, 64)
    assert len(part.captions) >= 3
    assert all('"Save"' in caption and "Invoices" not in caption for caption in part.captions)


def test_a_crop_beside_all_changes_is_unchanged() -> None:
    part = cut(page(TITLE), 0, 60, 64)
    assert part.changed is False
    assert part.regions == ()
    assert part.captions[0] == "Nothing changed."


def test_where_only_pushed_content_is_left_nobody_says_whether_it_changed() -> None:
    part = cut(page(SAVE, ROWS), 100, 80, 64)
    assert part.changed is None
    assert part.captions == ()
    assert part.regions is not None
    assert [region.kind for region in part.regions] == ["moved"]


def test_told_backwards_and_again_a_crop_is_the_same() -> None:
    part = cut(page(SAVE, TITLE, ROWS), 30, 50, 64)
    backwards = swap(part)
    assert all('"Save"' in caption for caption in backwards.captions)
    again = swap(backwards)
    assert (again.regions, again.captions) == (part.regions, part.captions)


def test_a_sliver_of_a_change_is_ignored_not_told() -> None:
    part = cut(page(SAVE), 76, 50, 64)
    assert part.ignore is not None
    assert part.ignore.sum() == 4 * 16
    assert part.changed is None
    assert part.regions is None
    assert part.captions == ()


def test_beside_a_sliver_the_other_changes_are_told() -> None:
    part = cut(page(SAVE, TITLE), 76, 5, 100)
    assert part.changed is True
    assert part.ignore is not None
    assert part.ignore[60, 2]
    assert not (part.ignore & part.masks["element"]).any()


def test_most_crops_are_around_a_change() -> None:
    rng, whole = np.random.default_rng(0), page(SAVE)
    assert np.mean([bool(crop(whole, 64, rng).masks["element"].any()) for _ in range(200)]) > 0.7


def test_crops_beside_changes_are_not_of_empty_ground() -> None:
    image = np.full((200, 200, 3), 240, np.uint8)
    image[100:, 100:] = np.random.default_rng(1).integers(0, 255, (100, 100, 3))
    rng, sample = np.random.default_rng(0), told(Sample(before=image, after=image), ())
    empty = np.mean([crop(sample, 64, rng).after.std() == 0 for _ in range(200)])
    assert empty < 0.15  # one place is empty in 0.47 of the cases, all three in a tenth


def test_a_crop_larger_than_the_page_is_refused() -> None:
    with pytest.raises(ValueError, match="sample '7' of 'made' is 200 x 150, no crop of 160 fits"):
        crop(page(SAVE), 160, np.random.default_rng(0))
