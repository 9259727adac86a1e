"""The loop that all stages share: steps, a moving average, a log, scores now and then, and a state to go on from."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad_norm_

from onediff_core.training.checkpointing import load_state, save_state
from onediff_core.training.logs import RunLog, plot_curves
from onediff_core.training.optimisation import moving_average
from onediff_core.training.schedule import learning_rate
from onediff_core.training.settings import SETTINGS_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from onediff_core.training.schedule import Budget
    from onediff_core.training.settings import LoopSettings


class Loop(ABC):
    """One run of a stage, from its first step or from its last state.

    A stage says what a batch is, what is lost on it, and how the averaged weights are scored.

    Attributes:
        step: of the optimiser, how many are done.
        seen: examples so far; those of the next batch are numbered from here on.
        average: the moving average of the weights, which is scored and exported.
    """

    def __init__(
        self,
        folder: Path,
        network: nn.Module,
        groups: Sequence[Mapping[str, Any]],
        settings: LoopSettings,
        budget: Budget,
        about: Mapping[str, Any],
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            network: with the weights that a new run starts from.
            groups: of its parameters, as `optimisation.grouped` makes them.
            settings: of the run; those of a run that goes on must be the same.
            budget: when it is over.
            about: what else makes the run what it is, kept and compared with the settings.

        Raises:
            ValueError: the folder holds a run with other settings.
        """
        folder.mkdir(parents=True, exist_ok=True)
        _keep_settings(folder / SETTINGS_NAME, settings, about)
        self.folder, self.network, self.budget = folder, network, budget
        self.loop_settings = settings
        self.average = moving_average(network, settings.average)
        self.optimiser = torch.optim.AdamW(list(map(dict, groups)), betas=settings.betas, fused=True)
        self.step, self.seen = 0, 0
        self._restore(load_state(folder))

    @abstractmethod
    def batches(self, phase: int) -> Iterator[Any]:
        """Batches without end, whose first example has the number `seen`.

        Args:
            phase: which part of the run it is, as `phase` says.
        """

    @abstractmethod
    def losses(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised, and the losses by name that the log gets.

        Args:
            batch: of `batches`.
            progress: in [0, 1).
        """

    @abstractmethod
    def size(self, batch: Any) -> int:
        """Examples in a batch."""

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """The scores of the averaged weights, as `set/score`."""

    def phase(self, progress: float) -> int:
        """Which part of the run it is: batches are made anew where it changes."""
        return 0

    def train(self) -> None:
        """Go on until the budget is used up."""
        settings = self.loop_settings
        with RunLog(self.folder, resume_at=self.step) as log:
            last_saved = last_scored = time.monotonic()
            while (progress := self.budget.progress(self.step)) < 1:
                phase = self.phase(progress)
                for batch in self.batches(phase):
                    losses = self._learn(batch, progress)
                    if self.step % settings.log_every == 0:
                        log.write(self.step, self._figures(losses))
                    progress = self.budget.progress(self.step)
                    if progress >= 1 or self.phase(progress) != phase:
                        break
                    if time.monotonic() - last_saved >= settings.save_every_s:
                        self._save()
                        last_saved = time.monotonic()
                    if time.monotonic() - last_scored >= settings.score_every_s:
                        log.write(self.step, self.scores())
                        last_scored = time.monotonic()
            self._save()
            log.write(self.step, self.scores())
        plot_curves(self.folder)

    def _learn(self, batch: Any, progress: float) -> dict[str, Tensor]:
        """One step of the optimiser; the losses by name."""
        torch.manual_seed(self.loop_settings.seed + self.step)  # dropout of a run that goes on is what it would be
        self.network.train()
        factor = learning_rate(progress, self.step, self.loop_settings.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = factor * group["highest"]
        total, losses = self.losses(batch, progress)
        self.optimiser.zero_grad()
        total.backward()
        clip_grad_norm_(self.network.parameters(), self.loop_settings.clip)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        self.seen += self.size(batch)
        return {name: loss.detach() for name, loss in losses.items()}

    def precision(self) -> torch.autocast:
        """The context that the network runs in."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.loop_settings.precision == "bf16")

    def _figures(self, losses: Mapping[str, Tensor]) -> dict[str, float]:
        values = {f"loss/{name}": round(float(loss), 6) for name, loss in losses.items()}
        rate = max(group["lr"] for group in self.optimiser.param_groups)
        return {**values, "rate/head": rate, "pairs/seen": self.seen, "seconds": round(self.budget.seconds, 1)}

    def _save(self) -> None:
        save_state(
            self.folder,
            {
                "step": self.step,
                "seen": self.seen,
                "elapsed": self.budget.seconds,
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            },
        )

    def _restore(self, state: Mapping[str, Any] | None) -> None:
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seen, self.budget.elapsed = state["step"], state["seen"], state["elapsed"]


def _keep_settings(path: Path, settings: LoopSettings, about: Mapping[str, Any]) -> None:
    """Write what a run is made with beside it, or hold it against what it was begun with."""
    record = {**about, **settings.model_dump(mode="json")}
    if not path.is_file():
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return
    begun = {**type(settings)().model_dump(mode="json"), **json.loads(path.read_text(encoding="utf-8"))}
    differing = sorted(name for name in {*begun, *record} if begun.get(name) != record.get(name))
    if differing:
        raise ValueError(f"{path} is of a run with other {', '.join(differing)}: name a new folder, or go on as it was")
