import numpy as np
import pytest

from onediff_core.data.synthetic import scene
from onediff_core.training.objects import SIDES_PX, paste_objects, random_shape
from onediff_core.training.sources import SceneSource


def test_changed_samples_come_more_often_than_their_share(sources, rng):
    drawn = [sources[0].draw(rng).changed for _ in range(300)]
    assert 0.5 < np.mean(drawn) < 0.9


def test_a_quiet_class_is_labelled_where_nothing_changed_and_only_there(sources, rng):
    quiet = [sample for sample in (sources[0].draw(rng) for _ in range(400)) if "landcover" in sample.masks]
    assert 5 < len(quiet) < 80
    assert not any(mask.any() for sample in quiet for mask in sample.masks.values())


def test_a_set_that_has_no_direction_is_never_swapped(sources, rng):
    for _ in range(20):
        sample = sources[1].draw(rng)
        assert np.array_equal(sample.before, sources[1].samples[0].before)


@pytest.mark.parametrize("seed", range(15))
def test_objects_differ_where_the_mask_says(tile, seed):
    rng = np.random.default_rng(seed)
    ground, texture = tile(0, side=128, seed=1), np.full((128, 128, 3), (250, 0, 250), np.uint8)
    sample = paste_objects(rng, ground, texture, "object+", "object-")
    assert set(sample.masks) == {"object+", "object-"}
    purple = [
        np.minimum(image[..., 0].astype(int), image[..., 2]) - image[..., 1] > 60
        for image in (sample.before, sample.after)
    ]
    # What was mixed with the ground's colours, or lies in a shadow, may be pale; nothing purple is without a label.
    assert not (purple[0] & ~_grown(sample.masks["object-"])).any()
    assert not (purple[1] & ~_grown(sample.masks["object+"])).any()
    assert sample.changed == any(mask.any() for mask in sample.masks.values())


def test_some_pairs_hold_nothing_new(tile):
    rng, ground = np.random.default_rng(0), tile(0, side=128)
    texture = tile(3, side=128, seed=5).after
    empty = [not paste_objects(rng, ground, texture, "object+", "object-").changed for _ in range(100)]
    assert 0.15 < np.mean(empty) < 0.45


def test_every_shape_fits_and_is_something(rng):
    for _ in range(300):
        shape = random_shape(rng)
        assert shape.any()
        assert all(SIDES_PX[0] - 1 <= side <= SIDES_PX[1] for side in shape.shape)


def test_drawn_scenes_are_a_source(rng):
    camera = SceneSource(scene("camera"), share=0.1, side=96)
    assert camera.classes == ("object+", "object-")
    first, second = (camera.draw(rng) for _ in range(2))
    assert first.after.shape == (96, 96, 3)
    assert not np.array_equal(first.after, second.after)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pool_is_drawn_once_whoever_draws_it(rng, workers):
    camera = SceneSource(scene("camera"), share=0.1, side=64, pool=3, workers=workers)
    drawn = [camera.draw(rng) for _ in range(30)]
    assert len({id(sample) for sample in drawn}) == 3
    assert {sample.id for sample in drawn} == {f"camera-{number}-0" for number in range(3)}


def _grown(mask):
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))).astype(bool)
