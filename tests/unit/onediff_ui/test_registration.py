from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from onediff_plugins.types import Box, PairRequest, Piece
from onediff_ui.io import load_pair
from onediff_ui.registration import align_pair
from onediff_ui.settings import UiSettings


def align(before: np.ndarray, after: np.ndarray, **settings):
    chosen = UiSettings(**settings)
    pair = load_pair(PairRequest(before=before, after=after), chosen)
    return pair, align_pair(pair, chosen)


def shift_at(registration, x: int, y: int) -> tuple[int, int] | None:
    for piece in registration.pieces:
        box = piece.after_box
        if box.x0 <= x < box.x1 and box.y0 <= y < box.y1:
            return piece.dx, piece.dy
    return None


@pytest.fixture
def inserted(new_page, names):
    """A table before and after a row came in at y = 153."""
    before = new_page().frame().table(names[:8]).array()
    return before, new_page().frame().table((*names[:3], "Quince", *names[3:8])).array()


def test_an_identical_page_is_one_piece_in_place(new_page, names) -> None:
    page = new_page().frame().table(names[:8]).array()
    _, registration = align(page, page.copy())
    assert registration.pieces == (Piece(Box(0, 0, 640, 480), 0, 0),)
    assert registration.overlap == 1


def test_content_below_an_inserted_row_is_found_where_it_went(inserted) -> None:
    _, registration = align(*inserted)
    assert registration.method == "layout"
    assert shift_at(registration, 300, 100) == (0, 0)
    assert shift_at(registration, 300, 168) is None
    assert shift_at(registration, 300, 300) == (0, -31)


def test_a_side_bar_that_stays_keeps_its_place(inserted) -> None:
    _, registration = align(*inserted)
    assert all(shift_at(registration, 40, y) == (0, 0) for y in range(5, 480, 25))


def test_the_seam_of_an_inserted_row_lies_on_its_border(inserted) -> None:
    _, registration = align(*inserted)
    below = next(piece for piece in registration.pieces if piece.dy)
    assert below.after_box.y0 == 153 + 31


def test_a_removed_row_shifts_what_is_below_up(inserted) -> None:
    after, before = inserted
    _, registration = align(before, after)
    assert shift_at(registration, 300, 300) == (0, 31)
    assert shift_at(registration, 40, 300) == (0, 0)


def test_two_columns_move_on_their_own(new_page, names) -> None:
    def page(left: int, right: int) -> np.ndarray:
        drawn = new_page(800, 600)
        for row, name in enumerate(names):
            drawn.text(20, 40 + 26 * row + left * (row > 3), f"{name} {row * 7919 % 1000}")
            drawn.text(430, 40 + 26 * row + right * (row > 5), f"{row * 6007 % 1000} {name[::-1]}")
        return drawn.array()

    _, registration = align(page(0, 0), page(40, 70))
    assert shift_at(registration, 60, 300) == (0, -40)
    assert shift_at(registration, 470, 350) == (0, -70)
    assert shift_at(registration, 470, 130) == (0, 0)


def test_a_column_that_makes_room_on_the_left_moves_right(new_page, names) -> None:
    def page(x: int) -> np.ndarray:
        drawn = new_page(800, 480)
        for row, name in enumerate(names):
            drawn.text(x, 40 + 30 * row, f"{name} and {row * 7919 % 1000} more words in a line")
        return drawn.array()

    _, registration = align(page(100), page(160))
    assert shift_at(registration, 300, 200) == (-60, 0)


def test_pieces_never_overlap_on_either_side(inserted, new_page, names) -> None:
    pairs = [inserted, inserted[::-1], (new_page(640, 300).table(names).array(), new_page(500, 700).frame().array())]
    for before, after in pairs:
        pair, registration = align(before, after)
        for one, other in itertools.combinations(registration.pieces, 2):
            assert not one.after_box.intersection(other.after_box).area
            assert not one.before_box.intersection(other.before_box).area
        for piece in registration.pieces:
            assert piece.after_box.intersection(pair.after.box) == piece.after_box
            assert piece.before_box.intersection(pair.before.box) == piece.before_box


def test_layout_can_be_switched_off(inserted) -> None:
    _, registration = align(*inserted, layout=False)
    assert registration.method == "identity"


def test_rendering_noise_moves_nothing(new_page, names) -> None:
    page = new_page().frame().table(names).array()
    matrix = np.float32([[1, 0, 0.4], [0, 1, 0.3]])
    shifted = cv2.warpAffine(page, matrix, page.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    _, registration = align(page, shifted)
    assert registration.method == "identity"


def test_an_inserted_row_is_found_under_rendering_noise_too(inserted) -> None:
    before, after = inserted
    _, registration = align(before, cv2.GaussianBlur(after, (3, 3), 0.5))
    assert shift_at(registration, 300, 300) == (0, -31)
