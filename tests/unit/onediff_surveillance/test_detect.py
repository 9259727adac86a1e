from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from onediff_plugins.plain import to_frame
from onediff_plugins.regions import rasterise
from onediff_plugins.types import Box

THING = (300, 200, 340, 250)


def overlap(result, box):
    """IoU of the strongest region and a box, on pixels."""
    region = max(result.regions, key=lambda found: found.area_px)
    found = rasterise([region.geometry], result.after.width, result.after.height)
    truth = np.zeros_like(found)
    truth[box[1] : box[3], box[0] : box[2]] = True
    return (found & truth).sum() / (found | truth).sum()


def a_shadow(soft):
    """(320, 480, 1) share of the light: half of it is gone under a slanted polygon."""
    cover = np.zeros((320, 480), np.float32)
    cv2.fillPoly(cover, [np.array([[60, 170], [300, 150], [420, 300], [120, 310]])], 1)
    return 1 - 0.5 * cv2.GaussianBlur(cover, (0, 0), soft)[:, :, None]


def bands():
    rows = np.arange(320)[:, None, None]
    return 1 + 0.12 * np.sin(2 * np.pi * rows / 130)


LIGHT = {
    "exposure": lambda view: view * 0.6,
    "white balance": lambda view: view * [1.1, 1.0, 0.88],
    "a cloud": lambda view: view * np.linspace(0.5, 1.1, 480)[None, :, None],
    "a soft shadow": lambda view: view * a_shadow(12),
    "a hard shadow": lambda view: view * a_shadow(1),
    "a sun patch": lambda view: np.minimum(view / a_shadow(1), 255),
    "flicker": lambda view: view * bands(),
}


def test_one_picture_twice_has_no_score_at_all(make_host, view):
    result = make_host().compare(view(), view())
    assert (result.changed, result.score) == (False, 0)
    assert not result.change.score.any()


@pytest.mark.parametrize(("noise", "quality"), [(2, 90), (5, 60), (8, 30)])
def test_noise_and_compression_are_no_change(make_host, view, camera, noise, quality):
    stills = [camera(view(), seed, noise=noise, quality=quality) for seed in (1, 2)]
    result = make_host().compare(*stills)
    assert result.changed is False
    assert result.score <= 0.5


@pytest.mark.parametrize("light", LIGHT)
def test_light_is_no_change(make_host, view, camera, light):
    result = make_host().compare(camera(view(), 1), camera(LIGHT[light](view()), 2))
    assert result.changed is False, result.caption


@pytest.mark.parametrize("light", LIGHT)
def test_a_thing_that_came_is_found_in_other_light(make_host, view, camera, with_thing, light):
    after = LIGHT[light](with_thing(view(), THING))
    result = make_host().compare(camera(view(), 1), camera(after, 2))
    assert result.changed is True
    # A thing at the edge of a sun patch so bright that the sensor clips is one with that edge.
    assert overlap(result, THING) > (0.6 if light != "a sun patch" else 0.2)


