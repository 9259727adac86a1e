"""Times of rounds, and how they divide over the parts of a model."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import nn

    Wait = Callable[[], object]  # until an accelerator has done what it was told


class Spread(NamedTuple):
    """Median, least and largest of some rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))

    def text(self, scale: float = 1.0, digits: int = 0, unit: str = "") -> str:
        """Such as "52 ms (50 to 61)"."""
        median, low, high = (f"{value * scale:.{digits}f}" for value in self)
        return f"{median}{f' {unit}' if unit else ''} ({low} to {high})"


class Seconds(NamedTuple):
    """One call: on the clock, and of the processor. Where others use the cores too, the former waits for them."""

    wall: float
    cpu: float


def timed(call: Callable[[], object], wait: Wait = lambda: None) -> Seconds:
    """How long a call takes."""
    wait()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    wait()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def rounds(call: Callable[[], object], count: int, wait: Wait = lambda: None, *, warm_up: int = 2) -> list[Seconds]:
    """The times of some calls, after a few that are not counted."""
    for _ in range(warm_up):
        call()
    return [timed(call, wait) for _ in range(count)]


class PartClock:
    """Processor seconds that each part of a model takes within `with`, by hooks on its modules."""

    def __init__(self, parts: Mapping[str, Sequence[nn.Module]]) -> None:
        self.parts = parts
        self.seconds: dict[str, float] = dict.fromkeys(parts, 0.0)

    def __enter__(self) -> PartClock:
        self._hooks = []
        for name, modules in self.parts.items():
            for module in modules:
                self._hooks.append(module.register_forward_pre_hook(self._begin))
                self._hooks.append(module.register_forward_hook(self._end(name)))
        self._begun: dict[int, list[float]] = defaultdict(list)
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _begin(self, module: nn.Module, *_: object) -> None:
        self._begun[id(module)].append(time.process_time())

    def _end(self, name: str) -> Callable[..., None]:
        def end(module: nn.Module, *_: object) -> None:
            self.seconds[name] += time.process_time() - self._begun[id(module)].pop()

        return end
