"""What every run shares: an optimiser on a schedule, a moving average of the weights, and a state on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn.utils import clip_grad_norm_

from onediff_core.errors import TrainingError
from onediff_core.training.checkpointing import load_state, save_state
from onediff_core.training.network import moving_average
from onediff_core.training.schedule import learning_rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from onediff_core.training.schedule import Budget
    from onediff_core.training.settings import LearningSettings

BAD_BATCH_NAME: Final = "bad-batch.pt"
CPU: Final = torch.device("cpu")


class Learner:
    """A network that is trained in a folder, from its first step or from its last state.

    Attributes:
        folder: of the run.
        network: what is trained.
        average: its moving average, which is scored and kept.
        step: steps that are done.
        seen: pairs that were learned from.
        device: where it learns; a run may go on on another one.
        leads: whether this process writes and scores; of several that learn together one does.
    """

    leads = True

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        groups: list[dict[str, Any]],
        settings: LearningSettings,
        budget: Budget,
        device: torch.device = CPU,
    ) -> None:
        """Start at the first step.

        Args:
            folder: of the run; there already.
            network: with the weights that a new run starts from; moved to the device.
            groups: of `parameter_groups`.
            settings: of the run.
            budget: when it is over.
            device: of `torch_device`.
        """
        self.folder, self.budget, self.device = folder, budget, device
        network.to(device)
        self.average = moving_average(network, settings.average)
        self.optimiser = self._optimiser(groups, settings)
        self.step, self.seen = 0, 0
        self._network, self._learning = network, settings

    def _optimiser(self, groups: list[dict[str, Any]], settings: LearningSettings) -> torch.optim.Optimizer:
        return torch.optim.AdamW(groups, betas=settings.betas, fused=True)

    def agreed(self, wanted: bool) -> bool:
        """Whether to do what the clock says; of several processes the one that leads has the clock."""
        return wanted

    @property
    def progress(self) -> float:
        """From 0 at the start to 1, when the run is over."""
        return self.budget.progress(self.step)

    def descend(self, loss: Tensor, progress: float, batch: Mapping[str, Tensor]) -> None:
        """One step of the optimiser.

        Args:
            loss: scalar, with a way back to the network.
            progress: where in the run this step stands, in [0, 1].
            batch: what the loss is of; its first dimension counts pairs.

        Raises:
            TrainingError: the loss is not finite; the batch is saved beside the state of before.
        """
        self.refuse_infinite(loss, batch)
        self.optimiser.zero_grad()
        loss.backward()
        self.update(progress, pairs=len(next(iter(batch.values()))))

    def refuse_infinite(self, loss: Tensor, batch: Mapping[str, Tensor]) -> None:
        """Raise for a loss that is not finite.

        Args:
            loss: scalar.
            batch: what it is of.

        Raises:
            TrainingError: the batch is saved beside the state of before.
        """
        if not bool(loss.isfinite()):
            path = self.folder / BAD_BATCH_NAME
            torch.save(dict(batch), path)
            raise TrainingError(
                f"the loss of step {self.step + 1} is {float(loss.detach())}: its batch is in {path}. "
                "Look at its labels, or take a lower rate in a new folder"
            )

    def update(self, progress: float, *, pairs: int) -> None:
        """What follows the gradients of a step.

        Args:
            progress: where in the run this step stands, in [0, 1].
            pairs: that the gradients are of.
        """
        factor = learning_rate(progress, self.step, self._learning.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = factor * group["highest"]
        clip_grad_norm_(self._network.parameters(), self._learning.clip)
        self.optimiser.step()
        self.average.update_parameters(self._network)
        self.step += 1
        self.seen += pairs

    def figures(self, losses: Mapping[str, Tensor]) -> dict[str, float]:
        """What the log gets of a step."""
        values = {f"loss/{name}": round(float(loss), 6) for name, loss in losses.items()}
        rate = max(group["lr"] for group in self.optimiser.param_groups)
        return {**values, "rate/head": rate, "pairs/seen": self.seen, "seconds": round(self.budget.seconds, 1)}

    def precision(self) -> torch.autocast:
        """Autocast as the settings say."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._learning.precision == "bf16")

    def save(self, **more: Any) -> None:
        """Write the state of the run, with what a kind of run adds to it."""
        save_state(
            self.folder,
            {
                "step": self.step,
                "seen": self.seen,
                "elapsed": self.budget.seconds,
                "network": self._network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                **more,
            },
        )

    def restore(self) -> dict[str, Any]:
        """Take up the last state of the folder; all of it, or an empty dict where there is none."""
        state = load_state(self.folder)
        if state is None:
            return {}
        self._network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seen, self.budget.elapsed = state["step"], state["seen"], state["elapsed"]
        return state
