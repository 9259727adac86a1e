"""What a task is to the loop: batches, losses, scores, and a calibration at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.utils.data import Dataset

    from onediff_core.data import Sample
    from onediff_core.training.head.base import FrozenBase
    from onediff_core.training.head.settings import HeadSettings


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a task is made of.

    Attributes:
        base: that the head is trained on.
        classes: of the head.
        training: samples that are learned from.
        held_out: samples that are scored.
        settings: of the run.
        upright: whether pictures are never turned.
        swapped: whether pairs are also read backwards.
    """

    base: FrozenBase
    classes: tuple[str, ...]
    training: Sequence[Sample]
    held_out: Sequence[Sample]
    settings: HeadSettings
    upright: bool
    swapped: bool


class Task(Protocol):
    """One of "mask", "pair" and "region".

    Attributes:
        pairs: what is learned from, by number and without end.
    """

    @property
    def pairs(self) -> Dataset[dict[str, Tensor]]: ...  # noqa: D102

    def losses(self, head: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name -> scalar; their sum is minimised."""

    def scores(self, head: Any) -> dict[str, float]:
        """Name -> value on what is held out; the head is in `eval` mode."""

    def merit(self, scores: Mapping[str, float]) -> float:
        """How good scores are in all: the higher the better."""

    def calibrate(self, head: Any) -> None:
        """Set the head's calibration from what is held out, so that 0.5 is where it decides best."""
