"""Regions of pages whose pixels are known."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.data.synthetic.ui.elements import PAGE, Edit, Element, State, masks_of, regions_of
from onediff_plugins.types import Box

GROUND = 250
INKS = {"title": 40, "first": 60, "second": 90, "third": 120, "new": 150}


def state(boxes: dict[str, Box], *, without: str = "", inks: dict[str, int] | None = None) -> State:
    """A page of 100 x 80 with bars of different greys, inset by two pixels in their boxes."""

    shades = INKS | (inks or {})

    def painted(left_out: str = "") -> np.ndarray:
        image = np.full((80, 100, 3), GROUND, np.uint8)
        for uid, box in boxes.items():
            if uid != left_out:
                image[box.y0 + 2 : box.y1 - 2, box.x0 + 2 : box.x1 - 2] = shades[uid]
        return image

    elements = {uid: Element(uid, "", "row", uid, box) for uid, box in boxes.items()}
    return State(painted(), elements, painted(without) if without else None)


ROWS = {"first": Box(0, 10, 100, 22), "second": Box(0, 22, 100, 34), "third": Box(0, 34, 100, 46)}
PUSHED = {
    "first": Box(0, 10, 100, 22),
    "new": Box(0, 22, 100, 34),
    "second": Box(0, 34, 100, 46),
    "third": Box(0, 46, 100, 58),
}


def test_an_inserted_row_is_added_where_it_paints_and_pushes_the_rows_under_it() -> None:
    added, moved = regions_of([Edit("added", "new")], state(ROWS), state(PUSHED, without="new"))
    assert (added.kind, added.label, added.box) == ("added", "row", (2, 24, 98, 32))
    assert added.attributes == {"name": "new"}
    assert moved.kind == "moved"
    assert moved.attributes["pushed"]
    assert moved.attributes["box_before"] == (0, 22, 100, 46)
    assert moved.box == (2, 36, 98, 56)


def test_a_removed_row_lies_where_it_was() -> None:
    removed, moved = regions_of([Edit("removed", "new")], state(PUSHED, without="new"), state(ROWS))
    assert (removed.kind, removed.box) == ("removed", (2, 24, 98, 32))
    assert moved.kind == "moved"


def test_what_was_removed_goes_along_with_what_stood_over_it() -> None:
    lowered = {uid: box.shifted(0, 20) for uid, box in ROWS.items()}
    removed, *_ = regions_of([Edit("removed", "new")], state(PUSHED, without="new"), state(lowered))
    assert removed.box == (2, 44, 98, 52)


def test_the_first_of_a_page_goes_along_with_what_stood_beside_it() -> None:
    before = {"new": Box(0, 10, 40, 22), "first": Box(40, 10, 100, 22)}
    after = {"first": Box(0, 30, 60, 42)}
    removed, _ = regions_of([Edit("removed", "new")], state(before, without="new"), state(after))
    assert removed.box == (2, 32, 38, 40)


def test_a_changed_row_is_as_large_as_what_looks_different() -> None:
    (changed,) = regions_of([Edit("changed", "second")], state(ROWS), state(ROWS, inks={"second": 200}))
    assert (changed.kind, changed.box) == ("changed", (2, 24, 98, 32))


def test_a_row_that_changed_and_was_pushed_is_compared_in_its_new_place() -> None:
    edits = [Edit("added", "new"), Edit("changed", "third")]
    _, changed, moved = regions_of(edits, state(ROWS), state(PUSHED, without="new", inks={"third": 200}))
    assert changed.box == (2, 48, 98, 56)
    assert moved.attributes["name"] == "second"


def test_rows_that_changed_places_are_not_pushed() -> None:
    swapped = {"first": ROWS["second"], "second": ROWS["first"], "third": ROWS["third"]}
    edits = [Edit("moved", "first"), Edit("moved", "second")]
    regions = regions_of(edits, state(ROWS), state(swapped))
    assert [(region.kind, region.attributes["name"]) for region in regions] == [("moved", "first"), ("moved", "second")]
    assert not any("pushed" in region.attributes for region in regions)


def test_what_was_pushed_out_of_the_image_is_told_where_it_was() -> None:
    gone = {"first": ROWS["first"], "second": ROWS["second"], "third": Box(0, 90, 100, 102)}
    (moved,) = regions_of([], state(ROWS), state(gone))
    assert (moved.kind, moved.box) == ("moved", (2, 36, 98, 44))


def test_what_cannot_be_seen_is_no_region() -> None:
    assert regions_of([Edit("changed", "first")], state(ROWS), state(ROWS)) == ()


def test_a_change_of_the_whole_page_is_one_region() -> None:
    before, after = state(ROWS), state(ROWS)
    other = State(255 - after.image, after.elements)
    (region,) = regions_of([Edit("changed", PAGE, {"what": "theme"})], before, other)
    assert (region.label, region.box) == ("page", (0, 0, 100, 80))


def test_without_a_picture_of_the_rest_nothing_can_be_said_of_what_was_added() -> None:
    with pytest.raises(ValueError, match=r"'new' was added: State\.without must show the page without it"):
        regions_of([Edit("added", "new")], state(ROWS), state(PUSHED))


def test_moved_content_is_not_in_the_mask_of_elements() -> None:
    regions = regions_of([Edit("added", "new")], state(ROWS), state(PUSHED, without="new"))
    masks = masks_of(regions, (80, 100))
    assert masks["element"].sum() == 96 * 8
    assert not (masks["element"] & masks["moved"]).any()
    assert masks["moved"][40, 50]  # where it went
    assert masks["moved"][22, 0]  # and where it was
