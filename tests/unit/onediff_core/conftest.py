"""The smallest models of every kind, with random weights from a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import AutoBackbone, AutoModelForCausalLM

from onediff_core import OneDiffConfig, OneDiffForConditionalGeneration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SENTENCES = "describe what changed from the first image to second user assistant : . a house was built removed nothing"
VOCABULARY = ("<s>", "</s>", "<unk>", *SENTENCES.split(" "))

# One of each family. Sides of images, patches and strides stay as small as the architectures allow.
TOWERS: dict[str, dict[str, Any]] = {
    "clip": {
        "model_type": "clip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 7,
    },
    "siglip": {
        "model_type": "siglip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 7,
    },
    "siglip2": {
        "model_type": "siglip2_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_patches": 16,
        "patch_size": 7,
    },
    "dinov2": {
        "model_type": "dinov2",
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 7,
    },
    "convnextv2": {
        "model_type": "convnextv2",
        "hidden_sizes": [8, 16, 24, 32],
        "depths": [1, 1, 1, 1],
        "num_stages": 4,
        "image_size": 64,
    },
    "swin": {
        "model_type": "swin",
        "embed_dim": 8,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 2, 2, 4],
        "window_size": 2,
        "image_size": 64,
    },
    "efficientnet_lite": {
        "model_type": "efficientnet_lite",
        "stem_size": 8,
        "hidden_sizes": [8, 12, 16, 24],
        "depths": [1, 1, 1, 1],
        "strides": [1, 2, 2, 2],
        "kernel_sizes": [3, 3, 3, 5],
        "expand_ratios": [1, 2, 2, 2],
        "out_indices": [1, 2, 3, 4],
    },
}
DELTA: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "num_delta_tokens": 5,
}
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": len(VOCABULARY),
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}


@pytest.fixture(autouse=True)
def same_weights_every_time() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def make_config() -> Callable[..., OneDiffConfig]:
    """A tiny configuration, called with the name of a tower's family, a memory and any fields."""

    def make(tower: str = "clip", memory: str = "states", **fields: Any) -> OneDiffConfig:
        delta = {**DELTA, "memory": memory, **fields.pop("delta", {})}
        text = {**LLAMA, **fields.pop("text", {})}
        return OneDiffConfig(vision_config=dict(TOWERS[tower]), delta_config=delta, text_config=text, **fields)

    return make


@pytest.fixture
def base(make_config: Callable[..., OneDiffConfig], tmp_path: Path) -> dict[str, Path]:
    """Folders of a tower with BatchNorm and of a language model."""
    config = make_config("efficientnet_lite")
    folders = {"vision": tmp_path / "tower", "text": tmp_path / "words"}
    AutoBackbone.from_config(config.vision_config).save_pretrained(folders["vision"])
    AutoModelForCausalLM.from_config(config.text_config).save_pretrained(folders["text"])
    return folders


@pytest.fixture
def make_model(make_config: Callable[..., OneDiffConfig]) -> Callable[..., OneDiffForConditionalGeneration]:
    """A tiny model with random weights, which may speak."""

    def make(*args: Any, trained_stages: tuple[str, ...] = ("cst",), **fields: Any) -> OneDiffForConditionalGeneration:
        config = make_config(*args, trained_stages=trained_stages, **fields)
        return OneDiffForConditionalGeneration(config).eval()

    return make


@pytest.fixture
def make_inputs() -> Callable[..., dict[str, torch.Tensor]]:
    """Random pairs and prompts for a model: placeholders, then words, a different number for each row, padded left."""

    def make(
        model: Any, pairs: int = 2, size: tuple[int, int] | None = None, words: int = 4
    ) -> dict[str, torch.Tensor]:
        config = model.config
        side = getattr(config.vision_config, "image_size", 28)
        height, width = size or (side, side)
        pixels = torch.randn(pairs, 2, 3, height, width)
        visual = model.model(pixels).visual_tokens.shape[1]
        shared = [0, *[config.pair_token_id] * visual, *[config.delta_token_id] * config.delta_config.num_delta_tokens]
        rows = [[*shared, *torch.randint(3, len(VOCABULARY), (words + row,)).tolist()] for row in range(pairs)]
        longest = max(map(len, rows))
        ids = torch.tensor([[1] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        return {"pixel_values": pixels, "input_ids": ids, "attention_mask": mask}

    return make


@pytest.fixture
def tokenizer() -> Any:
    """Words of VOCABULARY; without a token for padding."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word: index for index, word in enumerate(VOCABULARY)}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture
def picture_pair() -> tuple[np.ndarray, np.ndarray]:
    """Noise of 40 x 50 pixels, and the same with a dark bar."""
    before = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    after = before.copy()
    after[10:20] = 0
    return before, after
