"""The loop of every stage: steps, and now and then a line of the log, a state on disk and scores."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from onediff_core.training.learner import Learner
from onediff_core.training.logs import NoLog, RunLog, plot_curves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

    from onediff_core.training.settings import StageSettings


class StageRun(Learner, ABC):
    """One run of a stage; a stage says what its batches are and what one step learns from one."""

    settings: StageSettings

    def go_on(self, score: Callable[[], Mapping[str, float]]) -> None:
        """Learn until the budget is used up, then score, and draw the curves.

        Args:
            score: the averaged weights, as `set/score`.
        """
        settings = self.settings
        with RunLog(self.folder, resume_at=self.step) if self.leads else NoLog() as log:
            last_saved = last_scored = time.monotonic()
            while (progress := self.progress) < 1:
                phase = self._phase(progress)
                for batch in self._batches(phase):
                    losses = self._learn(self._placed(batch), progress)
                    if self.step % settings.log_every == 0:
                        log.write(self.step, self.figures(losses))
                    progress = self.progress
                    if progress >= 1 or self._phase(progress) != phase:
                        break
                    if self.agreed(time.monotonic() - last_saved >= settings.save_every_s):
                        self.save()
                        last_saved = time.monotonic()
                    if self.leads and time.monotonic() - last_scored >= settings.score_every_s:
                        log.write(self.step, score())
                        last_scored = time.monotonic()
            self.save()
            if self.leads:
                log.write(self.step, score())
        if self.leads:
            plot_curves(self.folder)

    def _placed(self, batch: Any) -> Any:
        """A batch on the device."""
        return {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}

    def _phase(self, progress: float) -> int:
        """Which part of the run it is: batches are made anew where it changes."""
        return 0

    @abstractmethod
    def _batches(self, phase: int) -> Iterator[Any]:
        """Batches without end, whose first example has the number `seen`."""

    @abstractmethod
    def _learn(self, batch: Any, progress: float) -> dict[str, Tensor]:
        """One step of the optimiser; the losses by name."""
