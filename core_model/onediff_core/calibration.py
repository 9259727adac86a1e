"""Calibration: probabilities that mean what they say, fitted on pairs that nothing was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

# A fit on few or separable samples would run off to certainty: 1/20 and 20 are far beyond what trained networks need.
MIN_TEMPERATURE: Final = 0.05
MAX_TEMPERATURE: Final = 20.0


def fit_temperature(logits: Tensor, target: Tensor, *, bias: bool = False) -> tuple[float, float]:
    """Temperature, and where asked bias, that minimise the negative log-likelihood of held-out labels.

    Calibrated logits are logits / temperature + bias. A temperature alone moves no decision; a bias does, and is for
    data whose share of positives differs from that of training.

    Args:
        logits: (N,) of a binary decision, or (N, K) of exclusive classes.
        target: (N,) in {0, 1}, or (N,) class indices.
        bias: also fit a bias (Platt scaling); binary only.

    Returns:
        Temperature in [0.05, 20] and bias, 0.0 where none was asked for.

    Raises:
        ValueError: shapes that do not fit, no samples, or logits that are not finite.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017; Platt, "Probabilistic outputs for support
        vector machines", 1999.
    """
    if logits.ndim not in (1, 2) or target.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be (N,) or (N, K) and target (N,), got {tuple(logits.shape)} and {tuple(target.shape)}"
        )
    if not len(target):
        raise ValueError("a temperature needs at least one sample")
    if not bool(logits.isfinite().all()):
        raise ValueError("logits must be finite")
    if bias and logits.ndim == 2:
        raise ValueError("a bias is fitted for binary logits (N,) only")
    values = logits.detach().double()
    truth = target.detach().double() if logits.ndim == 1 else target.detach().long()
    span = MAX_TEMPERATURE / MIN_TEMPERATURE

    def scale(position: Tensor) -> Tensor:
        """1 / temperature, kept between its bounds, geometric in between; position 0 is a temperature of 1."""
        return (1.0 / MAX_TEMPERATURE) * span ** torch.sigmoid(position)

    position = torch.zeros((), dtype=torch.float64, device=values.device, requires_grad=True)
    shift = torch.zeros((), dtype=torch.float64, device=values.device, requires_grad=bias)
    parameters = [position, shift] if bias else [position]
    optimiser = torch.optim.LBFGS(parameters, max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        scaled = values * scale(position) + shift
        if values.ndim == 1:
            loss = functional.binary_cross_entropy_with_logits(scaled, truth)
        else:
            loss = functional.cross_entropy(scaled, truth)
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)
    return float(1.0 / scale(position.detach())), float(shift.detach())


def expected_calibration_error(probability: Tensor, outcome: Tensor, *, bins: int = 15) -> float:
    """Mean distance between how sure a model was and how often it was right, over bins of equal width.

    Args:
        probability: (N,) in [0, 1]: of the positive class, or of the class that was chosen.
        outcome: (N,) in {0, 1}: the label, or whether the choice was right.
        bins: how many.

    Returns:
        In [0, 1]; 0.0 is perfect.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    if probability.ndim != 1 or outcome.shape != probability.shape:
        raise ValueError(
            f"probability and outcome must be (N,), got {tuple(probability.shape)} and {tuple(outcome.shape)}"
        )
    if not len(probability):
        raise ValueError("a calibration error needs at least one sample")
    sure, right = probability.detach().double(), outcome.detach().double()
    if bool(((sure < 0) | (sure > 1) | sure.isnan()).any()):
        raise ValueError("probabilities must lie in [0, 1]; pass logits through a sigmoid or softmax first")
    index = (sure * bins).long().clamp(max=bins - 1)
    gap = torch.zeros(bins, dtype=torch.float64, device=sure.device).index_add_(0, index, sure - right)
    return float(gap.abs().sum() / len(sure))


class Calibration(nn.Module):
    """Temperature and bias of each output, as buffers: saved with the head, and no optimiser moves them.

    Attributes:
        temperature: (K,), 1 until fitted.
        bias: (K,), 0 until fitted.
    """

    temperature: Tensor
    bias: Tensor

    def __init__(self, outputs: int) -> None:
        """Start without effect.

        Args:
            outputs: K, how many outputs are calibrated each for itself.
        """
        super().__init__()
        self.register_buffer("temperature", torch.ones(outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, logits: Tensor, dim: int = -1) -> Tensor:
        """Calibrated logits, of the shape that came; `dim` counts the outputs."""
        shape = [1] * logits.ndim
        shape[dim] = -1
        return logits / self.temperature.view(shape).to(logits.dtype) + self.bias.view(shape).to(logits.dtype)

    @torch.no_grad()
    def set(self, output: int, temperature: float, bias: float = 0.0) -> None:
        """Take over what `fit_temperature` found for one output."""
        if not temperature > 0:
            raise ValueError(f"a temperature must be above 0, got {temperature}")
        self.temperature[output] = temperature
        self.bias[output] = bias
