"""The models that the figure shows, on the meta device: shapes and sizes without a single number computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from onediff_core import OneDiffConfig, OneDiffForConditionalGeneration
from onediff_core.configuration_onediff import has_stages
from onediff_core.presets import onediff_tiny_config

if TYPE_CHECKING:
    from torch import nn

    from onediff_core.outputs_onediff import OneDiffModelOutput
    from onediff_core.tower import Tap


@dataclass
class Shown:
    """A model of which nothing is computed but shapes.

    Attributes:
        look: class of its numbers in the drawing.
        config: what it is made of.
        side: pixels of the square images.
    """

    look: str
    config: OneDiffConfig
    side: int

    def __post_init__(self) -> None:
        """Let a pair of blank images through."""
        with torch.device("meta"):
            self.model = OneDiffForConditionalGeneration(self.config).eval()
            images = torch.zeros(1, 2, 3, self.side, self.side)
            self.taps: dict[int, Tap] = self.model.model.encode(images)[0]
            self.seen: OneDiffModelOutput = self.model.model(images)

    @property
    def memory(self) -> str:
        """States that the delta tokens read, and their width."""
        states = [self.taps[k].states for k in self.config.delta_config.taps]
        count = sum(state.shape[1] * state.shape[2] for state in states)
        each = " + ".join(dict.fromkeys(str(state.shape[2]) for state in states))
        if len({state.shape[2] for state in states}) == 1:
            return f"{count} states: {len(states)} taps × 2 images × {each}"
        return f"{count} states: 2 images × ({each})"

    @property
    def dense(self) -> list[str]:
        """Shape of each map for heads, those of one shape on one line."""
        lines: dict[tuple[int, ...], list[int]] = {}
        for k, level in zip(self.config.delta_config.dense_taps, self.seen.delta.dense, strict=True):
            lines.setdefault(tuple(level.shape[1:]), []).append(k)
        what = "stage" if has_stages(self.config.vision_config) else "layers"
        return [
            f"{what} {', '.join(map(str, taps))}: {channels} × {height} × {width}"
            for (channels, height, width), taps in lines.items()
        ]


Both = tuple[Shown, Shown]


def millions(*modules: nn.Module) -> str:
    """Parameters, such as "303.5 M"."""
    count = sum(parameter.numel() for module in modules for parameter in module.parameters()) / 1e6
    return f"{count:.0f} M" if count >= 100 else f"{count:.1f} M"


def shape(tensor: torch.Tensor) -> str:
    """Without the batch: "32 × 768"."""
    return " × ".join(map(str, tensor.shape[1:]))


def models() -> Both:
    """The paper's model, and ours for CPUs."""
    return Shown("paper", OneDiffConfig(), 336), Shown("tiny", onediff_tiny_config(), 256)
