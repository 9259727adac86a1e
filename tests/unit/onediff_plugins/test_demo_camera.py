"""The camera's stills: what is asked for differs and nothing else, and the truth says where."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from onediff_plugins.demo import make_pairs, pairs_file
from onediff_plugins.demo.camera import A_DAY, CHANGES, NOTHING, SIZE, DrawnPair, Nuisances, draw

COLUMNS, ROWS = SIZE


@functools.cache
def sketch(*changes: str, seed: int = 5, **nuisances: Any) -> DrawnPair:
    return draw(changes, replace(NOTHING, **nuisances), seed=seed, samples=1)


def difference(pair: DrawnPair) -> np.ndarray:
    return np.abs(pair.after.astype(int) - pair.before).max(axis=2)


# --- nothing, and what is no change ---


def test_where_nothing_differs_both_stills_are_equal() -> None:
    pair = sketch()
    assert pair.before.shape == pair.after.shape == (ROWS, COLUMNS, 3)
    assert np.array_equal(pair.before, pair.after)
    assert pair.changes == ()
    assert np.array_equal(pair.matrix, np.eye(3))


@pytest.mark.parametrize(("nuisance", "least"), [("hours", 8.0), ("cloud", 3.0), ("wind", 0.5)])
def test_light_and_wind_alter_the_still_and_are_no_change(nuisance: str, least: float) -> None:
    pair = sketch(**{nuisance: getattr(A_DAY, nuisance)})
    assert np.abs(pair.after.astype(int) - pair.before).mean() > least
    assert pair.changes == ()


def test_a_cloud_takes_light_from_a_part_and_leaves_the_rest() -> None:
    pair = sketch(cloud=0.6)
    darker = cv2.blur(pair.before, (15, 15)).astype(int).sum(axis=2) - cv2.blur(pair.after, (15, 15)).sum(axis=2)
    assert darker.min() >= -3
    assert 0.1 < (darker > 30).mean() < 0.9


def test_exposure_brightens_and_warmth_turns_blue_into_red() -> None:
    pair = sketch(stops=0.3, warmth=0.1)
    red, green, blue = (pair.after.mean(axis=(0, 1)) / pair.before.mean(axis=(0, 1))).tolist()
    assert red > green > blue
    assert green > 1.05


def test_the_same_seed_draws_the_same_pair_and_another_one_another() -> None:
    first = sketch("person-came", "car-came")
    again, other = (draw(("person-came", "car-came"), NOTHING, seed=seed, samples=1) for seed in (5, 6))
    assert np.array_equal(first.before, again.before)
    assert np.array_equal(first.after, again.after)
    assert first.changes[0].bbox_after == again.changes[0].bbox_after != other.changes[0].bbox_after


def test_a_knocked_camera_is_moved_as_the_matrix_says() -> None:
    pair = sketch(shift=4.0, roll=0.4, seed=2)
    assert np.hypot(*(pair.matrix @ (COLUMNS / 2, ROWS / 2, 1) - (COLUMNS / 2, ROWS / 2, 1))[:2]) == pytest.approx(4.0)
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # OpenCV counts from the centre of the first pixel
    matrix = half @ pair.matrix @ np.linalg.inv(half)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inner = slice(20, -20), slice(20, -20)
    errors = [
        np.abs(cv2.warpAffine(pair.before, m[:2], SIZE, flags=flags).astype(int) - pair.after)[inner].mean()
        for m in (matrix, np.eye(3), np.linalg.inv(matrix))
    ]
    assert errors[0] < 0.6 * min(errors[1:])


def test_the_sensor_is_noisier_where_it_is_brighter_before_its_curve_and_fresh_each_time() -> None:
    pair = sketch(noise=1.0)
    clean = sketch()
    before, after = (still.astype(int) - clean.before for still in (pair.before, pair.after))
    assert 1.0 < before.std() < 8.0
    assert abs(np.corrcoef(before.ravel(), after.ravel())[0, 1]) < 0.05


# --- what is a change ---


@pytest.fixture
def busy() -> DrawnPair:
    return sketch("box-left", "suitcase-left", "bicycle-taken", "person-came", "car-gone")


def test_the_truth_says_what_happened(busy: DrawnPair) -> None:
    said = [(change.name, change.kind, change.label) for change in busy.changes]
    assert said == [
        ("box-left", "added", "box"),
        ("suitcase-left", "added", "suitcase"),
        ("bicycle-taken", "removed", "bicycle"),
        ("person-came", "added", "person"),
        ("car-gone", "removed", "car"),
    ]
    for change in busy.changes:
        assert (change.bbox_before is None) == (change.kind == "added")
        assert (change.bbox_after is None) == (change.kind == "removed")


def test_boxes_bound_the_masks_and_masks_do_not_overlap(busy: DrawnPair) -> None:
    for change in busy.changes:
        x0, y0, x1, y1 = change.bbox_after or change.bbox_before  # the camera was not moved: one grid
        assert change.mask[y0:y1, x0:x1].sum() == change.mask.sum() > 300
        assert change.mask[y0:y1, x0].any()
        assert change.mask[y1 - 1, x0:x1].any()
    assert np.sum([change.mask for change in busy.changes], axis=0).max() == 1


def test_the_stills_differ_at_the_changes_and_beside_their_shadows_nowhere(busy: DrawnPair) -> None:
    changed = difference(busy)
    for change in busy.changes:
        assert np.median(changed[change.mask]) > 15, change.name
    masks = np.any([change.mask for change in busy.changes], axis=0)
    assert changed[:150].max() <= 2  # nothing happens at the first floor, but for the veil of stray light
    beyond = (changed > 12) & ~cv2.dilate(masks.astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert beyond.sum() < 0.6 * masks.sum()  # the shadows


def test_what_was_removed_is_where_the_knocked_camera_would_have_seen_it() -> None:
    pair = sketch("car-gone", shift=6.0, seed=3)
    (car,) = pair.changes
    x0, y0, _, y1 = car.bbox_before
    columns, rows = np.flatnonzero(car.mask.any(axis=0)), np.flatnonzero(car.mask.any(axis=1))
    corner = pair.matrix @ (columns[0], rows[0], 1)  # after -> before
    assert corner[:2] == pytest.approx((x0, y0), abs=1.0)
    assert rows[-1] + 1 - (y1 - pair.matrix[1, 2]) == pytest.approx(0, abs=1.0)


def test_who_came_is_who_goes() -> None:
    arrived, left = sketch("person-came", "car-came"), sketch("person-gone", "car-gone")
    assert [change.kind for change in arrived.changes] == ["added", "added"]
    assert [change.kind for change in left.changes] == ["removed", "removed"]
    assert np.array_equal(arrived.changes[0].mask, left.changes[0].mask)
    assert arrived.changes[0].bbox_after == left.changes[0].bbox_before


def test_wrong_changes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no change 'flood': choose among box-left"):
        draw(("flood",))
    with pytest.raises(ValueError, match="once only"):
        draw(("person-came", "person-gone"))


def test_what_a_knocked_camera_does_not_see_is_refused() -> None:
    with pytest.raises(ValueError, match="box-left: the carton is out of the picture"):
        draw(["box-left"], Nuisances(shift=600), samples=1)


def test_a_sun_that_has_set_is_refused() -> None:
    with pytest.raises(ValueError, match="hours=8: the sun has set"):
        draw(nuisances=Nuisances(hours=8), samples=1)


def test_every_change_has_words() -> None:
    for event in CHANGES.values():
        assert event.kind in ("added", "removed")
        assert event.caption.endswith(".")


def test_by_default_a_pair_has_all_nuisances() -> None:
    for name, value in vars(Nuisances()).items():
        assert getattr(A_DAY, name) != value, name


# --- the shipped pair ---


def shipped(side: str) -> np.ndarray:
    with Image.open(pairs_file().with_name(f"camera_{side}.jpg")) as image:
        assert image.mode == "RGB"
        assert image.size == SIZE
        return np.asarray(image).astype(int)


@pytest.mark.slow
def test_the_shipped_stills_are_what_the_script_draws() -> None:
    drawn = make_pairs.draw_stills()
    for side, pixels in (("before", drawn.before), ("after", drawn.after)):
        assert np.abs(shipped(side) - pixels).mean() < 4  # what JPEG takes away
    for change in drawn.changes:
        assert np.abs(shipped("after") - shipped("before"))[change.mask].mean() > 20


def test_the_shipped_stills_are_small() -> None:
    assert sum(path.stat().st_size for path in pairs_file().parent.glob("camera_*.jpg")) < 250_000
