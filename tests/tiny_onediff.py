"""The smallest OneDiff with every kind of head, as a folder: for tests that need one on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from onediff_core import HeadSpec, OneDiffConfig, OneDiffForConditionalGeneration, OneDiffProcessor
from onediff_core.checkpoint import save_checkpoint
from onediff_core.heads import build_head
from onediff_core.losses import binary_cross_entropy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onediff_core import OneDiffModel
    from onediff_core.heads.base import Head

TOWER = {
    "model_type": "efficientnet_lite",
    "stem_size": 8,
    "hidden_sizes": [8, 12, 16, 24],
    "depths": [1, 1, 1, 1],
    "strides": [1, 2, 2, 2],
    "kernel_sizes": [3, 3, 3, 5],
    "expand_ratios": [1, 2, 2, 2],
    "out_indices": [1, 2, 3, 4],
}
DELTA = {
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "num_delta_tokens": 4,
    "taps": (3, 4),
    "dense_taps": (1, 2, 3, 4),
}
TEXT = {
    "model_type": "llama",
    "vocab_size": 260,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
SQUARE = HeadSpec(
    name="any.square",
    task="mask",
    classes=("square+", "square-"),
    kinds={"square+": "added", "square-": "removed"},
)
CHANGED = HeadSpec(name="any.changed", task="pair", classes=("changed",))
THING = HeadSpec(name="any.thing", task="region", classes=("thing", "stuff"))


def save(
    folder: Path,
    *,
    seed: int = 0,
    learn: bool = False,
    trained_stages: tuple[str, ...] = ("test",),
    tokenizer: bool = True,
    size: tuple[int, int] | None = None,
    heads: Sequence[HeadSpec] = (SQUARE, CHANGED),
    card: str | None = "---\nlicense: apache-2.0\n---\nFor tests.\n",
    **changes: Any,
) -> Path:
    """Make one and save it.

    Args:
        folder: where.
        seed: another one is another base.
        learn: whether the mask head learns for a moment what a bright square is.
        trained_stages: empty for a language model that refuses to speak.
        tokenizer: False for one that only detects.
        size: of the image processor.
        heads: what lies beside it; a pair head looks at the first mask head.
        card: text of the model card.
        **changes: for `build_head`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = OneDiffConfig(
            vision_config=dict(TOWER), delta_config=dict(DELTA), text_config=dict(TEXT), trained_stages=trained_stages
        )
        model = OneDiffForConditionalGeneration(config).eval()
        processor = OneDiffProcessor.for_model(model, _bytes(), size=size)
        shape = model.model.dense_shape()._asdict()
        mask = next((spec.name for spec in heads if spec.task == "mask"), None)
        built = [
            build_head(spec, **shape, **({"evidence": mask} if spec.task == "pair" else {}), **changes)
            for spec in heads
        ]
        if learn:
            _learn_squares(model.model, built[0])
    return save_checkpoint(
        folder, model, processor if tokenizer else processor.image_processor, [head.eval() for head in built], card=card
    )


def _bytes() -> PreTrainedTokenizerFast:
    alphabet = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def _learn_squares(base: OneDiffModel, head: Head) -> None:
    """Bright squares on noise that come, go or stay; colours as the image processor hands them over."""
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    head.train()
    for _ in range(60):
        pixels, masks = _squares()
        with torch.no_grad():
            features = base.dense_features(pixels)
        loss = binary_cross_entropy(head(features), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _squares(pairs: int = 4, side: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, 2, 3, H, W) in about [-1, 1], and the masks (B, 2, H, W) of squares that came and that went."""
    scene = torch.rand(pairs, 1, 3, 1, 1) * 0.8 - 0.4 + torch.randn(pairs, 1, 3, side, side) * 0.05
    pixels, masks = scene.repeat(1, 2, 1, 1, 1), torch.zeros(pairs, 2, side, side)
    for pair in range(pairs):
        for moment, channel in ((1, 0), (0, 1)):
            size = int(torch.randint(12, 40, ()))
            y, x = (int(torch.randint(0, side - size, ())) for _ in range(2))
            pixels[pair, moment, :, y : y + size, x : x + size] = 0.9
            masks[pair, channel, y : y + size, x : x + size] = 1
    both = masks.amin(1, keepdim=True)
    return pixels, masks * (1 - both)
