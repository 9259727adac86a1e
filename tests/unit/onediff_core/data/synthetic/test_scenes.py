"""What holds for the pairs of every kind of scene."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from onediff_core.data.synthetic import SCENES, scene
from onediff_core.data.synthetic.captions import NOTHING_CHANGED, PLACE
from onediff_plugins.errors import UnknownNameError

if TYPE_CHECKING:
    from onediff_core.data import Sample

SIZE = 96
DRAWN = ["camera", "edited", "objects", "satellite"]


@functools.cache
def drawn(name: str) -> list[Sample]:
    draw = scene(name)
    return [draw(5, index, SIZE) for index in range(300)]


@pytest.fixture(params=DRAWN)
def samples(request: pytest.FixtureRequest) -> list[Sample]:
    return drawn(request.param)


@pytest.fixture(scope="module", params=DRAWN)
def calm(request: pytest.FixtureRequest) -> list[Sample]:
    draw = scene(request.param)
    return [sample for index in range(80) if (sample := draw(6, index, SIZE, calm=True)).masks]


def differing(sample: Sample) -> np.ndarray:
    return (sample.before != sample.after).any(axis=2)


def labelled(sample: Sample) -> np.ndarray:
    return np.any(list(sample.masks.values()), axis=0)


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_seed_and_index_are_the_same_pair_in_any_order(name: str) -> None:
    draw = scene(name)
    forth = [draw(1, index, SIZE) for index in range(6)]
    back = [draw(1, index, SIZE) for index in reversed(range(6))][::-1]
    for one, other in zip(forth, back, strict=True):
        np.testing.assert_array_equal(one.before, other.before)
        np.testing.assert_array_equal(one.after, other.after)
        assert one.masks.keys() == other.masks.keys()
        assert all((one.masks[key] == other.masks[key]).all() for key in one.masks)
        assert (one.captions, one.regions) == (other.captions, other.regions)
    assert not np.array_equal(forth[0].after, forth[1].after)
    assert not np.array_equal(forth[0].after, draw(2, 0, SIZE).after)


def test_pixels_differ_where_the_masks_say_and_nowhere_else(calm: list[Sample]) -> None:
    shares = []
    for sample in calm:
        mask = labelled(sample)
        near = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)  # soft edges
        faint = (
            np.abs(sample.before.astype(int) - sample.after).max(axis=2) <= 40
        )  # a hair, less than half a pixel wide
        assert not (differing(sample) & ~near & ~faint).any(), sample.id
        assert (differing(sample) & ~near).sum() <= 12, sample.id
        if mask.any():
            shares.append(differing(sample)[mask].mean())
    assert min(shares) > 0.5  # a rubber cone that is a plastic one now looks the same in places
    assert np.median(shares) > 0.99


def test_without_nuisances_nothing_differs_where_nothing_changed(calm: list[Sample]) -> None:
    unchanged = [sample for sample in calm if not sample.changed]
    assert unchanged
    assert not any(differing(sample).any() for sample in unchanged)


def test_boxes_bound_what_is_labelled(samples: list[Sample]) -> None:
    for sample in samples:
        if not sample.masks:
            continue
        mask, boxed = labelled(sample), np.zeros((SIZE, SIZE), bool)
        for region in sample.regions or ():
            for x0, y0, x1, y1 in (region.box, region.attributes.get("box_before", region.box)):
                assert mask[y0:y1, x0:x1].any(axis=0)[[0, -1]].all(), sample.id
                assert mask[y0:y1, x0:x1].any(axis=1)[[0, -1]].all(), sample.id
                boxed[y0:y1, x0:x1] = True
        assert not (mask & ~boxed).any(), sample.id


def test_a_third_or_more_did_not_change_and_many_changed_more_than_once(samples: list[Sample]) -> None:
    assert sum(not sample.changed for sample in samples) >= 100
    assert sum(len(sample.regions or ()) > 1 for sample in samples) >= 60


def test_what_did_not_change_has_no_regions_and_empty_masks(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.changed == bool(sample.regions)
        assert sample.changed or not labelled(sample).any()


def test_captions_say_what_happened(samples: list[Sample]) -> None:
    for sample in samples:
        assert 3 <= len(sample.captions) <= 5
        if not sample.changed:
            assert sample.captions[0] == NOTHING_CHANGED
            continue
        for region in sample.regions or ():
            if region.label != PLACE:
                assert region.label in region.caption.lower(), region
        labels = {region.label for region in sample.regions or ()} - {PLACE}
        plurals = {"box": "boxes", "person": "people"}
        for label in labels if len(labels) <= 2 else ():
            said = [text.lower() for text in sample.captions]
            assert all(label in text or plurals.get(label, label) in text for text in said), said


def test_most_pairs_differ_in_what_is_no_change(samples: list[Sample]) -> None:
    unchanged = [sample for sample in samples if not sample.changed]
    assert np.mean([differing(sample).mean() > 0.3 for sample in unchanged]) > 0.7


def test_ids_are_unique_and_groups_are_known(samples: list[Sample]) -> None:
    assert len({sample.id for sample in samples}) == len(samples)
    assert all(sample.group and sample.source and sample.domain and sample.licence for sample in samples)


def test_every_class_of_the_satellite_scene_occurs_and_has_its_ground_sample_distance() -> None:
    for name in ("building+", "building-", "landcover", "road", "tree", "vehicle"):
        assert any(sample.masks[name].any() for sample in drawn("satellite")), name
    assert all(0.3 <= (sample.gsd_m or 0) <= 2.0 for sample in drawn("satellite"))


def test_a_building_that_came_is_in_the_class_that_says_so() -> None:
    for sample in drawn("satellite"):
        kinds = {region.kind for region in sample.regions or () if region.label == "building"}
        assert sample.masks["building+"].any() == ("added" in kinds)
        assert sample.masks["building-"].any() == ("removed" in kinds)


def test_all_questions_of_clevr_change_are_asked() -> None:
    regions = [region for sample in drawn("objects") for region in sample.regions or ()]
    assert {(region.kind, region.attributes.get("what")) for region in regions} == {
        ("added", None),
        ("removed", None),
        ("moved", None),
        ("changed", "colour"),
        ("changed", "material"),
    }


def test_every_scene_has_a_name_and_an_unknown_one_is_refused() -> None:
    assert set(DRAWN) <= set(SCENES)
    assert all(callable(scene(name)) for name in SCENES)
    with pytest.raises(UnknownNameError, match=r"unknown scene 'satelite'\. Did you mean 'satellite'\?"):
        scene("satelite")
