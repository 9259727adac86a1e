"""The loop of the dense stage, from its first step or from its last state."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad_norm_

from onediff_core.training.checkpointing import load_state, save_state
from onediff_core.training.evaluation import evaluate, flat
from onediff_core.training.logs import RunLog, plot_curves
from onediff_core.training.network import moving_average, parameter_groups
from onediff_core.training.objective import dense_losses, weighted_sum
from onediff_core.training.sampling import TrainingPairs, batches
from onediff_core.training.schedule import learning_rate
from onediff_core.training.settings import SETTINGS_NAME, DenseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from onediff_core.data import Sample
    from onediff_core.training.network import DenseNetwork
    from onediff_core.training.schedule import Budget
    from onediff_core.training.sources import Source


class Run:
    """One run of the dense stage, from its first step or from its last state."""

    def __init__(
        self, folder: Path, network: DenseNetwork, sources: Sequence[Source], settings: DenseSettings, budget: Budget
    ) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; made where it is missing.
            network: with the weights that a new run starts from.
            sources: what is learned from.
            settings: of the run; those of a run that goes on must be the same.
            budget: when it is over.

        Raises:
            ValueError: the folder holds a run with other settings or classes.
        """
        folder.mkdir(parents=True, exist_ok=True)
        _keep_settings(folder / SETTINGS_NAME, settings, network.head.config.classes)
        self.folder, self.network, self.sources = folder, network, sources
        self.settings, self.budget = settings, budget
        self.classes = network.head.config.classes
        self.average = moving_average(network, settings.average)
        self.optimiser = torch.optim.AdamW(
            parameter_groups(
                network,
                rate=settings.rate,
                tower_share=settings.tower_share,
                weight_decay=settings.weight_decay,
            ),
            betas=settings.betas,
            fused=True,
        )
        self.step, self.seen = 0, 0
        self._restore(load_state(folder))

    def train(self, validation: Mapping[str, Sequence[Sample]]) -> None:
        """Go on until the budget is used up.

        Args:
            validation: set -> samples that are scored now and then, and at the end.
        """
        with RunLog(self.folder, resume_at=self.step) as log:
            last_saved = last_scored = time.monotonic()
            while (progress := self.budget.progress(self.step)) < 1:
                late = progress >= self.settings.late_from
                for batch in self._batches(late):
                    losses = self._learn(batch, progress)
                    if self.step % self.settings.log_every == 0:
                        log.write(self.step, self._figures(losses))
                    progress = self.budget.progress(self.step)
                    if progress >= 1 or (progress >= self.settings.late_from) != late:
                        break
                    if time.monotonic() - last_saved >= self.settings.save_every_s:
                        self._save()
                        last_saved = time.monotonic()
                    if time.monotonic() - last_scored >= self.settings.score_every_s:
                        log.write(self.step, self.scores(validation))
                        last_scored = time.monotonic()
            self._save()
            log.write(self.step, self.scores(validation))
        plot_curves(self.folder)

    def scores(self, validation: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
        """The scores of the averaged weights."""
        network = self.average.module.eval()

        @torch.inference_mode()
        def probabilities(images: Tensor) -> Tensor:
            with self._precision():
                logits: Tensor = network(images)
            return logits.float().sigmoid()

        return flat({name: evaluate(probabilities, samples, self.classes) for name, samples in validation.items()})

    def _learn(self, batch: Mapping[str, Tensor], progress: float) -> dict[str, Tensor]:
        """One step of the optimiser; the losses of each group of classes."""
        settings = self.settings
        self.network.train()
        self.network.freeze_tower(settings.frozen if progress < settings.frozen_until else None)
        factor = learning_rate(progress, self.step, settings.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = factor * group["highest"]
        with self._precision():
            logits = self.network(batch["images"])
        losses = dense_losses(
            logits, batch, self.classes, border_px=settings.border_px, border_weight=settings.border_weight
        )
        self.optimiser.zero_grad()
        weighted_sum(losses).backward()
        clip_grad_norm_(self.network.parameters(), settings.clip)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        self.seen += len(batch["images"])
        return {group: loss.detach() for group, loss in losses.items()}

    def _batches(self, late: bool) -> Iterator[dict[str, Tensor]]:
        side, size = (
            (self.settings.late_crop, self.settings.late_batch) if late else (self.settings.crop, self.settings.batch)
        )
        pairs = TrainingPairs(self.sources, self.classes, side=side, seed=self.settings.seed)
        return batches(pairs, first=self.seen, size=size, workers=self.settings.workers)

    def _figures(self, losses: Mapping[str, Tensor]) -> dict[str, float]:
        values = {f"loss/{group}": round(float(loss), 6) for group, loss in losses.items()}
        rate = max(group["lr"] for group in self.optimiser.param_groups)
        seconds = self.budget.seconds
        return {**values, "rate/head": rate, "pairs/seen": self.seen, "seconds": round(seconds, 1)}

    def _precision(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.settings.precision == "bf16")

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


def _keep_settings(path: Path, settings: DenseSettings, classes: Sequence[str]) -> None:
    """Write what a run is made with beside it, or hold it against what it was begun with."""
    record = {"classes": list(classes), **settings.model_dump(mode="json")}
    if not path.is_file():
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return
    begun = {**DenseSettings().model_dump(mode="json"), **json.loads(path.read_text(encoding="utf-8"))}
    differing = sorted(name for name in {*begun, *record} if begun.get(name) != record.get(name))
    if differing:
        raise ValueError(f"{path} is of a run with other {', '.join(differing)}: name a new folder, or go on as it was")