@pytest.fixture
def hedge(view, camera):
    """Stills of a hedge whose leaves sway by some pixels, with a thing in it or without."""
    leaves = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(170, 480)), (0, 0), 1.2)
    leaves = np.clip(90 + 35 * leaves[:, :, None] / leaves.std() * np.array([0.7, 1.0, 0.5]), 5, 250).astype(np.float32)

    def take(seed, box=None):
        rng = np.random.default_rng(seed)
        sway = [cv2.resize(rng.normal(size=(6, 16)), (480, 170), interpolation=cv2.INTER_CUBIC) * 1.5 for _ in "xy"]
        columns, rows = np.meshgrid(np.arange(480), np.arange(170))
        maps = [(grid + moved).astype(np.float32) for grid, moved in zip((columns, rows), sway, strict=True)]
        scene = view().astype(float)
        scene[150:] = cv2.remap(leaves, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        if box:
            scene[box[1] : box[3], box[0] : box[2]] = (200, 150, 60)
        return camera(scene, seed)

    return take


def test_leaves_that_sway_are_no_change(make_host, hedge):
    assert make_host().compare(hedge(1), hedge(2)).changed is False


def test_a_thing_before_swaying_leaves_is_found(make_host, hedge):
    result = make_host().compare(hedge(1), hedge(2, THING))
    assert result.changed is True
    assert overlap(result, THING) > 0.5


def test_a_lower_threshold_does_not_bring_shadows_back(make_host, view, camera):
    result = make_host(threshold=0.4).compare(camera(view(), 1), camera(view() * a_shadow(1), 2))
    assert result.changed is False
    assert result.score < 0.4


def test_a_shadow_is_a_change_to_those_who_want_it(make_host, view, camera):
    result = make_host(tolerate_light=False).compare(camera(view(), 1), camera(view() * a_shadow(1), 2))
    assert result.changed is True


def test_a_thing_that_came_is_added_and_one_that_went_is_removed(make_host, view, camera, with_thing):
    ground = view().copy()
    ground[180:270, 280:360] = (105, 105, 110)  # plain, so that only the thing has outlines
    without, with_it = camera(ground, 1), camera(with_thing(ground, THING), 2)
    came, went = make_host().compare(without, with_it), make_host().compare(with_it, without)
    assert [region.kind for region in came.regions] == ["added"]
    assert [region.kind for region in went.regions] == ["removed"]
    assert came.caption.startswith("An object appeared ")
    assert "is no longer there" in went.caption


def test_a_thing_is_found_through_a_shaken_camera(make_host, view, camera, with_thing, shaken):
    after, matrix = shaken(with_thing(view(), THING), dx=4, dy=-3, degrees=0.4)
    result = make_host().compare(camera(view(), 1), camera(after, 2))
    corners = np.array([[THING[0], THING[1], 1.0], [THING[2], THING[3], 1.0]]) @ np.linalg.inv(matrix).T
    (x0, y0), (x1, y1) = np.rint(corners[:, :2]).astype(int)
    assert len(result.regions) == 1
    assert overlap(result, (x0, y0, x1, y1)) > 0.7


def test_a_faint_thing_is_found_in_a_picture_of_little_contrast(make_host, view, camera, with_thing):
    night, with_it = (40 + 0.2 * picture.astype(float) for picture in (view(), with_thing(view(), THING)))
    result = make_host().compare(camera(night, 1, noise=1), camera(with_it, 2, noise=1))
    assert result.changed is True


def test_colour_against_infrared_is_compared_in_grey(make_host, view, camera, with_thing):
    infrared = with_thing(view(), THING).mean(axis=2, keepdims=True).repeat(3, axis=2)
    same = make_host().compare(camera(view(), 1), camera(view().mean(axis=2, keepdims=True).repeat(3, axis=2), 2))
    other = make_host().compare(camera(view(), 1), camera(infrared, 2))
    assert same.changed is False
    assert other.changed is True


@pytest.mark.parametrize("convert", [lambda p: p.astype(np.uint16) * 257, lambda p: (p / 255).astype(np.float32)])
def test_depth_makes_no_difference(make_host, view, camera, with_thing, convert):
    before, after = camera(view(), 1), camera(with_thing(view(), THING), 2)
    deep, shallow = make_host().compare(convert(before), convert(after)), make_host().compare(before, after)
    assert [region.bbox_after for region in deep.regions] == [region.bbox_after for region in shallow.regions]


def test_grey_images_are_compared(make_host, view, camera, with_thing):
    before, after = (picture.mean(axis=2).astype(np.uint8) for picture in (view(), with_thing(view(), THING)))
    result = make_host().compare(before, after)
    assert all(Box(*THING).intersection(Box(*map(int, region.bbox_after))).area for region in result.regions)
    assert result.changed is True


def test_images_of_two_depths_are_compared(make_host, view, camera, with_thing):
    before, after = camera(view(), 1), camera(with_thing(view(), THING), 2)
    shallow = make_host().compare(before, after)
    mixed = make_host().compare(before, after.astype(np.uint16) * 257)
    assert mixed.changed is True
    assert [region.bbox_after for region in mixed.regions] == [region.bbox_after for region in shallow.regions]


def test_single_valid_pixels_are_no_trouble(make_host, view, camera):
    valid = np.zeros((320, 480), np.bool_)
    valid[1::3, 1::3] = True
    result = make_host(stabilise=False).compare(
        camera(view(), 1), replace(to_frame(camera(view(), 2), 10**9), valid=valid)
    )
    assert result.changed is False


def test_what_is_not_valid_never_differs(make_host, view, camera, with_thing):
    after = to_frame(camera(with_thing(view(), THING), 2), 10**9)
    valid = np.ones((320, 480), np.bool_)
    valid[190:260, 290:350] = False
    result = make_host().compare(camera(view(), 1), replace(after, valid=valid))
    assert result.changed is False
    assert not result.change.score[~valid].any()


def test_a_window_has_the_score_of_the_whole_view(make_host, view, camera, with_thing):
    box = (1100, 600, 1250, 760)
    big = view(width=1600, height=900)
    before, after = camera(big, 1), camera(with_thing(big, box), 2)
    window = Box(1000, 500, 1400, 800)
    whole = make_host().compare(before, after)
    part = make_host().compare(before, after, window=window)
    assert np.abs(part.change.score - whole.change.score[window.slices]).max() < 0.02
    assert overlap(whole, box) > 0.7
    (inside,) = part.regions
    assert inside.geometry.bounds == pytest.approx((100, 100, 250, 260), abs=4)
