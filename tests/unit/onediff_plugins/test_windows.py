"""Overviews and windows."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from onediff_plugins import Box, Frame, GeoRef, ImagePair
from onediff_plugins.types import SourceGrid
from onediff_plugins.windows import frame_to_source_matrix, overview, reduce_frame, window_georef

UTM = GeoRef(crs="EPSG:32631", transform=Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000))


def frame(width, height, **more):
    pixels = np.arange(width * height, dtype=np.float32).reshape(1, height, width)
    return Frame(**{"pixels": pixels, "valid": np.ones((height, width), bool), "bands": ("gray",)} | more)


def test_a_small_frame_is_its_own_overview():
    small = frame(40, 30)
    assert reduce_frame(small, 40) is small
    pair = ImagePair(before=small, after=small, before_on_after=small)
    assert overview(pair, 40) is pair


def test_a_reduced_frame_averages_areas_and_scales_its_georeference():
    reduced = reduce_frame(frame(40, 20, georef=UTM, gsd_m=0.5), 10)
    assert (reduced.width, reduced.height, reduced.gsd_m) == (10, 5, 2.0)
    assert reduced.pixels[0, 0, 0] == pytest.approx(np.arange(800).reshape(20, 40)[:4, :4].mean())
    assert reduced.georef.transform == Affine(2.0, 0, 500_000, 0, -2.0, 5_000_000)
    assert reduced.to_source(np.array([[10, 5]])) == pytest.approx(np.array([[40, 20]]))


def test_a_reduced_frame_without_georeference_still_knows_its_source():
    reduced = reduce_frame(frame(40, 20), 10)
    assert reduced.grid == SourceGrid(width=40, height=20, window=Box(0, 0, 40, 20))
    assert reduced.to_source(np.array([[5, 2.5]])) == pytest.approx(np.array([[20, 10]]))


def test_nodata_does_not_bleed_into_an_overview():
    valid = np.ones((20, 40), bool)
    valid[:, :17] = False
    pixels = np.where(valid, 7.0, np.nan).astype(np.float32)[None]
    reduced = reduce_frame(frame(40, 20, pixels=pixels, valid=valid), 10)
    assert reduced.valid[0].tolist() == [False] * 4 + [True] * 6
    assert (reduced.pixels[0][reduced.valid] == 7).all()
    assert np.isfinite(reduced.pixels).all()


def test_masks_of_an_overview_follow_its_frames():
    unmatched = np.zeros((20, 40), bool)
    unmatched[:, 20:] = True
    pair = ImagePair(
        before=frame(40, 20), after=frame(40, 20), before_on_after=frame(40, 20), unmatched_after=unmatched
    )
    assert overview(pair, 10).unmatched_after.tolist() == [[False] * 5 + [True] * 5] * 5


def test_a_window_maps_back_to_its_source():
    window = Box(5, 7, 15, 17)
    grid = SourceGrid(width=40, height=20, georef=UTM, window=window)
    part = frame(10, 10, georef=window_georef(UTM, window), source_grid=grid)
    assert frame_to_source_matrix(part) == pytest.approx(np.array([[1, 0, 5], [0, 1, 7], [0, 0, 1]]), abs=1e-6)
