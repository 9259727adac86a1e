"""Pairs made from single pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from onediff_core.data.synthetic import scene
from onediff_core.data.synthetic.captions import PLACE
from onediff_core.data.synthetic.edited import Edited, Pictures, _fitted
from onediff_core.data.synthetic.sprites import Sprite

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return [scene("objects")(9, index, 128 + 30 * index).after for index in range(3)]


def made(images: object) -> Edited:
    return Edited(images, domain="surveillance", source="mine", licence="MIT")  # type: ignore[arg-type]


def test_any_iterable_of_pictures_of_any_sizes_will_do(images: list[np.ndarray]) -> None:
    one = made(image for image in images)(0, 3, 96)
    other = made(images)(0, 3, 96)
    np.testing.assert_array_equal(one.after, other.after)
    assert (one.domain, one.source, one.licence) == ("surveillance", "mine", "MIT")


def test_pairs_of_one_picture_are_one_group(images: list[np.ndarray]) -> None:
    samples = [made(images)(0, index, 96) for index in range(40)]
    groups = {sample.group for sample in samples if sample.masks}
    assert groups == {"mine-0", "mine-1", "mine-2"}


def test_some_sides_show_two_places_of_which_no_mask_is_known(images: list[np.ndarray]) -> None:
    samples = [made(images)(0, index, 64) for index in range(300)]
    elsewhere = [sample for sample in samples if sample.regions and sample.regions[0].label == PLACE]
    assert 3 <= len(elsewhere) <= 40
    assert all(sample.changed and not sample.masks for sample in elsewhere)


def test_things_are_pasted_into_both_sides_too(images: list[np.ndarray]) -> None:
    plain = made([np.full((128, 128, 3), 128, np.uint8)])
    unchanged = [sample for index in range(60) if not (sample := plain(0, index, 96, calm=True)).changed]
    pasted = [sample for sample in unchanged if np.ptp(sample.after) > 0]
    assert len(pasted) > len(unchanged) / 4
    assert all((sample.before == sample.after).all() for sample in unchanged)


def test_pictures_of_a_folder_are_read_when_they_are_asked_for(tmp_path: Path, images: list[np.ndarray]) -> None:
    (tmp_path / "sub").mkdir()
    cv2.imwrite(str(tmp_path / "sub" / "a.png"), images[0][:, :, ::-1])
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    pictures = Pictures(tmp_path)
    assert len(pictures) == 1
    np.testing.assert_array_equal(pictures[0], images[0])


def test_no_pictures_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="mine: no images to make pairs of"):
        made([])


@pytest.mark.parametrize("width", range(1, 12))
def test_pieces_of_any_width_are_joined_to_what_they_lie_on(width: int) -> None:
    rng = np.random.default_rng(width)
    light = rng.uniform(0, 255, (20, width + 2, 3)).astype(np.float32)
    alpha = np.zeros((20, width + 2), np.float32)
    alpha[1:-1, 1:-1] = 1
    ground = rng.uniform(0, 255, (64, 64, 3)).astype(np.float32)
    fitted = _fitted(rng, Sprite(x=20, y=20, alpha=alpha, light=light), ground, poisson=True)
    assert fitted.light.shape == light.shape
    assert np.isfinite(fitted.light).all()
