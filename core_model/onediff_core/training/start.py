"""What a run starts from: `onediff-tiny` with the ImageNet weights of its tower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights
from onediff_core.presets import onediff_tiny, tiny_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor


def starting_model(weights: Path | None = None) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """`onediff-tiny` with a tower that knows ImageNet and everything else new, and its processor.

    Args:
        weights: of the tower, as published; None for random ones.
    """
    return onediff_tiny(tiny_tokenizer(), tower=None if weights is None else load_imagenet_weights(weights))
