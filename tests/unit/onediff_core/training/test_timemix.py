from dataclasses import replace

import numpy as np
import pytest

from onediff_core.training.timemix import mix_times


@pytest.mark.parametrize("seed", range(30))
def test_kept_changes_are_never_touched(tile, seed):
    sample = tile(3)
    mixed = mix_times(np.random.default_rng(seed), sample)
    kept = mixed.masks["building+"]
    assert not (kept & ~sample.masks["building+"]).any()
    assert np.array_equal(mixed.before[kept], sample.before[kept])
    assert np.array_equal(mixed.after[kept], sample.after[kept])


@pytest.mark.parametrize("seed", range(30))
def test_what_is_no_longer_labelled_looks_alike_on_both_dates(tile, seed):
    sample = tile(3)
    mixed = mix_times(np.random.default_rng(seed), sample)
    gone = sample.masks["building+"] & ~mixed.masks["building+"]
    difference = np.abs(mixed.before.astype(int) - mixed.after)
    assert not gone.any() or difference[gone].mean() < 5
    assert mixed.changed == bool(mixed.masks["building+"].any())


def test_changes_are_undone_and_made_earlier(tile):
    sample = tile(3)
    red = {"undone": 0, "earlier": 0, "kept": 0}
    for seed in range(40):
        mixed = mix_times(np.random.default_rng(seed), sample)
        gone = sample.masks["building+"] & ~mixed.masks["building+"]
        red["kept"] += mixed.masks["building+"].any()
        red["earlier"] += (mixed.before[gone][:, 0] > 180).any()
        red["undone"] += (mixed.after[gone][:, 0] < 150).any()
    assert min(red.values()) > 5


def test_colours_are_matched_over_a_seam(tile):
    """The after image of a brighter day: what is undone in it shows the old ground in the new light."""
    sample = tile(1)
    brighter = replace(sample, after=np.minimum(sample.after.astype(int) + 40, 255).astype(np.uint8))
    for seed in range(40):
        mixed = mix_times(np.random.default_rng(seed), brighter)
        place = sample.masks["building+"]
        if not mixed.masks["building+"].any() and np.array_equal(mixed.before, brighter.before):
            assert np.abs(mixed.after[place].astype(int) - sample.before[place] - 40).mean() < 8
            return
    pytest.fail("nothing was undone in 40 tries")


def test_the_sample_itself_stays_as_it_was(tile, rng):
    sample = tile(3)
    copies = [sample.before.copy(), sample.after.copy(), sample.masks["building+"].copy()]
    for _ in range(10):
        mix_times(rng, sample)
    for kept, now in zip(copies, (sample.before, sample.after, sample.masks["building+"]), strict=True):
        assert np.array_equal(kept, now)
