import pytest
import torch

from onediff_core import losses
from onediff_core.features import DeltaFeatures
from onediff_core.heads import ChangeMaskHead


@pytest.fixture
def head(config):
    return ChangeMaskHead(config("mask")).eval()


def used(head, features):
    """The head with statistics of BatchNorm that are not those it starts with."""
    with torch.no_grad():
        head.train()(features)
    return head.eval()


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize(("height", "width"), [(32, 48), (16, 16), (33, 47), (1, 5), (100, 18)])
def test_logits_have_the_size_of_the_image(config, features, exclusive, height, width):
    head = ChangeMaskHead(config("mask", exclusive=exclusive)).eval()
    logits = head(features(2, height, width))
    assert logits.shape == (2, 2 + exclusive, height, width)
    assert head.probabilities(logits).shape == (2, 2, height, width)
    assert head.score(logits).shape == (2, height, width)


@pytest.mark.parametrize(
    ("strides", "cells"),
    [
        ((14, 14, 14), (4, 6)),  # a plain vision transformer: one resolution, not a power of two
        ((16, 16, 16), (4, 6)),
        ((4, 8, 32), None),
        ((2, 2, 8), None),
        ((3, 6, 7), None),
    ],
)
def test_towers_of_other_strides_are_read(config, strides, cells):
    height, width = (56, 84) if cells else (50, 70)
    dense = tuple(
        torch.randn(1, channels, *(cells or (-(-height // stride), -(-width // stride))))
        for channels, stride in zip((6, 8, 10), strides, strict=True)
    )
    features = DeltaFeatures(tokens=torch.randn(1, 5, 12), dense=dense, image_size=(height, width))
    logits = ChangeMaskHead(config("mask", strides=strides))(features)
    assert logits.shape == (1, 2, height, width)
    assert logits.isfinite().all()


def test_the_score_is_one_minus_the_probability_of_no_change(config):
    logits = torch.randn(2, 2, 4, 5) * 3
    independent = ChangeMaskHead(config("mask"))
    p = torch.sigmoid(logits)
    torch.testing.assert_close(independent.score(logits), 1 - (1 - p[:, 0]) * (1 - p[:, 1]))
    torch.testing.assert_close(independent.probabilities(logits), p)
    logits = torch.randn(2, 3, 4, 5) * 3
    exclusive = ChangeMaskHead(config("mask", exclusive=True))
    torch.testing.assert_close(exclusive.score(logits), 1 - logits.softmax(1)[:, 0])
    torch.testing.assert_close(exclusive.score(logits), exclusive.probabilities(logits).sum(1))


def test_small_scores_keep_their_order_where_one_minus_would_be_zero(head):
    logits = torch.full((1, 2, 1, 3), -50.0)
    logits[0, 0, 0] = torch.tensor([-30.0, -28.0, -26.0])
    score = head.score(logits)[0, 0]
    assert (score[1:] > score[:-1]).all()
    assert score[0] > 0


def test_calibration_moves_the_operating_point_of_its_own_channel(head):
    logits = torch.ones(1, 2, 2, 2)
    head.calibration.set(1, temperature=2.0, bias=-0.5)
    p = head.probabilities(logits)
    torch.testing.assert_close(p[0, :, 0, 0], torch.sigmoid(torch.tensor([1.0, 0.0])))


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_new_head_says_that_little_changed(config, features, exclusive):
    head = ChangeMaskHead(config("mask", exclusive=exclusive)).eval()
    assert 0.05 < head.probabilities(head(features())).mean() < 0.2


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (21, 37)])
def test_a_picture_has_the_same_logits_alone_and_padded_in_a_batch(config, features, exclusive, height, width):
    head = used(ChangeMaskHead(config("mask", exclusive=exclusive)), features(4, 64, 64))
    alone = features(1, height, width)
    mask = torch.zeros(1, 48, 64, dtype=torch.bool)
    mask[:, :height, :width] = True
    padded = features(1, 48, 64, mask=mask)
    for inner, outer in zip(alone.dense, padded.dense, strict=True):
        outer[:] = float("nan")  # whatever the tower made of padding
        outer[:, :, : inner.shape[2], : inner.shape[3]] = inner
    logits = head(padded)
    torch.testing.assert_close(logits[..., :height, :width], head(alone), rtol=1e-5, atol=1e-5)
    assert (head.score(logits)[~mask] == 0).all()
    assert logits.isfinite().all()


def test_a_batch_answers_as_its_pairs_do_alone(head, features):
    both = features(2)
    singly = [
        head(
            DeltaFeatures(
                tokens=both.tokens[i : i + 1],
                dense=tuple(level[i : i + 1] for level in both.dense),
                image_size=both.image_size,
            )
        )
        for i in range(2)
    ]
    torch.testing.assert_close(head(both), torch.cat(singly), rtol=1e-5, atol=1e-5)


def test_a_shift_by_whole_cells_shifts_the_answer(head, features):
    """No half-cell drift between levels: what moves by the coarsest stride moves in the logits by as much."""
    still = features(1, 128, 128)
    moved = DeltaFeatures(
        tokens=still.tokens,
        dense=tuple(level.roll(16 // stride, 3) for level, stride in zip(still.dense, (2, 4, 16), strict=True)),
        image_size=still.image_size,
    )
    inner = (..., slice(48, 80), slice(64, 80))
    torch.testing.assert_close(head(moved)[inner], head(still).roll(16, 3)[inner], rtol=1e-4, atol=1e-4)


def test_every_parameter_is_trained(config, features):
    head = ChangeMaskHead(config("mask"))
    head(features()).square().mean().backward()
    assert [name for name, value in head.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_gradients_are_those_of_finite_differences(config):
    head = ChangeMaskHead(config("mask", channels=(2, 2), strides=(2, 4), width=3, half_width=2)).double().eval()
    fine, coarse = (torch.randn(1, 2, side, side, dtype=torch.float64, requires_grad=True) for side in (4, 2))

    def run(fine, coarse):
        tokens = torch.zeros(1, 1, 12, dtype=torch.float64)
        return head(DeltaFeatures(tokens=tokens, dense=(fine, coarse), image_size=(7, 8)))

    assert torch.autograd.gradcheck(run, (fine, coarse))


def test_detection_needs_no_tokens(head, features):
    made = features()
    without = DeltaFeatures(tokens=torch.zeros(2, 0, 12), dense=made.dense, image_size=made.image_size)
    assert torch.equal(head(without), head(made))


def test_channels_of_any_size_are_read_alike(config, features):
    """A tower has channels a thousand times as large as others; a head in training must not drown in them."""
    torch.manual_seed(1)
    head, made = ChangeMaskHead(config("mask")), features(4, 64, 64)
    scaled = DeltaFeatures(
        tokens=made.tokens,
        dense=tuple(level * 10 ** torch.linspace(0, 3, level.shape[1])[:, None, None] for level in made.dense),
        image_size=made.image_size,
    )
    torch.testing.assert_close(head(scaled), head(made), rtol=1e-3, atol=1e-3)


def test_features_in_half_precision_are_read(head, features):
    made = features()
    halves = DeltaFeatures(
        tokens=made.tokens.bfloat16(), dense=tuple(level.bfloat16() for level in made.dense), image_size=(32, 48)
    )
    assert head(halves).dtype == torch.float32
    assert head.bfloat16()(halves).dtype == torch.bfloat16
    assert head.score(head(halves)).dtype == torch.float32


def test_features_of_another_shape_are_refused_with_what_came(head, features):
    with pytest.raises(ValueError, match=r"'satellite.mask': dense maps must be .* C = \[6, 8, 10\], got \[\(2, 6,"):
        head(features(channels=(6, 8, 11)))
    made = features()
    with pytest.raises(ValueError, match=r"dense maps must be .* got \[\(2, 6, 16, 24\)\]"):
        head(DeltaFeatures(tokens=made.tokens, dense=made.dense[:1], image_size=(32, 48)))
    with pytest.raises(ValueError, match=r"'satellite.mask': there is no pair in the features, .*\(0, 6, 16, 24\)"):
        head(features(batch=0))
    with pytest.raises(ValueError, match=r"image_mask must be \(2, 32, 48\), got \(2, 32, 40\)"):
        head(features(mask=torch.ones(2, 32, 40, dtype=torch.bool)))


def test_a_tower_without_a_coarse_map_and_another_task_are_refused(config):
    with pytest.raises(ValueError, match=r"needs a map of stride 3 or more, got \[2, 2, 2\]"):
        ChangeMaskHead(config("mask", strides=(2, 2, 2)))
    with pytest.raises(ValueError, match=r"ChangeMaskHead is for the task 'mask', 'satellite\.pair' is a 'pair' head"):
        ChangeMaskHead(config("pair"))


def test_a_head_learns_a_mask_from_frozen_features_in_a_few_dozen_steps(config):
    truth = torch.zeros(4, 2, 48, 48)
    for pair, (x, y, side) in enumerate([(6, 10, 17), (21, 5, 11), (13, 25, 20), (30, 30, 9)]):
        truth[pair, pair % 2, y : y + side, x : x + side] = 1
    signal = torch.cat([truth, truth.sum(1, keepdim=True)], dim=1)  # which class, and that something is there
    dense = []
    for channels, stride in ((6, 2), (8, 4), (10, 16)):
        mixed = torch.einsum("ck,bkhw->bchw", torch.randn(channels, 3), signal)
        dense.append(
            torch.nn.functional.avg_pool2d(mixed, stride) + 0.1 * torch.randn(4, channels, 48 // stride, 48 // stride)
        )
    features = DeltaFeatures(tokens=torch.zeros(4, 5, 12), dense=tuple(dense), image_size=(48, 48))
    head = ChangeMaskHead(config("mask"))
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2)
    weights = losses.border_weights(truth)
    for _ in range(60):
        logits = head(features)
        loss = losses.binary_cross_entropy(logits, truth, weights) + losses.soft_dice(logits, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    predicted = head.eval().probabilities(head(features)) >= 0.5
    overlap = (predicted & truth.bool()).sum() / (predicted | truth.bool()).sum()
    assert overlap > 0.9
