from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from onediff_core.errors import TrainingError
from onediff_core.training.sampling import TrainingPairs, batches
from onediff_core.training.sets import MaskSet
from onediff_core.training.sources import MaskSource

CLASSES = ("building+", "building-", "landcover")


@pytest.fixture
def pairs(sources):
    return TrainingPairs(sources, CLASSES, side=64, seed=5)


def test_a_pair_depends_on_the_seed_and_its_number_alone(sources, pairs):
    again = TrainingPairs(sources, CLASSES, side=64, seed=5)
    other = TrainingPairs(sources, CLASSES, side=64, seed=6)
    backwards = [again[number] for number in reversed(range(12))][::-1]
    for number, pair in enumerate(backwards):
        assert all(torch.equal(pair[name], value) for name, value in pairs[number].items())
    assert any(not torch.equal(other[number]["images"], pairs[number]["images"]) for number in range(3))


def test_every_tensor_has_its_shape_and_type(pairs):
    pair = pairs[0]
    assert {name: (tuple(value.shape), value.dtype) for name, value in pair.items()} == {
        "images": ((2, 3, 64, 64), torch.uint8),
        "masks": ((3, 64, 64), torch.bool),
        "labelled": ((3,), torch.bool),
        "valid": ((64, 64), torch.bool),
    }


def test_what_a_set_is_not_labelled_for_is_not_labelled(pairs):
    seen = Counter(tuple(pairs[number]["labelled"].tolist()) for number in range(200))
    assert set(seen) == {(True, True, False), (False, False, True), (True, True, True)}
    # Two looks at one image are known to differ in nothing, whatever the set is labelled for; so are quiet tiles.
    assert seen[True, True, True] < 60
    for number in range(200):
        pair = pairs[number]
        assert not pair["masks"][~pair["labelled"]].any()
        assert not (pair["labelled"].all() and pair["masks"].any())


def test_direction_is_what_the_images_show(pairs):
    """Whatever was swapped, mixed or pasted: red stands where and when the masks say."""
    checked = 0
    for number in range(120):
        pair = pairs[number]
        red = pair["images"][:, 0].float() - pair["images"][:, 1].float()  # (2, 64, 64)
        came, went = pair["masks"][0], pair["masks"][1]
        for mask, sign in ((came, 1), (went, -1)):
            if mask.sum() > 150:
                checked += 1
                assert sign * (red[1] - red[0])[mask].mean() > 0, number
    assert checked > 30


def test_where_a_sample_says_ignore_is_not_valid(sources, tile):
    blind = MaskSource(sources[1].entry, [replace(tile(1, name="landcover"), ignore=np.ones((96, 96), bool))])
    pairs = TrainingPairs([blind], CLASSES, side=64, seed=0)
    seen = [bool(pairs[number]["valid"].any()) for number in range(60)]
    assert 0 < sum(seen) < 20  # only where two looks at one image leave nothing to ignore


def test_worker_processes_make_the_same_batches(pairs):
    alone, shared = (batches(pairs, first=6, size=3, workers=workers) for workers in (0, 2))
    for _ in range(3):
        first, second = next(alone), next(shared)
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(next(batches(pairs, first=9, size=1, workers=0))["images"][0], pairs[9]["images"])


def test_without_unchanged_pairs_every_pair_shows_a_change(sources):
    pairs = TrainingPairs(sources, CLASSES, side=64, seed=3, unchanged=False)
    drawn = [pairs[number] for number in range(40)]
    assert np.mean([bool(pair["masks"].any()) for pair in drawn]) > 0.9  # a crop may miss what changed


def test_a_set_without_changes_is_told_where_only_changes_are_wanted(tile):
    still = MaskSource(MaskSet(name="still", mask="landcover", share=1.0), [tile(0, name="landcover")])
    with pytest.raises(
        TrainingError, match=r"samples for landcover show no change: .* leave the setting unchanged=true"
    ):
        TrainingPairs([still], CLASSES, side=64, seed=0, unchanged=False)[0]
