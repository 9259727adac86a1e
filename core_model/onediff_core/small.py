"""`onediff-small`, the smallest OneDiff whose tower and language model are both pretrained.

The paper's two training stages therefore mean on it what they mean in the paper. EfficientNet-Lite0 (ImageNet,
Apache-2.0) sees, SmolLM2-135M-Instruct (Apache-2.0) speaks; delta module and projector are new. Only they, and adapters
in the language model, are ours to train and to ship: see `onediff_core.adapters`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.loading import tokenizer
from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
from onediff_core.processing_onediff import OneDiffProcessor

if TYPE_CHECKING:
    import os

    from onediff_core.efficientnet_lite import EfficientNetLiteBackbone

SMALL_TEXT: Final = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Hub id of the language model."""

SMALL_SIDE: Final = 256
"""Sides in pixels of what `onediff-small` captions: 64 visual tokens a pair."""

# What is not named is the paper's. Width: delta tokens stand between states of 192 channels and words of 576; 256 is
# narrower than neither by more than the paper's 768 between 1024 and 4096 is, has BERT's 64 channels a head, and with
# the paper's six layers keeps all that is new under 16 MB in half precision. Taps are those of `onediff-tiny`.
SMALL_DELTA: Final[dict[str, Any]] = {
    "hidden_size": 256,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "taps": (5, 6),
    "dense_taps": (1, 2, 3, 5, 6),
}


def onediff_small(
    *,
    tower: EfficientNetLiteBackbone | str | os.PathLike[str],
    text: str | os.PathLike[str] = SMALL_TEXT,
    side: int = SMALL_SIDE,
    **delta: Any,
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """`onediff-small`, its delta module and projector untrained, and its processor.

    Args:
        tower: EfficientNet-Lite0 with its ImageNet weights, or the folder or hub id of one, as
            `convert_efficientnet_lite` writes it.
        text: hub id or folder of SmolLM2-135M-Instruct, or a GGUF file of it, which the package gguf reads.
        side: sides in pixels that images get before they are captioned, a multiple of 32.
        **delta: fields of OneDiffDeltaConfig that shall differ.

    Raises:
        CheckpointError: a folder holds pickled weights.
        MissingDependencyError: a GGUF file, and the package gguf is not installed.
    """
    model = OneDiffForConditionalGeneration.from_backbones(
        vision=tower, text=text, delta_config={**SMALL_DELTA, **delta}, visual_layer=6
    )
    return model, OneDiffProcessor.for_model(model, tokenizer(text), size=(side, side))
