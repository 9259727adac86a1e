"""Pairs told backwards."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.data import Sample, SampleRegion, swap
from onediff_core.data.synthetic import scene

IMAGE = np.zeros((30, 30, 3), np.uint8)


@pytest.mark.parametrize("name", ["camera", "edited", "objects", "satellite"])
def test_swapping_twice_gives_the_first_pair_back(name: str) -> None:
    for index in range(40):
        sample = scene(name)(2, index, 64)
        again = swap(swap(sample))
        assert (again.before is sample.before, again.after is sample.after) == (True, True)
        assert again.masks.keys() == sample.masks.keys()
        assert all(again.masks[key] is sample.masks[key] for key in sample.masks)
        assert (again.regions, again.captions) == (sample.regions, sample.captions)
        assert (again.id, again.changed) == (sample.id, sample.changed)


def test_what_came_has_gone() -> None:
    mask = np.zeros((30, 30), bool)
    mask[:10, :10] = True
    region = SampleRegion(kind="added", label="building", box=(0, 0, 10, 10))
    sample = Sample(
        before=IMAGE,
        after=IMAGE + 1,
        masks={"building+": mask, "building-": ~mask, "landcover": mask},
        regions=(region,),
        captions=("A building was built.",),
        changed=True,
    )
    swapped = swap(sample)
    assert swapped.before is sample.after
    assert swapped.after is sample.before
    assert swapped.masks["building-"] is mask
    assert swapped.masks["landcover"] is mask
    assert swapped.regions is not None
    assert swapped.regions[0].kind == "removed"
    assert all("building" in text and "built" not in text for text in swapped.captions)
    assert any(word in swapped.captions[0] for word in ("removed", "demolished", "gone", "disappeared"))


def test_values_and_boxes_of_before_and_after_change_places() -> None:
    facts = {"what": "colour", "colour_before": "red", "colour_after": "blue"}
    regions = (
        SampleRegion(kind="changed", label="cube", box=(0, 0, 5, 5), attributes=facts),
        SampleRegion(kind="moved", label="ball", box=(9, 9, 12, 12), attributes={"box_before": (1, 1, 4, 4)}),
    )
    swapped = swap(Sample(before=IMAGE, after=IMAGE, regions=regions, changed=True, captions=("x",)))
    assert swapped.regions is not None
    cube, ball = swapped.regions
    assert (cube.attributes["colour_before"], cube.attributes["colour_after"]) == ("blue", "red")
    assert (ball.box, ball.attributes["box_before"]) == ((1, 1, 4, 4), (9, 9, 12, 12))


def test_captions_that_nobody_can_turn_round_are_dropped_and_those_of_no_change_are_kept() -> None:
    changed = Sample(before=IMAGE, after=IMAGE, captions=("a house appears",), changed=True)
    unchanged = Sample(before=IMAGE, after=IMAGE, captions=("nothing changed",), changed=False)
    unknown = Sample(before=IMAGE, after=IMAGE, captions=("a house appears",))
    assert swap(changed).captions == ()
    assert swap(unknown).captions == ()
    assert swap(unchanged).captions == ("nothing changed",)
