"""Stage 2 on known displacements, and where it must not move anything."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from affine import Affine

from onediff_plugins import Box, GeoRef, ImagePair, Registration
from onediff_plugins.errors import MismatchedPairError, RegistrationError
from onediff_plugins.types import SourceGrid
from onediff_satellite.registration import align_pair
from onediff_satellite.settings import SatelliteSettings

CENTRES = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])


def warped(pixels, matrix):
    """The image whose content lies where `matrix` (outer corners) takes it."""
    back = (CENTRES @ np.linalg.inv(matrix) @ np.linalg.inv(CENTRES))[:2]
    size = pixels.shape[2], pixels.shape[1]
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(b, back, size, flags=flags, borderMode=cv2.BORDER_REFLECT) for b in pixels])


def moved_pair(frame, pixels, matrix, cut=40, disturb=True):
    """A pair whose before content lies where `matrix` takes it, borders cut off; and the matrix of the cut images."""
    rng = np.random.default_rng(0)
    before = warped(pixels, matrix).astype(np.float64)
    if disturb:
        before = before * 0.8 + 15 + rng.normal(0, 3, before.shape)
    inner = np.s_[:, cut:-cut, cut:-cut]
    crop = np.array([[1, 0, cut], [0, 1, cut], [0, 0, 1.0]])
    both = (np.ascontiguousarray(np.clip(p, 0, 255).astype(np.uint8)[inner]) for p in (before, pixels))
    pair = ImagePair(**dict(zip(("before", "after"), map(frame, both), strict=True)))
    return pair, np.linalg.inv(crop) @ matrix @ crop


def rms(found, truth, size):
    points = np.array([[x, y] for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)]) * size
    apart = found.to_before(points) - Registration(matrix=truth).to_before(points)
    return np.sqrt((apart**2).sum(axis=1).mean())


def turn(degrees, dx, dy, centre, scale=1.0):
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    x, y = centre
    return np.array([[c, -s, x - c * x + s * y + dx], [s, c, y - s * x - c * y + dy], [0, 0, 1]])


@pytest.mark.parametrize("shift", [(0.3, 0.6), (0.75, 0.25), (-2.75, 1.25), (-3.25, 5.5), (10.25, -7.5)])
def test_a_known_shift_is_recovered_within_a_twentieth_of_a_pixel(frame, texture, settings, shift):
    pair, truth = moved_pair(frame, texture(400, 360), turn(0, *shift, (0, 0)))
    found = align_pair(pair, settings)
    assert found.method == "assumed+phase-correlation"
    assert rms(found, truth, (320, 280)) < 0.05
    assert found.residual_px < 0.15


@pytest.mark.parametrize(("degrees", "scale"), [(0.5, 1), (2, 1), (5, 1), (1, 1.02)])
def test_a_rotation_is_recovered_within_a_tenth_of_a_pixel(frame, texture, degrees, scale):
    pair, truth = moved_pair(frame, texture(480, 440), turn(degrees, 3, -2, (240, 220), scale))
    found = align_pair(pair, SatelliteSettings(max_shift_px=100))
    assert rms(found, truth, (400, 360)) < 0.1


def test_a_whole_pixel_shift_is_one_exactly(frame, texture, settings):
    pair, _ = moved_pair(frame, texture(300, 300), turn(0, 3, -2, (0, 0)))
    assert align_pair(pair, settings).matrix.tolist() == [[1, 0, 3], [0, 1, -2], [0, 0, 1]]


def test_a_copy_keeps_its_grid_and_says_so(frame, texture, settings):
    same = frame(texture(200, 200))
    found = align_pair(ImagePair(before=same, after=same), settings)
    assert (found.matrix == np.eye(3)).all()
    assert found.method == "assumed"
    assert found.residual_px < 0.01


@pytest.mark.parametrize("case", ["unrelated", "upside down", "flat", "one flat", "noise"])
def test_what_cannot_be_matched_keeps_the_prior_and_no_residual(frame, texture, settings, case):
    after = texture(256, 256)
    before = {
        "unrelated": texture(256, 256, seed=5),
        "upside down": after[:, ::-1, ::-1].copy(),
        "flat": np.full_like(after, 90),
        "one flat": np.full_like(after, 90),
        "noise": np.random.default_rng(3).integers(0, 255, after.shape).astype(np.uint8),
    }[case]
    found = align_pair(ImagePair(before=frame(before), after=frame(before if case == "flat" else after)), settings)
    assert (found.matrix == np.eye(3)).all()
    assert found.method == "assumed"
    assert found.residual_px is None


def test_a_large_real_change_does_not_move_the_rest(frame, texture, settings):
    pixels = texture(400, 400)
    pair, truth = moved_pair(frame, pixels, turn(0, 1.5, -0.5, (0, 0)))
    before = pair.before.pixels.copy()
    before[:, :, :140] = texture(140, 320, seed=7)
    found = align_pair(replace(pair, before=frame(before)), settings)
    assert rms(found, truth, (320, 320)) < 0.1


def test_nothing_moves_further_than_it_may(frame, texture):
    pair, _ = moved_pair(frame, texture(400, 360), turn(0, 12, 5, (0, 0)))
    assert (align_pair(pair, SatelliteSettings(max_shift_px=10)).matrix == np.eye(3)).all()
    assert (align_pair(pair, SatelliteSettings(refine=False)).matrix == np.eye(3)).all()


def test_the_georeference_is_the_prior(frame, texture):
    pixels = texture(100, 80)
    after = frame(pixels, georef=GeoRef(crs="EPSG:32631", transform=Affine(2, 0, 500_010, 0, -2, 5_000_000)))
    before = frame(pixels, georef=GeoRef(crs="EPSG:32631", transform=Affine(1, 0, 500_000, 0, -1, 5_000_006)))
    found = align_pair(ImagePair(before=before, after=after), SatelliteSettings(refine=False, min_overlap=0))
    assert found.matrix.tolist() == [[2, 0, 10], [0, 2, 6], [0, 0, 1]]
    assert found.method == "georeference"
    assert found.overlap == pytest.approx(45 * 37 / (100 * 80))


def test_a_wrong_georeference_is_corrected_by_content(frame, texture, settings):
    pixels = texture(300, 300)
    place = {"crs": "EPSG:32631"}
    after = frame(pixels, georef=GeoRef(transform=Affine(2, 0, 500_000, 0, -2, 5_000_000), **place))
    # The same pixels, said to lie 3.5 m east: content says that they do not.
    before = frame(pixels, georef=GeoRef(transform=Affine(2, 0, 500_003.5, 0, -2, 5_000_000), **place))
    found = align_pair(ImagePair(before=before, after=after), settings)
    assert found.matrix == pytest.approx(np.eye(3), abs=0.02)
    assert found.method.startswith("georeference+phase-correlation")


def test_equal_degree_grids_give_identity_without_rounding_noise(frame, texture):
    place = GeoRef(crs="EPSG:4326", transform=Affine(5.364418e-06, 0, -98.004910, 0, -5.364418e-06, 30.161587))
    east = GeoRef(
        crs="EPSG:4326", transform=Affine(5.364418e-06, 0, -98.004910 + 7 * 5.364418e-06, 0, -5.364418e-06, 30.161587)
    )
    image = texture(100, 100)
    options = SatelliteSettings(refine=False)
    pair = ImagePair(before=frame(image, georef=place), after=frame(image, georef=place))
    assert (align_pair(pair, options).matrix == np.eye(3)).all()
    pair = ImagePair(before=frame(image, georef=place), after=frame(image, georef=east))
    assert align_pair(pair, options).matrix.tolist() == [[1, 0, 7], [0, 1, 0], [0, 0, 1]]


def test_a_reprojected_before_image_is_named_so(frame, texture, settings):
    pixels = texture(120, 120)
    place = GeoRef(crs="EPSG:32631", transform=Affine(2, 0, 500_000, 0, -2, 5_000_000))
    source = SourceGrid(
        width=400, height=400, georef=GeoRef(crs="EPSG:4326", transform=Affine(1e-5, 0, 2.999, 0, -1e-5, 45.155))
    )
    pair = ImagePair(before=frame(pixels, georef=place, source_grid=source), after=frame(pixels, georef=place))
    assert align_pair(pair, settings).method.startswith("reprojected")


def test_frames_on_one_side_georeferenced_or_of_other_sizes_are_refused(frame, texture, settings):
    place = GeoRef(crs="EPSG:32631", transform=Affine(2, 0, 500_000, 0, -2, 5_000_000))
    far = GeoRef(crs="EPSG:32631", transform=Affine(2, 0, 600_000, 0, -2, 5_000_000))
    plain, other = frame(texture(80, 80)), frame(texture(80, 81))
    placed = frame(texture(80, 80), georef=place)
    with pytest.raises(MismatchedPairError):
        align_pair(ImagePair(before=plain, after=placed), settings)
    with pytest.raises(RegistrationError, match="same size"):
        align_pair(ImagePair(before=plain, after=other), settings)
    with pytest.raises(RegistrationError, match="covers"):
        align_pair(ImagePair(before=placed, after=frame(texture(80, 80), georef=far)), settings)


def test_nodata_does_not_attract_the_match(frame, texture, settings):
    pair, truth = moved_pair(frame, texture(400, 360), turn(0, 2.3, 1.6, (0, 0)))
    valid = np.ones((280, 320), dtype=bool)
    valid[:, :60] = False
    holes = [
        replace(image, pixels=np.where(valid, image.pixels, 0).astype(np.uint8), valid=valid)
        for image in (pair.before, pair.after)
    ]
    found = align_pair(ImagePair(before=holes[0], after=holes[1]), settings)
    assert rms(found, truth, (320, 280)) < 0.1


def test_windows_of_plain_images_are_where_the_source_says(frame, texture):
    pixels = texture(200, 200)
    grids = [SourceGrid(width=200, height=200, window=box) for box in (Box(40, 50, 140, 150), Box(60, 55, 160, 155))]
    before, after = (
        frame(np.ascontiguousarray(pixels[(..., *grid.window.slices)]), source_grid=grid) for grid in grids
    )
    found = align_pair(ImagePair(before=before, after=after), SatelliteSettings(refine=False))
    assert found.matrix.tolist() == [[1, 0, 20], [0, 1, 5], [0, 0, 1]]


def test_the_same_pair_gives_the_same_answer(frame, texture):
    pair, _ = moved_pair(frame, texture(360, 360), turn(4, 3, -2, (180, 180)))
    options = SatelliteSettings(max_shift_px=100)
    first, second = align_pair(pair, options), align_pair(pair, options)
    assert (first.matrix == second.matrix).all()
