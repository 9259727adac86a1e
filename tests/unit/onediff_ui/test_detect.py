from __future__ import annotations

import cv2
import numpy as np
import pytest


def kinds(change) -> list[str]:
    return sorted(region.kind for region in change.candidates)


def content(change) -> list:
    return [region for region in change.candidates if region.kind != "moved"]


def test_an_identical_page_has_no_region_and_no_score(new_page, names, compare) -> None:
    page = new_page().frame().table(names[:8]).array()
    change, registration = compare(page, page.copy())
    assert change.candidates == ()
    assert change.score.max() == 0
    assert registration.method == "identity"


def test_an_inserted_row_is_one_added_region_and_the_rest_is_not_marked(new_page, names, compare, overlap) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page().frame().table((*names[:3], "Quince", *names[3:8])).array()
    change, _ = compare(before, after)
    (added,) = content(change)
    assert added.kind == "added"
    assert overlap(added.bbox_after, (170, 153, 620, 184)) > 0.6
    marked = change.score >= 0.5
    marked[153:186, 170:620] = False
    assert not marked.any()


def test_what_an_inserted_row_pushed_down_is_one_move(new_page, names, compare) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page().frame().table((*names[:3], "Quince", *names[3:8])).array()
    change, _ = compare(before, after)
    (moved,) = [region for region in change.candidates if region.kind == "moved"]
    assert moved.attributes == {"dx": 0, "dy": 31}
    assert moved.bbox_before == tuple(np.subtract(moved.bbox_after, (0, 31, 0, 31)))
    assert moved.bbox_after[0] >= 150  # the side bar stayed


def test_a_removed_row_lies_in_before_pixels(new_page, names, compare, overlap) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page().frame().table((*names[:3], *names[4:8])).array()
    change, _ = compare(before, after)
    (removed,) = content(change)
    assert removed.kind == "removed"
    assert removed.bbox_after is None
    assert overlap(removed.bbox_before, (170, 153, 620, 184)) > 0.6


@pytest.mark.parametrize("high", [6, 48])
def test_an_inserted_band_without_words_is_an_element(new_page, names, compare, high) -> None:
    page = new_page().frame().table(names[:8]).array()
    banner = np.insert(page, 50, np.full((high, 640, 3), (180, 30, 40), np.uint8), axis=0)
    (added,) = content(compare(page, banner)[0])
    assert (added.kind, added.bbox_after) == ("added", (0, 50, 640, 50 + high))
    (removed,) = content(compare(banner, page)[0])
    assert (removed.kind, removed.bbox_before) == ("removed", (0, 50, 640, 50 + high))


def test_inserted_space_in_the_colour_of_the_page_is_no_element(new_page, names, compare) -> None:
    heads = new_page().frame().box(0, 40, 640, 80, "#7c2d12").text(16, 51, "Orders of the week", 16, "#ffffff")
    page = heads.table(names[:8], y=100).array()
    roomier = np.insert(page, 40, np.full((20, 640, 3), page[90, 400], np.uint8), axis=0)
    change, _ = compare(page, roomier)
    assert kinds(change) == ["moved"]


def test_a_row_that_repeats_its_neighbours_is_added_at_one_place(new_page, compare) -> None:
    before = new_page().frame().table(("Amber",) * 5).array()
    after = new_page().frame().table(("Amber",) * 6).array()
    change, registration = compare(before, after)
    (added,) = content(change)
    assert added.kind == "added"
    assert added.bbox_after[3] - added.bbox_after[1] <= 34
    assert registration.method == "identity"  # nothing needs to have moved


def test_a_changed_row_among_equal_ones_does_not_move_the_others(new_page, compare) -> None:
    before = new_page().frame().table(("Amber",) * 8).array()
    after = new_page().frame().table((*("Amber",) * 3, "Maple", *("Amber",) * 4)).array()
    change, _ = compare(before, after)
    assert set(kinds(change)) == {"changed"}
    assert all(150 <= region.bbox_after[1] <= 190 for region in change.candidates)


