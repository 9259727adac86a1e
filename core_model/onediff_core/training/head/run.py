"""The loop that trains a head: it ends by its budget, or when what is held out gets no better."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from onediff_core.training.learner import Learner
from onediff_core.training.logs import RunLog
from onediff_core.training.network import parameter_groups
from onediff_core.training.sampling import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from onediff_core.heads.base import Head
    from onediff_core.training.head.settings import HeadSettings
    from onediff_core.training.head.tasks import Task
    from onediff_core.training.schedule import Budget


class HeadRun(Learner):
    """One run of a head, from its first step or from its last state.

    Attributes:
        stale: scores in a row that were no better than the best.
    """

    def __init__(self, folder: Path, head: Head, task: Task, settings: HeadSettings, budget: Budget) -> None:
        """Take up the run of a folder.

        Args:
            folder: of the run; there already, its settings checked.
            head: with the weights that a new run starts from.
            task: what it learns.
            settings: of the run.
            budget: when it is over.
        """
        groups = parameter_groups(head.named_parameters(), rate=settings.rate, weight_decay=settings.weight_decay)
        super().__init__(folder, head, groups, settings, budget)
        self.head, self.task, self.settings = head, task, settings
        state = self.restore()
        self.stale: int = state.get("stale", 0)
        self._merit: float | None = state.get("merit")
        self._best: dict[str, Any] = state.get("best", {})

    def train(self, tell: Callable[[float, Mapping[str, float]], None]) -> Head:
        """Go on until the budget is used up or patience is.

        Args:
            tell: called after each step with the progress in [0, 1], and with the last scores.

        Returns:
            The head with the averaged weights that scored best, in `eval` mode.
        """
        with RunLog(self.folder, resume_at=self.step) as log:
            scores: Mapping[str, float] = {}
            last_saved = time.monotonic()
            pairs = batches(self.task.pairs, first=self.seen, size=self.settings.batch, workers=self.settings.workers)
            progress = self.progress
            while progress < 1 and self.stale < self.settings.patience:
                losses = self._learn(next(pairs), progress)
                progress = self.progress
                if self.step % self.settings.log_every == 0:
                    log.write(self.step, self.figures(losses))
                if self.step % self.settings.score_every == 0 or progress >= 1:
                    scores = self._score()
                    log.write(self.step, scores)
                if time.monotonic() - last_saved >= self.settings.save_every_s:
                    self._save()
                    last_saved = time.monotonic()
                tell(progress, scores)
            if self._merit is None:  # the minutes were over before the first step
                log.write(self.step, self._score())
            self._save()
        self.head.load_state_dict(self._best)
        return self.head.eval()

    def _learn(self, batch: Mapping[str, Tensor], progress: float) -> dict[str, Tensor]:
        """One step of the optimiser; the losses."""
        self.head.train()
        losses = self.task.losses(self.head, batch)
        self.descend(sum(losses.values(), start=next(iter(losses.values())).new_zeros(())), progress, batch)
        return {name: loss.detach() for name, loss in losses.items()}

    def _score(self) -> dict[str, float]:
        """Score the averaged weights, and keep them where they are the best so far."""
        averaged = self.average.module.eval()
        scores = self.task.scores(averaged)
        merit = self.task.merit(scores)
        self.stale += 1
        if self._merit is None or merit > self._merit:
            self._merit, self.stale = merit, 0
            self._best = {name: value.detach().cpu().clone() for name, value in averaged.state_dict().items()}
        return scores

    def _save(self) -> None:
        self.save(stale=self.stale, merit=self._merit, best=self._best)
