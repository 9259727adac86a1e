from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from onediff_plugins.errors import RegistrationError
from onediff_surveillance.registration import CAMERA_MOVED, align_pair
from onediff_surveillance.settings import SurveillanceSettings

CORNERS = np.array([[0, 0], [480, 0], [0, 320], [480, 320], [240, 160]], dtype=np.float64)


def furthest(found, expected):
    def mapped(matrix):
        points = np.concatenate([CORNERS, np.ones((5, 1))], axis=1) @ matrix.T
        return points[:, :2] / points[:, 2:]

    return np.hypot(*(mapped(found) - mapped(expected)).T).max()


@pytest.mark.parametrize(
    ("shake", "model"),
    [
        ({"dx": 3, "dy": -2}, "translation"),
        ({"dx": 1.3, "dy": 0.4}, "translation"),
        ({"dx": -5.5, "dy": 4.2, "degrees": 0.5}, "similarity"),
        ({"dx": 2.0, "degrees": -1.5}, "similarity"),
        ({"dx": 1.0, "dy": 1.0, "tilt": 4e-5}, "homography"),
    ],
)
def test_a_shaken_camera_is_found_to_a_tenth_of_a_pixel(view, camera, shaken, pair, settings, shake, model):
    scene = view()
    after, matrix = shaken(scene, **shake)
    registration = align_pair(pair(camera(scene, 1), camera(after, 2)), settings)
    assert registration.method == f"assumed+{model}"
    assert furthest(registration.matrix, matrix) < 0.1
    assert registration.residual_px < 0.3
    assert registration.unusable is None


def test_a_steady_camera_is_not_resampled(view, camera, pair, settings):
    registration = align_pair(pair(camera(view(), 1), camera(view(), 2)), settings)
    assert registration.method == "assumed"
    assert (registration.matrix == np.eye(3)).all()
    assert registration.residual_px < 0.2


def test_other_light_does_not_move_the_view(view, camera, shaken, pair, settings):
    scene = view()
    after, matrix = shaken(scene, dx=2.5, dy=-1.5)
    dusk = after * np.linspace(0.3, 0.8, after.shape[1])[None, :, None]
    registration = align_pair(pair(camera(scene, 1), camera(dusk, 2)), settings)
    assert furthest(registration.matrix, matrix) < 0.3


def test_a_large_thing_that_moves_does_not_take_the_view_with_it(view, camera, pair, settings):
    scene, lorry = view(), view(7)[:240, :260]
    before, after = scene.copy(), scene.copy()
    before[60:300, 60:320] = lorry
    after[60:300, 90:350] = lorry
    registration = align_pair(pair(camera(before, 1), camera(after, 2)), settings)
    assert registration.method == "assumed"
    assert (registration.matrix == np.eye(3)).all()


def test_frames_that_are_reduced_for_the_measurement_are_found_as_well(view, camera, shaken, pair, settings):
    scene = view(width=1600, height=900)
    after, matrix = shaken(scene, dx=7.0, dy=-4.0)
    registration = align_pair(pair(camera(scene, 1), camera(after, 2)), settings)
    assert furthest(registration.matrix, matrix) < 0.2


def test_a_view_that_shifted_beyond_the_limit_is_an_outcome_of_its_own(view, camera, shaken, pair):
    scene = view()
    after, _ = shaken(scene, dx=30)
    registration = align_pair(pair(camera(scene, 1), camera(after, 2)), SurveillanceSettings(max_drift=0.05))
    assert registration.method == CAMERA_MOVED
    assert registration.unusable == "the camera moved: the view lies 30 px elsewhere, and max_drift allows 24 px"


def test_another_view_is_a_camera_that_moved(view, camera, pair, settings):
    registration = align_pair(pair(camera(view(1), 1), camera(view(2), 2)), settings)
    assert registration.method == CAMERA_MOVED
    assert "nothing of the before image's view" in registration.unusable
    assert registration.overlap == 0


def test_a_view_without_detail_keeps_the_prior(camera, pair, settings):
    fog = np.full((320, 480, 3), 120.0) + np.linspace(-20, 20, 480)[None, :, None]
    registration = align_pair(pair(camera(fog, 1), camera(fog, 2)), settings)
    assert (registration.method, registration.residual_px, registration.unusable) == ("assumed", None, None)