def test_a_recoloured_button_is_its_own_box_and_names_its_colours(new_page, names, compare, overlap) -> None:
    sides = [
        new_page()
        .frame()
        .table(names[:4])
        .box(500, 400, 610, 436, fill, radius=6)
        .text(526, 410, "Save", 14, "#ffffff")
        for fill in ("#2563eb", "#dc2626")
    ]
    change, _ = compare(*(side.array() for side in sides))
    (region,) = change.candidates
    assert region.kind == "changed"
    assert overlap(region.bbox_after, (500, 400, 610, 436)) > 0.9
    assert region.attributes["what"] == "colour"
    assert (region.attributes["colour_before"], region.attributes["colour_after"]) == ("#2563eb", "#dc2626")


def test_a_slightly_recoloured_card_is_found(new_page, names, compare, overlap) -> None:
    sides = [new_page().table(names[:4]).box(200, 300, 420, 420, fill).array() for fill in ("#ffffff", "#f4f6fa")]
    change, _ = compare(*sides)
    (region,) = change.candidates
    assert overlap(region.bbox_after, (200, 300, 420, 420)) > 0.9


def test_recoloured_text_is_a_change(new_page, compare) -> None:
    sides = [new_page().text(100, 100, "Upgrade your plan", 16, fill).array() for fill in ("#2563eb", "#ea580c")]
    change, _ = compare(*sides)
    assert kinds(change) == ["changed"]


def test_a_removed_icon_is_removed(new_page, names, compare, overlap) -> None:
    bare = new_page().frame().table(names[:6])
    with_icon = new_page().frame().table(names[:6])
    with_icon.draw.ellipse((560, 12, 576, 28), fill="#fbbf24")
    change, _ = compare(with_icon.array(), bare.array())
    (region,) = change.candidates
    assert region.kind == "removed"
    assert overlap(region.geometry.bounds, (560, 12, 577, 29)) > 0.7
    change, _ = compare(bare.array(), with_icon.array())
    assert kinds(change) == ["added"]


def test_an_edited_number_is_found_in_its_card(new_page, compare, overlap) -> None:
    sides = [
        new_page()
        .box(200, 100, 360, 170, "#ffffff", "#e2e8f0", 8)
        .text(214, 110, "Total")
        .text(214, 134, number, 22)
        .array()
        for number in ("10037", "9417")
    ]
    change, _ = compare(*sides)
    (region,) = change.candidates
    assert overlap(region.bbox_after, (200, 100, 360, 170)) > 0.6


def test_one_edited_digit_is_a_change(new_page, names, compare) -> None:
    sides = [new_page().frame().table(names[:6]).text(200, 420, f"Invoice 4{digit}17").array() for digit in "38"]
    change, _ = compare(*sides)
    (region,) = change.candidates
    assert region.kind == "changed"
    assert region.bbox_after[1] > 410


def test_text_at_a_sub_pixel_offset_is_unchanged(new_page, names, compare) -> None:
    page = new_page().frame().table(names).array()
    shifted = cv2.warpAffine(
        page, np.float32([[1, 0, 0.33], [0, 1, 0.2]]), page.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
    )
    assert np.count_nonzero(page != shifted) > 5000
    change, _ = compare(page, shifted)
    assert content(change) == []


def test_smoothed_text_is_unchanged(new_page, names, compare) -> None:
    page = new_page().frame().table(names).array()
    change, _ = compare(page, cv2.GaussianBlur(page, (3, 3), 0.5))
    assert content(change) == []


def test_an_edit_among_rendering_noise_is_still_found(new_page, names, compare) -> None:
    before = new_page().frame().table(names).array()
    after = new_page().frame().table((*names[:5], "Zinnia and more", *names[6:])).array()
    change, _ = compare(before, cv2.GaussianBlur(after, (3, 3), 0.5))
    assert content(change)
    assert all(205 <= region.geometry.bounds[1] <= 250 for region in content(change))


def test_a_moved_element_is_moved_and_not_a_change(new_page, names, compare) -> None:
    sides = [new_page().frame().table(names[:5]).text(x, 300, "Quarterly report").array() for x in (200, 202)]
    change, _ = compare(*sides)
    (region,) = change.candidates
    assert region.kind == "moved"
    assert region.attributes == {"dx": 2, "dy": 0}


def test_short_moves_can_be_absorbed(new_page, names, compare) -> None:
    sides = [new_page().frame().table(names[:5]).text(x, 300, "Quarterly report").array() for x in (200, 202)]
    change, _ = compare(*sides, min_move=3)
    assert change.candidates == ()


