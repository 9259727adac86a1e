"""What OneDiff models answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

    from onediff_core.features import DeltaFeatures


@dataclass
class OneDiffModelOutput(ModelOutput):
    """What the language model is told about each pair.

    Attributes:
        visual_tokens: (B, V, D) projected cells of both images, D the language model's width.
        visual_mask: (B, V) bool, False for cells of padding; None where there is none.
        delta_tokens: (B, Q, D) projected delta tokens.
        delta: the same before projection, and the dense delta features.
    """

    visual_tokens: Tensor
    visual_mask: Tensor | None = None
    delta_tokens: Any = None
    delta: Any = None

    def repeated(self, times: int) -> OneDiffModelOutput:
        """The tokens of each pair so many times in a row, as `generate` repeats prompts; `delta` stays as it is."""
        return OneDiffModelOutput(
            visual_tokens=self.visual_tokens.repeat_interleave(times, 0),
            visual_mask=None if self.visual_mask is None else self.visual_mask.repeat_interleave(times, 0),
            delta_tokens=self.delta_tokens.repeat_interleave(times, 0),
            delta=self.delta,
        )


@dataclass
class OneDiffCausalLMOutput(CausalLMOutputWithPast):
    """What the language model answers, and the delta features that it was told of.

    Attributes:
        delta: how the images of each pair differ; None in steps that were given no pixels.
    """

    delta: DeltaFeatures | None = None
