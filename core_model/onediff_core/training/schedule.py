"""How far a run is, and the learning rate that goes with it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Budget:
    """What a run may use up: minutes on the clock, or steps. Exactly one of the two.

    Attributes:
        minutes: of wall time, those before an interruption included.
        steps: of the optimiser.
        elapsed: seconds that were used before this process.
    """

    minutes: float | None = None
    steps: int | None = None
    elapsed: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Check that it ends."""
        if (self.minutes is None) == (self.steps is None):
            raise ValueError(f"a run has minutes or steps, got minutes={self.minutes} and steps={self.steps}")
        if (self.minutes if self.minutes is not None else self.steps or 0) <= 0:
            raise ValueError("minutes or steps must be above 0")

    @property
    def seconds(self) -> float:
        """Wall time so far, over all processes of the run."""
        return self.elapsed + time.monotonic() - self._started

    def progress(self, step: int) -> float:
        """From 0 at the start to 1, when the run is over.

        Args:
            step: how many are done.
        """
        used = self.seconds / (60 * self.minutes) if self.minutes is not None else step / (self.steps or 1)
        return min(1.0, used)


def learning_rate(progress: float, step: int, warm_up: int) -> float:
    """Share of the highest learning rate: a linear warm-up by step, a cosine to zero by progress.

    Args:
        progress: in [0, 1].
        step: how many are done.
        warm_up: steps until the highest rate.
    """
    return min(1.0, (step + 1) / max(1, warm_up)) * 0.5 * (1 + math.cos(math.pi * progress))
