import pytest
import torch

from onediff_core.calibration import fit_temperature
from onediff_core.features import DeltaFeatures
from onediff_core.heads import PairHead
from onediff_core.heads.pair import EVIDENCE, mask_evidence


@pytest.fixture
def head(config):
    return PairHead(config("pair", evidence="satellite.mask")).eval()


def test_a_pair_has_one_logit_with_and_without_evidence(config, head, features):
    assert head(features(), torch.rand(2, 32, 48)).shape == (2,)
    assert PairHead(config("pair"))(features()).shape == (2,)


def test_the_evidence_is_needed_where_it_was_trained_with_and_only_there(config, head, features):
    with pytest.raises(ValueError, match=r"'satellite\.pair' needs the score of the mask head 'satellite\.mask'"):
        head(features())
    with pytest.raises(ValueError, match=r"'satellite\.pair' takes no score"):
        PairHead(config("pair"))(features(), torch.rand(2, 32, 48))
    with pytest.raises(ValueError, match=r"score must be \(2, 32, 48\), got \(2, 16, 24\)"):
        head(features(), torch.rand(2, 16, 24))


@pytest.mark.parametrize("shape", [(2, 5, 3), (1, 5, 12), (2, 0, 12), (5, 12)])
def test_tokens_of_another_shape_are_refused(config, features, shape):
    made = features()
    wrong = DeltaFeatures(tokens=torch.zeros(shape), dense=made.dense, image_size=made.image_size)
    with pytest.raises(ValueError, match=r"'satellite\.pair': tokens must be \(2, Q, 12\), Q at least 1, got"):
        PairHead(config("pair"))(wrong)


def test_no_gradient_flows_back_into_the_evidence(head, features):
    score = torch.rand(2, 32, 48, requires_grad=True)
    made = features()
    made.tokens.requires_grad_()
    head(made, score).sum().backward()
    assert score.grad is None
    assert made.tokens.grad.any()


def test_one_blob_is_told_from_as_many_scattered_pixels():
    blob, noise = torch.zeros(1, 64, 64), torch.zeros(1, 64, 64)
    blob[0, 20:28, 20:28] = 1
    noise.view(-1)[torch.randperm(4096)[:64]] = 1
    one, many = mask_evidence(blob)[0], mask_evidence(noise)[0]
    torch.testing.assert_close(one[:4], many[:4])  # areas and the highest percent
    assert (one[5:7] > 2 * many[5:7]).all()


def test_evidence_does_not_depend_on_padding_nor_on_the_unchanged_rest():
    score = torch.rand(1, 40, 40)
    padded, mask = torch.rand(1, 64, 80), torch.zeros(1, 64, 80, dtype=torch.bool)
    padded[:, :40, :40], mask[:, :40, :40] = score, True
    alone, together = mask_evidence(score), mask_evidence(padded, mask)
    assert alone.shape == (1, EVIDENCE)
    torch.testing.assert_close(alone, together)
    blob, wide = torch.zeros(1, 64, 64), torch.zeros(1, 128, 128)
    blob[:, 8:24, 8:24] = wide[:, 8:24, 8:24] = 1
    torch.testing.assert_close(mask_evidence(blob), mask_evidence(wide))


def test_evidence_is_finite_for_images_of_any_size_and_for_padding_alone():
    assert mask_evidence(torch.rand(2, 1, 3)).isfinite().all()
    assert (mask_evidence(torch.rand(1, 8, 8), torch.zeros(1, 8, 8, dtype=torch.bool)) == 0).all()


def test_a_fitted_temperature_softens_the_score_and_keeps_the_verdict(head):
    logits = torch.tensor([-6.0, -4.0, 5.0, 7.0, 6.0, -5.0])
    sharp = head.score(logits)
    temperature, _ = fit_temperature(logits, torch.tensor([0, 0, 1, 1, 0, 1]))
    head.calibration.set(0, temperature)
    soft = head.score(logits)
    torch.testing.assert_close(soft, torch.sigmoid(logits / temperature))
    assert ((soft - 0.5).abs() < (sharp - 0.5).abs()).all()
    assert torch.equal(soft >= 0.5, sharp >= 0.5)


def test_gradients_are_those_of_finite_differences(config):
    head = PairHead(config("pair", width=4, token_size=3, channels=(2,), strides=(4,))).double()
    tokens = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    dense = (torch.zeros(2, 2, 4, 4),)
    assert torch.autograd.gradcheck(
        lambda tokens: head(DeltaFeatures(tokens=tokens, dense=dense, image_size=(16, 16))), tokens
    )


def test_a_head_learns_the_verdict_from_the_evidence(config, features):
    head, made = PairHead(config("pair", evidence="satellite.mask")), features(8)
    made.tokens.zero_()
    score = torch.rand(8, 32, 48) * 0.2
    score[::2, 10:20, 10:20] = 0.9
    target = torch.tensor([1.0, 0] * 4)
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(40):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(made, score), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    fresh = torch.rand(8, 32, 48) * 0.2
    fresh[::2, 4:12, 30:40] = 0.8
    assert torch.equal(head.eval().score(head(made, fresh)) > 0.5, target.bool())
