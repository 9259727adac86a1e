"""What OneDiff is asked."""

from __future__ import annotations

import pytest

from onediff_core.prompts import INSTRUCTIONS, Place, instruction

BOX = Place(box=(0.0, 0.0, 0.5, 0.5))


@pytest.mark.parametrize("task", INSTRUCTIONS)
def test_every_task_has_its_own_words(task: str) -> None:
    places = [BOX] if task in ("regions", "refer") else []
    text = instruction(task, places)
    assert "{" not in text
    assert [other for other in INSTRUCTIONS if INSTRUCTIONS[other][:20] == text[:20]] == [task]


def test_several_places_are_all_named() -> None:
    text = instruction("regions", [BOX, Place(box=(0.5, 0.5, 1, 1), label="road", kind="removed")])
    assert "[0.00, 0.00, 0.50, 0.50]; road removed [0.50, 0.50, 1.00, 1.00]" in text


@pytest.mark.parametrize(
    ("task", "places", "message"),
    [
        ("captoin", [], "there is no task 'captoin': choose one of caption, regions, list, yes_no, refer"),
        ("regions", [], "'regions' takes at least one place, but 0 were given"),
        ("refer", [BOX, BOX], "'refer' takes exactly one place, but 2"),
        ("caption", [BOX], "'caption' takes no places, but 1"),
        ("refer", [Place(box=(0.5, 0, 0.2, 1))], "in shares of the image"),
        ("refer", [Place(box=(0, 0, 120, 80))], "in shares of the image"),
    ],
)
def test_what_a_task_does_not_take_is_refused(task: str, places: list[Place], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        instruction(task, places)
