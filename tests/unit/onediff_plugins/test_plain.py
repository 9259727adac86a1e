"""The built-in loader, alignment, scaling and detector."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from PIL import Image

from onediff_plugins import Box, DomainSettings, Frame, GeoRef, ImagePair, PairRequest
from onediff_plugins.errors import MismatchedPairError, RegistrationError, UnsupportedSourceError
from onediff_plugins.plain import DifferenceDetector, load_pair, preprocess, prior

SETTINGS = DomainSettings()
UTM = GeoRef(crs="EPSG:32631", transform=Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000))


def load(before, after, **more):
    return load_pair(PairRequest(before=before, after=after, **more), SETTINGS)


def frame(height=6, width=8, georef=None, value=0.0, dtype=np.float32, valid=None):
    mask = np.ones((height, width), bool) if valid is None else valid
    return Frame(pixels=np.full((1, height, width), value, dtype), valid=mask, bands=("gray",), georef=georef)


def test_arrays_files_and_pil_images_are_the_same_to_it(tmp_path, pictures):
    array = pictures[1]
    Image.fromarray(array).save(tmp_path / "a.png")
    for source in (array, Image.fromarray(array), tmp_path / "a.png", str(tmp_path / "a.png")):
        pair = load(source, array)
        assert (pair.before.pixels == pair.after.pixels).all()
        assert pair.before.bands == ("red", "green", "blue")


def test_transparent_and_nan_pixels_are_not_valid():
    clear = np.full((4, 5, 4), 255, np.uint8)
    clear[1, 2, 3] = 0
    holed = np.ones((4, 5), np.float32)
    holed[3, 0] = np.nan
    pair = load(clear, holed)
    assert np.argwhere(~pair.before.valid).tolist() == [[1, 2]]
    assert np.argwhere(~pair.after.valid).tolist() == [[3, 0]]
    assert np.isfinite(pair.after.pixels).all()


def test_grey_beside_colour_becomes_three_equal_bands(pictures):
    pair = load(pictures[0][..., 0], pictures[1])
    assert pair.before.bands == pair.after.bands == ("red", "green", "blue")
    assert (pair.before.pixels == 200).all()


def test_a_window_needs_images_of_one_size(pictures):
    with pytest.raises(MismatchedPairError, match="80 x 60 px, 80 x 50 px"):
        load(pictures[0], pictures[1][:50], window=Box(0, 0, 5, 5))


def test_a_window_outside_is_refused(pictures):
    with pytest.raises(MismatchedPairError, match=r"\(100, 0, 110, 5\) lies outside <array> \(80 x 60 px\)"):
        load(*pictures, window=Box(100, 0, 110, 5))


def test_a_missing_file_is_named():
    with pytest.raises(UnsupportedSourceError, match=r"nowhere\.png"):
        load("nowhere.png", "nowhere.png")


def test_equal_sizes_are_assumed_to_be_aligned():
    registration = prior(ImagePair(before=frame(), after=frame()), SETTINGS)
    assert (registration.method, registration.residual_px) == ("assumed", None)


def test_unequal_sizes_without_a_georeference_are_refused():
    with pytest.raises(RegistrationError, match="different sizes and no georeference"):
        prior(ImagePair(before=frame(), after=frame(5, 8)), SETTINGS)


def test_a_georeference_on_one_side_only_is_refused():
    with pytest.raises(MismatchedPairError, match="has no georeference, the other image has one"):
        prior(ImagePair(before=frame(), after=frame(georef=UTM)), SETTINGS)


def test_two_reference_systems_are_refused_with_what_to_use():
    other = GeoRef(crs="EPSG:4326", transform=UTM.transform)
    with pytest.raises(MismatchedPairError, match="--domain satellite"):
        prior(ImagePair(before=frame(georef=other), after=frame(georef=UTM)), SETTINGS)


@pytest.mark.parametrize(("shift", "overlap"), [(0, 1.0), (2, 0.75)])
def test_overlap_is_the_covered_share_of_the_after_grid(shift, overlap):
    moved = GeoRef(crs=UTM.crs, transform=UTM.transform @ Affine.translation(shift, 0))
    assert prior(ImagePair(before=frame(georef=UTM), after=frame(georef=moved)), SETTINGS).overlap == overlap


def test_too_little_overlap_is_refused():
    moved = GeoRef(crs=UTM.crs, transform=UTM.transform @ Affine.translation(8, 0))
    with pytest.raises(RegistrationError, match=r"covers 0\.0% of"):
        prior(ImagePair(before=frame(georef=UTM), after=frame(georef=moved)), SETTINGS)


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 51), (np.uint16, 13107)])
def test_unsigned_integers_are_divided_by_their_range(dtype, value):
    one = frame(value=value, dtype=dtype)
    pair = ImagePair(before=one, after=one, before_on_after=one)
    prepared = preprocess(pair, pair)
    assert prepared.after.pixels.dtype == np.float32
    assert prepared.after.pixels == pytest.approx(np.float32(0.2))


@pytest.mark.parametrize(("dtype", "value"), [(np.uint16, 51 * 257), (np.float32, 0.2)])
def test_images_of_two_depths_have_one_scale(dtype, value):
    shallow, deep = frame(value=51, dtype=np.uint8), frame(value=value, dtype=dtype)
    for before, after in ((shallow, deep), (deep, shallow)):
        pair = ImagePair(before=before, after=after, before_on_after=before)
        prepared = preprocess(pair, pair)
        assert prepared.aligned.pixels == pytest.approx(np.float32(0.2))
        assert prepared.after.pixels == pytest.approx(np.float32(0.2))


def test_other_types_are_stretched_by_the_overview_and_never_by_the_window():
    low, high = frame(value=-100), frame(value=300)
    scene = ImagePair(before=low, after=high, before_on_after=low)
    window = ImagePair(before=high, after=high, before_on_after=high)
    assert (preprocess(scene, scene).aligned.pixels == 0).all()
    assert (preprocess(window, scene).aligned.pixels == 1).all()


def test_the_difference_detector_is_undecided_at_a_tenth():
    before, after = frame(40, 40), frame(40, 40, value=0.1)
    pair = ImagePair(before=before, after=after, before_on_after=before)
    same = ImagePair(before=before, after=before, before_on_after=before)
    changed, unchanged = DifferenceDetector().detect([pair, same], [pair, same], SETTINGS)
    assert changed.score == pytest.approx(np.float32(0.5), abs=1e-5)
    assert (unchanged.score == 0).all()
