from __future__ import annotations

import time

import numpy as np

from onediff_plugins.types import Box
from onediff_ui.blobs import enclosing, group_boxes


def grouped(*boxes: Box) -> set[frozenset[int]]:
    return {frozenset(group) for group in group_boxes(boxes)}


def test_nothing_is_no_group() -> None:
    assert group_boxes([]) == []


def test_words_of_a_line_are_one_element() -> None:
    assert grouped(Box(0, 0, 40, 12), Box(46, 1, 90, 12), Box(97, 0, 120, 14)) == {frozenset({0, 1, 2})}


def test_lines_of_a_paragraph_are_one_element() -> None:
    assert grouped(Box(0, 20, 200, 32), Box(0, 0, 180, 12)) == {frozenset({0, 1})}


def test_rows_of_a_table_stay_apart() -> None:
    assert len(grouped(Box(0, 0, 60, 12), Box(0, 41, 60, 53))) == 2


def test_cells_of_a_row_stay_apart() -> None:
    assert len(grouped(Box(0, 0, 60, 12), Box(140, 0, 200, 12))) == 2


def test_a_label_does_not_swallow_the_panel_beside_it() -> None:
    assert len(grouped(Box(0, 0, 60, 12), Box(66, 0, 400, 300))) == 2


def test_parts_that_touch_or_lie_inside_are_one_element() -> None:
    assert grouped(Box(0, 0, 100, 100), Box(20, 20, 30, 30), Box(101, 0, 140, 100)) == {frozenset({0, 1, 2})}


def test_links_carry_on_along_a_line() -> None:
    words = [Box(50 * n, 0, 50 * n + 44, 12) for n in range(40)]
    assert len(group_boxes(words[::-1])) == 1


def test_thousands_of_boxes_are_grouped_in_little_memory_and_time() -> None:
    rng = np.random.default_rng(0)
    boxes = [Box(int(x), int(y), int(x) + 30, int(y) + 12) for x, y in rng.integers(0, 8000, (5000, 2))]
    started = time.process_time()
    groups = group_boxes(boxes)
    assert sorted(index for group in groups for index in group) == list(range(5000))
    assert time.process_time() - started < 5


def test_the_enclosing_box_holds_all() -> None:
    assert enclosing([Box(3, 4, 5, 6), Box(1, 9, 2, 10)]) == Box(1, 4, 5, 10)
