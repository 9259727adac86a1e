from dataclasses import replace

import numpy as np
import pytest
import torch

from onediff_core.training.evaluation import evaluate, flat, largest_blob

CLASSES = ("building+", "building-", "landcover")


def answering(masks):
    """A network that answers with given masks (N, K, H, W), pair by pair."""
    stream = iter(masks)

    def probabilities(images):
        return torch.stack([torch.from_numpy(next(stream)).float() for _ in images])

    return probabilities


def truth_of(sample):
    nothing = np.zeros((96, 96), bool)
    return np.stack([sample.masks.get(name, nothing) for name in CLASSES])


def test_the_truth_scores_one(tile):
    samples = [tile(2), tile(0), tile(1)]
    scores = evaluate(answering([truth_of(sample) for sample in samples]), samples, CLASSES, batch=2)
    assert (scores.f1, scores.tnr, scores.pair_recall, scores.direction) == (1, 1, 1, 1)


def test_half_found_and_a_false_alarm_are_counted(tile):
    samples = [tile(2), tile(0)]
    answers = [truth_of(sample) for sample in samples]
    answers[0] = answers[0].copy()
    answers[0][:, :, :35] = False  # the first of two houses
    answers[1] = answers[1].copy()
    answers[1][0, 40:52, 40:61] = True  # as large as a house
    scores = evaluate(answering(answers), samples, CLASSES)
    house = 14 * 18
    assert scores.recall == pytest.approx(0.5)
    assert scores.precision == pytest.approx(house / (house + 12 * 21))
    assert scores.tnr == 0
    assert scores.pair_recall == 1


def test_a_reversed_direction_is_found_and_wrong(tile):
    sample = tile(2)
    scores = evaluate(answering([truth_of(sample)[[1, 0, 2]]]), [sample], CLASSES)
    assert scores.f1 == 1
    assert scores.direction == 0


def test_channels_that_are_not_labelled_do_not_count(tile):
    sample = tile(1, name="landcover")
    answer = truth_of(sample) | np.array([True, False, False])[:, None, None]
    scores = evaluate(answering([answer]), [sample], CLASSES)
    assert scores.f1 == 1
    assert scores.direction is None
    assert "set/direction" not in flat({"set": scores})


def test_the_largest_blob_is_the_largest_not_the_sum():
    mask = np.zeros((20, 20), bool)
    assert largest_blob(mask) == 0
    mask[0, :5] = mask[10:13, 10:13] = True
    assert largest_blob(mask) == 9


def test_samples_stay_as_they_are(tile):
    sample = tile(1)
    kept = sample.after.copy()
    evaluate(answering([truth_of(sample)]), [replace(sample)], CLASSES)
    assert np.array_equal(sample.after, kept)
