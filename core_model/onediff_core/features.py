"""What the Visual Delta Module hands to the heads and to the language model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class DenseShape(NamedTuple):
    """Shape of a model's delta features, which heads are built for.

    Attributes:
        channels: of each dense map, finest first.
        strides: image pixels per cell of each dense map, finest first.
        token_size: channels of the delta tokens.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    token_size: int


@dataclass(frozen=True, kw_only=True, eq=False)
class DeltaFeatures:
    """How two images differ, as tokens and as maps.

    Attributes:
        tokens: (B, Q, D) delta tokens, for the language model and for pair-level heads; (B, 0, D) where none were made.
        dense: one map per dense tap, finest first, each (B, C_l, H_l, W_l), on the after image's grid; for dense heads.
        image_size: (H, W) in pixels of the images that they were made from; each map covers all of it.
        image_mask: (B, H, W) bool, False where an image was padded to share a batch, or None where none was.
    """

    tokens: Tensor
    dense: tuple[Tensor, ...]
    image_size: tuple[int, int]
    image_mask: Tensor | None = None

    def detached(self) -> DeltaFeatures:
        """The same values without a way back for gradients: what heads on a frozen base are trained on."""
        return replace(self, tokens=self.tokens.detach(), dense=tuple(level.detach() for level in self.dense))
