import numpy as np
import pytest
import torch

from onediff_core.data import Sample, SampleRegion
from onediff_core.image_processing_onediff import OneDiffImageProcessor
from onediff_core.imagery import whole_view
from onediff_core.training.head.looks import Manner, PairLooks, RegionLooks, seen_with_context, turned
from onediff_core.training.head.verdicts import best_threshold

WHOLE = whole_view(OneDiffImageProcessor(size=None, size_multiple=8))
CLASSES = ("car", "tree")


def sample(kind="added", label="car", changed=True, box=(30, 10, 54, 40)):
    image = np.random.default_rng(3).integers(0, 90, (60, 96, 3), dtype=np.uint8)
    after = image.copy()
    x0, y0, x1, y1 = box
    after[y0:y1, x0:x1] = 250
    return Sample(
        before=image,
        after=after if changed else image,
        regions=(SampleRegion(kind=kind, label=label, box=box),) if changed else (),
        changed=changed,
        id="x",
    )


@pytest.mark.parametrize("seed", range(16))
def test_corners_turn_with_their_image(seed):
    marked = np.zeros((40, 70, 3), np.uint8)
    marked[5:20, 30:50] = 255
    (image,), (x0, y0, x1, y1) = turned(np.random.default_rng(seed), [marked], (30, 5, 50, 20))
    assert image[y0:y1, x0:x1].all()
    assert image.astype(bool).sum() == marked.astype(bool).sum()
    assert (x1 - x0) * (y1 - y0) == 20 * 15


def test_a_pair_is_seen_whole_at_the_size_of_the_window():
    item = PairLooks([sample(), sample(changed=False)], WHOLE, Manner(0, upright=True, swapped=False))[5]
    assert item["pixels"].shape == (2, 3, 256, 256)
    assert item["mask"][:160, :256].all()
    assert not item["mask"][160:].any()


def test_half_of_the_pairs_changed_and_the_rest_show_one_scene():
    looks = PairLooks([sample()], WHOLE, Manner(0, upright=True, swapped=True))
    labels = [float(looks[number]["changed"]) for number in range(60)]
    assert 20 < sum(labels) < 40
    looks = PairLooks([sample(), sample(changed=False)], WHOLE, Manner(0, upright=True, swapped=True))
    labels = [float(looks[number]["changed"]) for number in range(60)]
    assert 18 < sum(labels) < 40


def test_a_pair_hangs_on_seed_and_number_alone():
    one, other = (PairLooks([sample()], WHOLE, Manner(seed, upright=False, swapped=True)) for seed in (1, 2))
    assert torch.equal(one[4]["pixels"], one[4]["pixels"])
    assert not torch.equal(one[4]["pixels"], other[4]["pixels"])


@pytest.mark.parametrize("number", range(12))
def test_a_region_lies_under_its_box(number):
    looks = RegionLooks([sample()], ("car",), WHOLE, 64, Manner(0, upright=False, swapped=False))
    item = looks[number]
    x0, y0, x1, y1 = item["box"].round().int().tolist()
    inside = (item["pixels"][1] - item["pixels"][0])[:, y0:y1, x0:x1].mean()
    assert inside > (item["pixels"][1] - item["pixels"][0]).mean() + 0.2


def test_labels_come_equally_often_and_kinds_turn_with_time():
    cars = [sample() for _ in range(9)]
    looks = RegionLooks([*cars, sample("removed", "tree")], CLASSES, WHOLE, 64, Manner(0, upright=True, swapped=True))
    items = [looks[number] for number in range(60)]
    labels = [int(item["label"]) for item in items]
    assert 18 < sum(labels) < 42
    assert {(int(item["label"]), int(item["kind"])) for item in items} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_crop_at_the_edge_stays_inside():
    (before, after), (x0, y0, x1, y1) = seen_with_context(sample(box=(80, 0, 96, 12)), (80, 0, 96, 12), 64)
    assert before.shape == after.shape
    assert (after[int(y0) : int(y1), int(x0) : int(x1)] == 250).all()


def test_the_threshold_parts_the_two_and_of_several_is_nearest_to_zero():
    logits, changed = np.array([-2.0, 1.0, 3.0, 4.0]), np.array([False, False, True, True])
    assert best_threshold(logits, changed) == 2.0
    assert best_threshold(np.array([-1.0, 1.0]), np.array([False, True])) == 0.0
    assert best_threshold(np.array([3.0, 1.0]), np.array([False, True])) in (0.0, 4.0)