def test_a_text_cursor_that_blinks_is_no_change(new_page, compare) -> None:
    sides = [
        new_page().box(100, 100, 300, 130, "#ffffff", "#94a3b8"),
        new_page().box(100, 100, 300, 130, "#ffffff", "#94a3b8"),
    ]
    sides[1].box(108, 106, 109, 124, "#000000")
    arrays = [side.array() for side in sides]
    assert compare(*arrays)[0].candidates == ()
    assert kinds(compare(*arrays, ignore_caret=False)[0]) == ["added"]


def test_two_thin_bars_are_no_text_cursor(new_page, compare) -> None:
    after = new_page().box(108, 106, 109, 124, "#000000").box(140, 106, 141, 124, "#000000")
    assert kinds(compare(new_page().array(), after.array())[0]) == ["added", "added"]


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_scroll_bar_that_shows_is_no_change(new_page, compare, side: str) -> None:
    plain, scrolled = new_page().array(), new_page().box(632, 60, 640, 200, "#94a3b8").array()
    pair = (plain, scrolled) if side == "after" else (scrolled, plain)
    assert compare(*pair)[0].candidates == ()
    assert len(compare(*pair, ignore_scroll_bar=False)[0].candidates) == 1


def test_a_bar_elsewhere_is_a_change(new_page, compare) -> None:
    assert kinds(compare(new_page().array(), new_page().box(600, 60, 608, 200, "#94a3b8").array())[0]) == ["added"]


def toned(image, gamma: float = 1.05, gain: float = 0.99):
    return np.rint(255 * gain * (image / 255) ** gamma).astype(np.uint8)


def test_another_gamma_of_the_whole_page_is_no_change(new_page, names, compare) -> None:
    page = new_page().frame().table(names[:7]).array()
    assert compare(page, toned(page))[0].candidates == ()
    after = new_page().frame().table(names[:7]).box(560, 8, 620, 32, "#dc2626").array()
    (found,) = compare(page, toned(after))[0].candidates
    assert found.bbox_after == (560, 8, 620, 32)


@pytest.mark.parametrize(("gamma", "gain"), [(1.3, 1.0), (1.0, 0.95)])
def test_other_colours_of_the_whole_page_are_a_change(new_page, names, compare, gamma: float, gain: float) -> None:
    page = new_page().frame().table(names[:7]).array()
    assert compare(page, toned(page, gamma, gain))[0].candidates


def test_another_ground_behind_the_same_words_is_a_change(new_page, compare) -> None:
    before = new_page().text(40, 40, "Words on a page", 30).array()
    after = np.where(before > 240, before - 8, before).astype(np.uint8)
    assert compare(before, after)[0].candidates


def test_a_plain_picture_of_another_colour_is_a_change(compare) -> None:
    grey = np.full((60, 80, 3), 120, np.uint8)
    assert compare(grey, grey + 6)[0].candidates


def test_one_bright_pixel_is_a_change(new_page, compare) -> None:
    before = new_page().array()
    after = before.copy()
    after[200, 300] = (255, 0, 0)
    assert len(compare(before, after)[0].candidates) == 1


def test_sixteen_bit_pages_compare_like_eight_bit_ones(new_page, names, compare) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page().frame().table((*names[:3], "Quince", *names[3:8])).array()
    shallow, _ = compare(before, after)
    deep, _ = compare(before.astype(np.uint16) * 257, after.astype(np.uint16) * 257)
    assert [r.bbox_after for r in shallow.candidates] == [r.bbox_after for r in deep.candidates]
    np.testing.assert_array_equal(shallow.score, deep.score)


def test_a_longer_page_has_its_end_added(new_page, names, compare) -> None:
    before = new_page(640, 300).frame().table(names[:7]).array()
    after = new_page(640, 420).frame().table(names[:11]).array()
    change, registration = compare(before, after)
    assert registration.overlap < 1
    assert "added" in kinds(change)
    assert all(region.geometry.bounds[1] >= 270 for region in content(change))


def test_a_pixel_more_of_background_is_unchanged(new_page, names, compare) -> None:
    before = new_page(640, 480).table(names).array()
    after = new_page(641, 481).table(names).array()
    assert content(compare(before, after)[0]) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 3)])
