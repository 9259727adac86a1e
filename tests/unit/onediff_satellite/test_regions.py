"""Regions, overlays and what is too small for them."""

import numpy as np
import pytest

from onediff_plugins import ChangeMap, ImagePair
from onediff_satellite.regions import extract_regions
from onediff_satellite.settings import SatelliteSettings


@pytest.fixture
def scene(frame):
    """A pair with a bright square after, and its score map with a speck beside it."""
    before = np.full((3, 60, 80), 0.3, dtype=np.float32)
    after = before.copy()
    after[:, 20:40, 30:50] = 0.9
    score = np.zeros((60, 80), dtype=np.float32)
    score[20:40, 30:50] = 0.8
    score[5:8, 5:8] = 0.6
    change = ChangeMap(score=score, valid=np.ones((60, 80), dtype=bool))
    old, new = frame(before, gsd_m=2.0), frame(after, gsd_m=2.0)
    return change, ImagePair(before=old, after=new, before_on_after=old)


def test_a_component_that_is_large_enough_is_a_region(scene):
    change, pair = scene
    (region,) = extract_regions(change, pair, SatelliteSettings())
    assert region.geometry.bounds == (30, 20, 50, 40)
    assert region.area_px == 400


def test_the_least_area_can_be_given_on_the_ground(scene):
    change, pair = scene
    assert len(extract_regions(change, pair, SatelliteSettings(min_area_px=9))) == 2
    assert len(extract_regions(change, pair, SatelliteSettings(min_area_px=9, min_area_m2=37))) == 1
    assert extract_regions(change, pair, SatelliteSettings(min_area_m2=1601)) == []


def test_a_square_that_appeared_was_added(scene):
    change, pair = scene
    assert [region.kind for region in extract_regions(change, pair, SatelliteSettings())] == ["added"]
