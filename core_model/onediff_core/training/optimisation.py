"""Groups of parameters for the optimiser, and the moving average of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


def grouped(parameters: Iterable[tuple[nn.Parameter, float]], *, weight_decay: float) -> list[dict[str, Any]]:
    """Groups for the optimiser, one a learning rate; norms and biases do not decay.

    Args:
        parameters: each with its highest learning rate.
        weight_decay: of matrices and kernels.

    Returns:
        Groups with `params`, `lr`, `highest` (the same, for the schedule) and `weight_decay`.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter, highest in parameters:
        groups.setdefault((highest, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": alike, "lr": highest, "highest": highest, "weight_decay": weight_decay if decays else 0.0}
        for (highest, decays), alike in sorted(groups.items(), key=lambda item: (-item[0][0], item[0][1]))
    ]


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of all weights and statistics, which follows faster in the first steps.

    Args:
        network: what is averaged; copied.
        decay: share of the old value in a late step.
    """

    @torch.no_grad()
    def update(averaged: Any, current: Any, count: Any) -> None:
        share = min(decay, (1 + int(count)) / (10 + int(count)))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - share)
        else:
            torch._foreach_copy_(averaged, current)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
