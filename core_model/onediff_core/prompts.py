"""What OneDiff is asked. The paper has a prompt for each task and does not print them: the wording here is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTRUCTIONS: Final = {
    "caption": "Describe what changed from the first image to the second.",
    "regions": "These places changed from the first image to the second: {places}. Describe what changed.",
    "list": "List every difference between the first image and the second, one a line.",
    "yes_no": "Did anything change from the first image to the second? Answer yes or no.",
    "refer": "What changed from the first image to the second within {places}?",
}


class Place(NamedTuple):
    """A box on the after image, and what is known of it.

    Attributes:
        box: x0, y0, x1, y1 as shares of the width and height, each in [0, 1]; x1 and y1 exclusive.
        kind: added, removed, changed or moved; empty where unknown.
        label: what is there; empty where unknown.
    """

    box: tuple[float, float, float, float]
    kind: str = ""
    label: str = ""

    def __str__(self) -> str:
        """As the model reads it: `building added [0.12, 0.40, 0.31, 0.66]`."""
        box = "[" + ", ".join(f"{share:.2f}" for share in self.box) + "]"
        return " ".join(part for part in (self.label, self.kind, box) if part)


def instruction(task: str, places: Sequence[Place] = ()) -> str:
    """What is asked of a pair.

    Args:
        task: a name of INSTRUCTIONS: "caption", one text; "regions", a text about places that are known; "list", one
            line a difference; "yes_no"; "refer", what happened in one place.
        places: one or more for "regions", exactly one for "refer", none for the others.

    Raises:
        ValueError: an unknown task, not as many places as it takes, or a box that is not within [0, 1].
    """
    if task not in INSTRUCTIONS:
        raise ValueError(f"there is no task {task!r}: choose one of {', '.join(INSTRUCTIONS)}")
    fits = {"regions": len(places) >= 1, "refer": len(places) == 1}.get(task, not places)
    if not fits:
        takes = {"regions": "at least one place", "refer": "exactly one place"}.get(task, "no places")
        raise ValueError(f"the task {task!r} takes {takes}, but {len(places)} were given")
    for place in places:
        x0, y0, x1, y1 = place.box
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            raise ValueError(f"the box {place.box} is no x0, y0, x1, y1 in shares of the image, from 0 to 1")
    return INSTRUCTIONS[task].format(places="; ".join(map(str, places)))
