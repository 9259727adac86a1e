from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import shapely

from evaluation.drawn import Asked, Drawn
from onediff_core.data import Sample, SampleRegion
from onediff_plugins import ChangeRegion

KINDS = ("added", "removed", "changed")


def sample(*regions, masks=None, changed=True, ignore=None):
    image = np.zeros((60, 80, 3), np.uint8)
    filled = {name: np.zeros((60, 80), bool) for name in masks or {}}
    for name, (x0, y0, x1, y1) in (masks or {}).items():
        filled[name][y0:y1, x0:x1] = True
    return Sample(before=image, after=image, regions=regions, masks=filled, changed=changed, ignore=ignore)


def true(kind, box, **attributes):
    return SampleRegion(kind=kind, label="thing", box=box, attributes=attributes)


def found(kind, box, *, before=None, label=""):
    gone = kind == "removed"
    return ChangeRegion(
        kind=kind,
        label=label,
        score=0.9,
        area_px=1,
        geometry=shapely.box(*box),
        bbox_after=None if gone else box,
        bbox_before=before or (box if gone else None),
    )


def result(*regions, changed=True):
    return SimpleNamespace(regions=regions, changed=changed)


def figures(told, answer, classes=(), kinds=KINDS):
    tally = Drawn()
    tally.add(told, Asked.of(told, classes, kinds), answer, 0.1)
    return tally.figures()


def test_a_region_counts_once_however_many_lie_there():
    told = sample(true("added", (10, 10, 30, 30)))
    answer = result(found("added", (10, 10, 30, 30)), found("changed", (11, 11, 30, 30)))
    scores = figures(told, answer)
    assert (scores["hits"], scores["true"], scores["found"]) == (1, 1, 2)
    assert scores["region_f1"] == pytest.approx(2 / 3)
    assert scores["kind_accuracy"] == 1


def test_of_all_pairings_the_one_with_the_most_overlap_is_taken():
    told = sample(true("added", (10, 10, 30, 30)), true("removed", (10, 16, 30, 36)))
    answer = result(found("removed", (10, 16, 30, 36)), found("added", (10, 10, 30, 30)))
    assert figures(told, answer)["kinds"] == {"added told added": 1, "removed told removed": 1}


def test_what_is_gone_with_its_room_is_found_by_its_box_in_the_before_image():
    told = sample(true("removed", (10, 10, 30, 30)))
    seam = ChangeRegion(
        kind="removed", score=0.9, area_px=1, geometry=shapely.box(10, 9, 30, 11), bbox_before=(10, 10, 30, 30)
    )
    assert figures(told, result(seam))["hits"] == 1


def test_classes_that_a_detector_does_not_look_for_are_neither_asked_nor_false():
    masks = {"building+": (10, 10, 30, 30), "road": (40, 10, 70, 30)}
    told = sample(true("added", (10, 10, 30, 30)), true("added", (40, 10, 70, 30)), masks=masks)
    answer = result(found("added", (10, 10, 30, 30)), found("added", (42, 12, 68, 28)))
    scores = figures(told, answer, classes=("building+", "building-"))
    assert (scores["hits"], scores["true"], scores["found"]) == (1, 1, 1)


@pytest.mark.parametrize("classes", [("object",), ("object+", "object-")])
def test_a_class_with_directions_is_of_the_same_thing(classes):
    told = sample(true("added", (10, 10, 30, 30)), masks={"object": (10, 10, 30, 30)})
    assert figures(told, result(found("added", (10, 10, 30, 30))), classes=classes)["hits"] == 1


def test_without_moves_what_moved_came_and_went():
    told = sample(true("moved", (10, 10, 30, 30), box_before=(40, 10, 60, 30)))
    answer = result(found("added", (10, 10, 30, 30)), found("removed", (40, 10, 60, 30)))
    assert figures(told, answer)["kind_accuracy"] == 1
    assert figures(told, answer, kinds=(*KINDS, "moved"))["hits"] == 1


def test_content_that_was_pushed_is_not_asked_for():
    told = sample(
        true("added", (0, 0, 80, 10)), true("moved", (0, 20, 80, 50), pushed=True, box_before=(0, 10, 80, 40))
    )
    answer = result(found("added", (0, 0, 80, 10)), found("moved", (0, 10, 80, 60)), found("removed", (0, 30, 80, 40)))
    scores = figures(told, answer, kinds=(*KINDS, "moved"))
    assert (scores["hits"], scores["true"], scores["found"]) == (1, 1, 1)


def test_a_false_region_where_nobody_can_say_does_not_count():
    ignore = np.zeros((60, 80), bool)
    ignore[:, 40:] = True
    told = sample(true("added", (10, 10, 30, 30)), ignore=ignore)
    assert figures(told, result(found("added", (50, 10, 70, 30)), found("added", (0, 40, 20, 50))))["found"] == 1


def test_pairs_without_a_change_are_told_so_or_not():
    tally = Drawn()
    for changed in (False, True, None):
        told = sample(changed=False)
        tally.add(told, Asked.of(told, (), KINDS), result(changed=changed), 0.1)
    assert tally.figures()["tnr"] == pytest.approx(1 / 3)
    assert tally.figures()["undecided"] == 1


def test_in_the_other_order_what_came_went():
    tally = Drawn()
    tally.add_swapped(result(found("added", (10, 10, 30, 30))), result(found("removed", (10, 10, 30, 30))))
    assert tally.figures()["swap"] == 1
    tally.add_swapped(result(found("added", (10, 10, 30, 30))), result(found("changed", (10, 10, 30, 30))))
    assert tally.figures()["swap"] == pytest.approx(2 / 3)