def test_tiny_images_are_compared(size, compare) -> None:
    width, height = size
    black, white = np.zeros((height, width, 3), np.uint8), np.full((height, width, 3), 255, np.uint8)
    assert compare(black, black.copy())[0].candidates == ()
    assert len(compare(black, white)[0].candidates) == 1


def test_images_of_wholly_different_size_are_compared(new_page, compare) -> None:
    change, registration = compare(new_page(30, 600).array(), new_page(700, 20).text(10, 2, "wide").array())
    assert change.score.shape == (20, 700)
    assert all(piece.after_box.area for piece in registration.pieces)


def test_wholly_different_pages_are_compared_in_place(new_page, compare) -> None:
    rng = np.random.default_rng(3)
    pages = []
    for _ in range(2):
        page = new_page()
        for y in range(20, 460, 18):
            page.text(10 + float(rng.integers(0, 90)), y, "".join(rng.choice(list("abcdefghij klmnop"), 50)))
        pages.append(page.array())
    change, registration = compare(*pages)
    assert [(piece.dx, piece.dy) for piece in registration.pieces] == [(0, 0)]
    assert (change.score >= 0.5).mean() > 0.05


def test_scores_lie_in_range_and_regions_inside(new_page, names, compare) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page(640, 500).frame().table(("New", *names[1:8])).array()
    change, _ = compare(before, after)
    for region in change.candidates:
        x0, y0, x1, y1 = region.geometry.bounds
        assert 0 <= x0 < x1 <= 640
        assert 0 <= y0 < y1 <= 500
        assert region.geometry.is_valid


def test_a_recoloured_button_above_an_inserted_row_is_one_change_in_place(new_page, names, compare, overlap) -> None:
    def page(fill: str, rows: tuple[str, ...]):
        drawn = new_page(1280, 600).frame().text(184, 66, "Orders", 22).text(360, 72, "Search orders", 14)
        drawn.box(1100, 56, 1248, 100, fill, radius=8).text(1140, 70, "New order", 14, "#ffffff")
        for row, name in enumerate(rows):
            top = 130 + 46 * row
            drawn.box(170, top, 1248, top + 47, "#ffffff", "#e2e8f0").text(184, top + 15, name)
            drawn.text(620, top + 15, f"{len(name) * 137} units").text(1180, top + 15, name[::-1])
        return drawn.array()

    before = page("#2f7d5b", names[:6])
    after = page("#f59e0b", (*names[:2], "Quince", *names[2:6]))
    change, _ = compare(before, after)
    assert kinds(change) == ["added", "changed", "moved"]
    added, button, _ = sorted(change.candidates, key=lambda region: region.kind)
    assert overlap(button.bbox_after, (1100, 56, 1248, 100)) > 0.9
    assert button.attributes["what"] == "colour"
    assert overlap(added.bbox_after, (170, 222, 1248, 268)) > 0.9


def test_changed_digits_are_changed_text_and_no_recolouring(new_page, names, compare, overlap) -> None:
    def page(price: str):
        drawn = new_page(800, 520).frame().table(names[:5])
        drawn.box(170, 300, 420, 440, "#ffffff", "#e2e8f0", 8).text(190, 316, "Yirgacheffe", 16)
        drawn.text(190, 384, price, 28).text(300, 396, "/ 500 g", 13, "#6b7280")
        return drawn.array()

    change, _ = compare(page("€18.40"), page("€19.80"))
    (region,) = change.candidates
    assert region.kind == "changed"
    assert region.attributes == {"what": "text"}
    assert overlap(region.bbox_after, (191, 388, 282, 413)) > 0.6  # the whole price, and not the unit beside it


def test_another_word_is_changed_text(new_page, names, compare) -> None:
    sides = [new_page().frame().table(names[:6]).text(200, 420, f"Status {word}").array() for word in ("open", "shut")]
    (region,) = compare(*sides)[0].candidates
    assert region.attributes == {"what": "text"}


def test_another_icon_is_no_changed_text(new_page, names, compare) -> None:
    sides = [new_page().frame().table(names[:6]) for _ in range(2)]
    sides[0].draw.ellipse((200, 420, 220, 440), fill="#1e293b")
    sides[1].draw.polygon([(200, 440), (210, 420), (220, 440)], fill="#1e293b")
    (region,) = compare(*(side.array() for side in sides))[0].candidates
    assert region.kind == "changed"
    assert region.attributes == {}
