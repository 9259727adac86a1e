import cv2
import numpy as np
import pytest

from onediff_core.training.geometry import cut_image, cut_mask, misregistration, random_view


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_mark_stays_under_its_mask(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((96, 128), np.uint8)
    cv2.circle(mask, (70, 40), 14, 1, -1)
    image = np.where(mask[..., None] > 0, np.uint8(255), np.uint8(0)).repeat(3, axis=2)
    view = random_view(rng, mask.shape, (70.5, 40.5), (0.7, 1.6), 64)
    seen, marked = cut_image(image, view, 64)[..., 0] > 127, cut_mask(mask.astype(bool), view, 64)
    assert marked.sum() > 50
    assert np.array_equal(seen, marked)


@pytest.mark.parametrize("seed", range(20))
def test_the_focus_is_in_the_crop(seed):
    rng = np.random.default_rng(seed)
    focus = (rng.uniform(0, 128), rng.uniform(0, 96))
    view = random_view(rng, (96, 128), focus, (1.0, 1.9), 48)
    x, y, _ = view @ (*focus, 1)
    # A rotation by 15 degrees may carry a corner of the middle part a little out.
    assert -12 <= x <= 60
    assert -12 <= y <= 60


def test_a_view_without_change_is_the_image_itself(rng):
    image = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    assert np.array_equal(cut_image(image, np.eye(3), 40), image)


def test_pixel_coordinates_are_of_outer_corners():
    image = np.zeros((8, 8), np.uint8)
    image[2:4, 2:4] = 200
    doubled = cut_image(image, np.diag([2.0, 2.0, 1.0]), 16)
    assert (doubled[5:7, 5:7] == 200).all()
    assert np.array_equal(doubled, doubled[::-1].T[::-1].T[::1]) or doubled[4, 4] == doubled[7, 7]


def test_all_eight_orientations_come(rng):
    seen = set()
    for _ in range(200):
        linear = random_view(rng, (64, 64), (32, 32), (1.0, 1.0), 64)[:2, :2]
        seen.add((np.linalg.det(linear) > 0, int(np.round(np.arctan2(linear[1, 1], linear[0, 1]) / (np.pi / 2))) % 4))
    assert len(seen) == 8


def test_misregistration_is_small(rng):
    corners = np.array([[0, 0, 1], [192, 0, 1], [192, 192, 1], [0, 192, 1]], float).T
    for _ in range(50):
        moved = misregistration(rng, 192) @ corners
        off = np.abs(moved[:2] / moved[2] - corners[:2]).max()
        assert 0 < off <= 2.0 + 1.92 + 1e-3
