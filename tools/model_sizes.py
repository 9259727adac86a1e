"""What the presets weigh, as the tables of docs/model.md.

    python tools/model_sizes.py

Parts are counted on torch's meta device: nothing is downloaded and no weight is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from onediff_core import OneDiffConfig, OneDiffForConditionalGeneration
from onediff_core.heads import build_head
from onediff_core.presets import RECIPES, onediff_tiny_config
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

HEADS: Final = (
    HeadSpec(name="any.mask", task="mask", classes=("building+", "building-", "landcover", "object")),
    HeadSpec(name="any.region", task="region", classes=("building", "landcover", "object")),
    HeadSpec(name="any.changed", task="pair", classes=("changed",)),
)

SIGLIP2_SO400M_384: Final[dict[str, Any]] = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 16,
}
QWEN3_1_7B: Final[dict[str, Any]] = {
    "model_type": "qwen3",
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151_936,
    "tie_word_embeddings": True,
}
# The configurations of the recipes' parts, which are on the hub.
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "onediff-7b": {},  # the defaults are the paper's parts
    "onediff-2b": {"vision_config": SIGLIP2_SO400M_384, "text_config": QWEN3_1_7B},
}
# Bytes a parameter: bfloat16 as it is; and with its gradient, a float32 copy and AdamW's two moments beside it.
_HELD, _TRAINED = 2, 2 + 2 + 4 + 4 + 4
_GIB: Final = 2**30


def on_meta(config: OneDiffConfig) -> OneDiffForConditionalGeneration:
    """A model without memory."""
    with torch.device("meta"):
        return OneDiffForConditionalGeneration(config)


def recipe_model(name: str) -> OneDiffForConditionalGeneration:
    """What a recipe makes, without memory."""
    return on_meta(OneDiffConfig(**SHAPES[name], delta_config=dict(RECIPES[name].delta_config)))


def parameters(*modules: nn.Module) -> int:
    """Weights that are counted once, however often they are used."""
    return sum(weight.numel() for module in modules for weight in module.parameters())


def parts(model: OneDiffForConditionalGeneration) -> dict[str, int]:
    """Parameters of each part of a model."""
    return {
        "tower": parameters(model.model.vision_tower),
        "delta module": parameters(model.model.delta),
        "projectors": parameters(model.model.projector, model.model.delta_projector),
        "language model": parameters(model.language_model),
    }


def tiny_table() -> str:
    """The parts of `onediff-tiny`, heads included."""
    model = OneDiffForConditionalGeneration(onediff_tiny_config())
    shape = model.model.dense_shape()._asdict()
    heads = {
        f"{spec.task} head, {len(spec.classes)} class{'es' * (len(spec.classes) > 1)}": parameters(
            build_head(spec, **shape)
        )
        for spec in HEADS
    }
    counted = {**parts(model), **heads}
    lines = [(name, f"{number / 1e6:.2f} M") for name, number in counted.items()]
    return _table(("part", "parameters"), [*lines, ("all", f"{sum(counted.values()) / 1e6:.2f} M")])


def recipe_table() -> str:
    """Parameters and memory of the recipes."""
    lines = []
    for name in RECIPES:
        model = recipe_model(name)
        counted = parts(model)
        learning = counted["delta module"] + counted["projectors"]
        every = sum(counted.values())
        memory = (_HELD * every, _HELD * (every - learning) + _TRAINED * learning, _TRAINED * every)
        lines.append(
            (
                f"`{name}`",
                *(f"{number / 1e9:.2f}" for number in (*counted.values(), every)),
                *(f"{size / _GIB:.1f}" for size in memory),
            )
        )
    return _table(
        ("recipe", *(f"{part}, 10⁹" for part in (*counted, "all")), "held, GiB", "stage 1, GiB", "stage 2, GiB"), lines
    )


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *lines))


if __name__ == "__main__":
    print(tiny_table(), recipe_table(), sep="\n\n")
