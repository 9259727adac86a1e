"""Temperatures against data whose true temperature is known."""

import pytest
import torch

from onediff_core.calibration import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    Calibration,
    expected_calibration_error,
    fit_temperature,
)


def sampled(probability: torch.Tensor) -> torch.Tensor:
    return torch.bernoulli(probability, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def honest():
    return torch.randn(20_000, generator=torch.Generator().manual_seed(2)) * 2


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_of_overconfident_logits_is_found(honest, true):
    temperature, bias = fit_temperature(honest * true, sampled(honest.sigmoid()))
    assert temperature == pytest.approx(true, rel=0.05)
    assert bias == 0


def test_a_bias_is_found_with_the_temperature(honest):
    temperature, bias = fit_temperature((honest + 1.5) * 2, sampled(honest.sigmoid()), bias=True)
    assert temperature == pytest.approx(2, rel=0.05)
    assert bias == pytest.approx(-1.5, abs=0.1)


def test_the_temperature_of_exclusive_classes_is_found():
    generator = torch.Generator().manual_seed(5)
    honest = torch.randn(20_000, 4, generator=generator) * 1.5
    target = torch.multinomial(honest.softmax(1), 1, generator=generator)[:, 0]
    assert fit_temperature(honest * 4, target)[0] == pytest.approx(4, rel=0.05)


def test_calibration_lowers_the_error_and_moves_no_decision(honest):
    target, overconfident = sampled(honest.sigmoid()), honest * 3
    temperature, _ = fit_temperature(overconfident, target)
    calibrated = overconfident / temperature
    assert expected_calibration_error(overconfident.sigmoid(), target) > 0.08
    assert expected_calibration_error(calibrated.sigmoid(), target) < 0.02
    assert torch.equal(calibrated > 0, overconfident > 0)


@pytest.mark.parametrize("bias", [False, True])
def test_separable_and_inverted_samples_end_at_the_bounds(bias):
    logits, target = torch.tensor([-2.0, -1.0, 1.0, 2.0]), torch.tensor([0, 0, 1, 1])
    assert fit_temperature(logits, target, bias=bias)[0] == pytest.approx(MIN_TEMPERATURE, rel=0.2)
    assert fit_temperature(-logits, target, bias=bias)[0] == pytest.approx(MAX_TEMPERATURE, rel=0.2)


def test_a_fit_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"got \(3,\) and \(2,\)"):
        fit_temperature(torch.zeros(3), torch.zeros(2))
    with pytest.raises(ValueError, match="at least one sample"):
        fit_temperature(torch.zeros(0), torch.zeros(0))
    with pytest.raises(ValueError, match="must be finite"):
        fit_temperature(torch.tensor([float("nan")]), torch.zeros(1))
    with pytest.raises(ValueError, match="binary logits"):
        fit_temperature(torch.zeros(3, 2), torch.zeros(3), bias=True)


def test_the_calibration_error_is_the_gap_of_each_bin_by_its_share():
    probability = torch.tensor([0.05, 0.05, 0.95, 0.95])
    outcome = torch.tensor([0, 0, 1, 0])  # gaps 0.05 and 0.45, half of the samples each
    assert expected_calibration_error(probability, outcome, bins=10) == pytest.approx(0.25)
    assert expected_calibration_error(torch.tensor([1.0, 0.0]), torch.tensor([1, 0])) == 0


def test_a_calibration_error_wants_probabilities():
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        expected_calibration_error(torch.tensor([1.5]), torch.tensor([1]))
    with pytest.raises(ValueError, match=r"got \(2,\) and \(1,\)"):
        expected_calibration_error(torch.zeros(2), torch.zeros(1))
    with pytest.raises(ValueError, match="at least one sample"):
        expected_calibration_error(torch.zeros(0), torch.zeros(0))


def test_each_output_has_its_own_calibration_and_no_optimiser_sees_it():
    calibration = Calibration(2)
    logits = torch.ones(3, 2, 4, 5)
    assert torch.equal(calibration(logits, dim=1), logits)
    calibration.set(1, temperature=2.0, bias=-1.0)
    assert calibration(logits, dim=1)[0, :, 0, 0].tolist() == [1.0, -0.5]
    assert list(calibration.parameters()) == []
    with pytest.raises(ValueError, match="above 0, got 0"):
        calibration.set(0, temperature=0)


def test_gradients_pass_through_a_calibration_as_through_a_division():
    calibration = Calibration(2).double()
    calibration.set(0, temperature=4.0, bias=1.0)
    logits = torch.randn(3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda value: calibration(value, dim=1), logits)
    calibration(logits, dim=1).sum().backward()
    assert logits.grad[:, 0].unique().tolist() == [0.25]
