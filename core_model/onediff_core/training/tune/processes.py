"""Several processes that learn together: `accelerate` starts and connects them, and a step is what one would make.

A step's examples are dealt out, gradients are summed, and each process then takes the same step. So a run has the same
losses on one process and on eight, and goes on with another number of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from onediff_core.errors import TrainingError
from onediff_plugins.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

_PATIENCE = timedelta(hours=2)  # while one process scores and the others wait


class Processes:
    """All processes of a run.

    Attributes:
        count: how many there are.
        index: of this one.
        device: of this one.
    """

    def __init__(self, device: str) -> None:
        """Join the others, where `accelerate launch` or `torchrun` started some.

        Args:
            device: "cpu", or "cuda" and the like: each process takes one of them.

        Raises:
            MissingDependencyError: the package accelerate is not installed.
        """
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise MissingDependencyError("accelerate", "onediff train tune", "onediff-core[tune]") from error
        state: Any = PartialState(cpu=device == "cpu", timeout=_PATIENCE)
        self._state = state
        self.count, self.index, self.device = state.num_processes, state.process_index, state.device

    @property
    def leads(self) -> bool:
        """Whether this one writes and scores."""
        return bool(self.index == 0)

    def agree(self, record: Mapping[str, Any]) -> None:
        """Refuse to learn together with processes that were told something else.

        Args:
            record: name -> JSON value.

        Raises:
            TrainingError: in every process; what differs is named.
        """
        if self.count == 1:
            return
        from accelerate.utils import gather_object

        every: list[dict[str, Any]] = gather_object([dict(record)])
        for index, other in enumerate(every):
            names = sorted(name for name in {*every[0], *other} if every[0].get(name) != other.get(name))
            if names:
                raise TrainingError(
                    f"process {index} was told another {', '.join(names)} than process 0: start all of them with the "
                    "same recipe and options"
                )

    def same(self, value: float) -> float:
        """The first process's value, in all."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(told, 0)
        return float(told)

    def total(self, value: float) -> float:
        """The sum of all processes' values."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.all_reduce(told)
        return float(told)

    def sum_gradients(self, weights: Iterable[Tensor]) -> None:
        """Add up the gradients of all processes, in all."""
        if self.count == 1:
            return
        for value in weights:
            if value.grad is None:  # as in a process whose examples did not need it
                value.grad = torch.zeros_like(value)
            distributed.all_reduce(value.grad)

    def wait(self) -> None:
        """Until all are here."""
        self._state.wait_for_everyone()

    def close(self) -> None:
        """Leave the others, at the end."""
        self._state.destroy_process_group()
