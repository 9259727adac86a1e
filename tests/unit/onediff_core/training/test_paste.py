import numpy as np
import pytest

from onediff_core.training.paste import MARGIN_PX, cut_instances, paste_instances


@pytest.fixture
def bank(tile):
    return cut_instances([tile(3), tile(0)], "building+")


def test_each_whole_change_is_cut_out_with_a_margin(bank):
    assert len(bank) == 3
    for instance in bank:
        assert instance.mask.shape == (18 + 2 * MARGIN_PX, 14 + 2 * MARGIN_PX)
        assert instance.mask.sum() == 18 * 14
        assert (instance.there[instance.mask][:, 0] == 220).all()
        assert (instance.gone[instance.mask][:, 0] < 180).all()


def test_what_touches_the_edge_is_left_out(tile):
    assert len(cut_instances([tile(3, side=80)], "building+")) == 2


@pytest.mark.parametrize("seed", range(20))
def test_labels_say_on_which_date_a_pasted_thing_stands(tile, bank, seed):
    sample = tile(0, seed=9)
    pasted = paste_instances(np.random.default_rng(seed), sample, bank, "building+", "building-")
    edited = [
        np.abs(image.astype(int) - ground).max(axis=2) > 12
        for image, ground in ((pasted.before, sample.before), (pasted.after, sample.after))
    ]
    came, went = pasted.masks["building+"], pasted.masks["building-"]
    labelled = came | went
    assert not (came & went).any()
    assert not (edited[0] & came).any()
    assert not (edited[1] & went).any()
    assert not came.any() or edited[1][came].mean() > 0.9
    assert not went.any() or edited[0][went].mean() > 0.9
    assert pasted.changed == bool(labelled.any())


def test_distractors_and_things_on_both_dates_come_too(tile, bank):
    sample = tile(0, seed=9)
    unlabelled = both = 0
    for seed in range(30):
        pasted = paste_instances(np.random.default_rng(seed), sample, bank, "building+", "building-")
        labelled = pasted.masks["building+"] | pasted.masks["building-"]
        edited = [(a != b).any(axis=2) for a, b in ((pasted.before, sample.before), (pasted.after, sample.after))]
        far = ~labelled
        both += (edited[0] & edited[1] & far).any()
        unlabelled += ((edited[0] ^ edited[1]) & far).sum() > 100
    assert both > 3
    assert unlabelled > 3


def test_nothing_is_pasted_over_a_change_and_the_sample_stays(tile, bank):
    sample = tile(2)
    copies = [sample.before.copy(), sample.after.copy(), sample.masks["building+"].copy()]
    there = sample.masks["building+"]
    for seed in range(20):
        pasted = paste_instances(np.random.default_rng(seed), sample, bank, "building+", "building-")
        assert np.array_equal(pasted.after[there], sample.after[there])
        assert np.array_equal(pasted.before[there], sample.before[there])
        assert pasted.masks["building+"][there].all()
    for kept, now in zip(copies, (sample.before, sample.after, sample.masks["building+"]), strict=True):
        assert np.array_equal(kept, now)