def test_stabilising_can_be_switched_off(view, shaken, pair):
    after, _ = shaken(view(), dx=3)
    registration = align_pair(pair(view(), after), SurveillanceSettings(stabilise=False))
    assert (registration.matrix == np.eye(3)).all()


@pytest.mark.parametrize(("level", "word"), [(0, "black"), (255, "white"), (90, "of one tone")])
def test_a_picture_of_nothing_is_said_to_be_one(view, pair, settings, level, word):
    registration = align_pair(pair(view(), np.full((320, 480, 3), level, np.uint8)), settings)
    assert registration.unusable == f"the after image (<array>) is {word}: a covered lens, no light or no signal"


def test_stills_of_two_sizes_are_refused_with_both(view, pair, settings):
    with pytest.raises(RegistrationError, match=r"480 x 320 px, .* is 400 x 320 px.*one size"):
        align_pair(pair(view(), view(width=400)), settings)


def test_a_still_that_was_turned_is_said_to_be_turned(view, pair, settings):
    with pytest.raises(RegistrationError, match="turned by a quarter, perhaps by its EXIF orientation"):
        align_pair(pair(view(), np.rot90(view()).copy()), settings)


def test_nothing_valid_is_left_to_the_host(view, pair, settings):
    loaded = pair(view(), np.zeros((320, 480, 3), np.uint8))
    dark = replace(loaded.after, valid=np.zeros((320, 480), np.bool_))
    assert align_pair(replace(loaded, after=dark), settings).unusable is None


def masks(kind):
    """(320, 480) bool, False where a privacy mask, rows that were lost or dead pixels leave nothing."""
    valid = np.ones((320, 480), np.bool_)
    rng = np.random.default_rng(1)
    if kind == "boxes":
        for x, y in rng.integers(0, (430, 280), (14, 2)):
            valid[y : y + 30, x : x + 40] = False
    elif kind == "rows":
        valid[::8] = False
    else:
        valid[rng.random(valid.shape) < 0.03] = False
    return valid


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ["boxes", "rows", "dust"])
def test_what_is_not_valid_neither_holds_nor_hides_the_view(view, camera, shaken, pair, settings, kind, both):
    after, matrix = shaken(view(), dx=20)
    loaded = pair(camera(view(), 1), camera(after, 2))
    masked = [replace(frame, valid=masks(kind)) for frame in (loaded.before, loaded.after)]
    holed = replace(loaded, before=masked[0] if both else loaded.before, after=masked[1])
    assert furthest(align_pair(holed, settings).matrix, matrix) < 0.3


def test_a_black_picture_with_a_dead_pixel_is_black(view, pair, settings):
    loaded = pair(view(), np.zeros((320, 480, 3), np.uint8))
    valid = np.ones((320, 480), np.bool_)
    valid[5, 5] = False
    dark = replace(loaded, after=replace(loaded.after, valid=valid))
    assert (
        align_pair(dark, settings).unusable
        == "the after image (<array>) is black: a covered lens, no light or no signal"
    )


def test_a_small_picture_is_looked_at_in_full(pair, settings):
    tiny = np.full((8, 8, 3), 90, np.uint8)
    tiny[1:4, 1:4] = 200
    assert align_pair(pair(tiny, tiny), settings).unusable is None


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.bool_])
def test_any_dtype_can_be_aligned(view, shaken, pair, settings, dtype):
    before, after = view(), shaken(view(), dx=4)[0]
    scale = {np.uint16: lambda p: p.astype(np.uint16) * 257, np.float32: lambda p: (p / 255).astype(np.float32)}
    convert = scale.get(dtype, lambda p: p > p.mean())
    registration = align_pair(pair(convert(before), convert(after)), settings)
    assert abs(registration.matrix[0, 2] - 4) < 0.5


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (16, 16)])
def test_tiny_images_keep_the_prior(pair, settings, size):
    picture = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    assert align_pair(pair(picture, picture), settings).matrix.tolist() == np.eye(3).tolist()
