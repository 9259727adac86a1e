"""Models to start from: `onediff-tiny`, which is ours and fits a CPU, and recipes for those of pretrained parts.

docs/model.md says what each costs. None of them is trained as a whole: that is what training is for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import torch
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from onediff_core.configuration_onediff import OneDiffConfig
from onediff_core.efficientnet_lite import EfficientNetLiteForImageClassification
from onediff_core.modeling_onediff import OneDiffForConditionalGeneration
from onediff_core.processing_onediff import OneDiffProcessor
from onediff_core.prompts import INSTRUCTIONS
from onediff_core.tokenizer import train_tokenizer

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

# --- onediff-tiny ---

TINY_SIDE: Final = 256
"""Sides in pixels of what `onediff-tiny` captions: 64 visual tokens a pair."""

TINY_VOCABULARY: Final = 1536
"""Tokens of its language model, the placeholders not counted."""

_SPOKEN = """
top bottom left right upper lower centre middle corner side edge north south east west
no one two three four five six seven eight nine ten some several many few all
added removed changed moved appeared disappeared built replaced nothing same unchanged
building buildings house houses road roads tree trees water land car person object area
button text image icon field price menu row card
red green blue yellow orange purple black white grey brown dark bright small large new
first second before after in on at of to from near the a and is are was were has have been
"""

TINY_WORDS: Final = tuple(_SPOKEN.split())
"""Sides, counts, kinds, and what is mostly spoken of: each is one token of `tiny_tokenizer`."""


def tiny_tokenizer(texts: Iterable[str] = (), *, size: int = TINY_VOCABULARY) -> PreTrainedTokenizerFast:
    """A tokenizer for `onediff-tiny`, which has whole words for TINY_WORDS and for what OneDiff is asked.

    Args:
        texts: what the model shall say; without any its vocabulary is little more than those words.
        size: at most so many tokens.
    """
    asked = " ".join(INSTRUCTIONS.values()).replace("{places}", "")
    words = {*TINY_WORDS, *re.findall(r"[a-z]+", f"{asked} user assistant".lower())}
    return train_tokenizer([asked, *texts], size=size, words=words)


def onediff_tiny_config(vocab_size: int = TINY_VOCABULARY, **delta: Any) -> OneDiffConfig:
    """What `onediff-tiny` is made of: 6.4 M parameters, 6.7 M with heads.

    The tower is EfficientNet-Lite0 up to its 192 channels at 1/32. Heads get the last stage of each scale, 1/2 to 1/32;
    delta tokens read 1/16 and 1/32 only, where there are few cells; the language model sees 1/32.

    Args:
        vocab_size: tokens of the language model.
        **delta: fields of OneDiffDeltaConfig that shall differ, such as `memory="gated"`.
    """
    return OneDiffConfig(
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
            **delta,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": vocab_size,
            "hidden_size": 192,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "num_key_value_heads": 6,
            "intermediate_size": 512,
            "max_position_embeddings": 1024,
            "tie_word_embeddings": True,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        visual_layer=6,
    )


def onediff_tiny(
    tokenizer: PreTrainedTokenizerBase,
    *,
    tower: EfficientNetLiteForImageClassification | str | os.PathLike[str] | None = None,
    side: int = TINY_SIDE,
    **delta: Any,
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """`onediff-tiny`, untrained, and its processor.

    Args:
        tokenizer: as `tiny_tokenizer` makes it.
        tower: EfficientNet-Lite0 with its ImageNet weights to start from, or the folder or hub id of one, as
            `convert_efficientnet_lite` writes it; None starts from random weights.
        side: sides in pixels that images get before they are captioned, a multiple of 32.
        **delta: as for `onediff_tiny_config`.
    """
    model = OneDiffForConditionalGeneration(onediff_tiny_config(len(tokenizer), **delta))
    if tower is not None:
        if not isinstance(tower, EfficientNetLiteForImageClassification):
            tower = EfficientNetLiteForImageClassification.from_pretrained(tower, use_safetensors=True)
        _start_tower(model.model.vision_tower, tower)
    processor = OneDiffProcessor.for_model(model, tokenizer, size=(side, side))
    model.eval()
    return model, processor


def _start_tower(tower: Any, classifier: Any) -> None:
    """Weights of the same stages; the tower ends before the classifier does."""
    theirs = classifier.base_model.encoder.state_dict()
    tower.encoder.load_state_dict({name: theirs[name] for name in tower.encoder.state_dict()})


# --- of pretrained parts ---


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Pretrained parts that make a OneDiff.

    Attributes:
        vision: hub id or folder of the tower, or of a model for images and text that holds one.
        text: of the language model and its tokenizer.
        bert: of the BERT that the delta module starts from, or None for a new one.
        delta_config: fields of OneDiffDeltaConfig that are not the paper's.
    """

    vision: str
    text: str
    bert: str | None = "google-bert/bert-base-uncased"
    delta_config: Mapping[str, Any] = field(default_factory=dict)


RECIPES: Final[Mapping[str, Recipe]] = {
    # The paper's parts. Older repositories on the hub hold pickles; from_backbones says how they become safetensors.
    "onediff-7b": Recipe(vision="openai/clip-vit-large-patch14-336", text="lmsys/vicuna-7b-v1.5"),
    # Ours, for one GPU. At 384 px and patches of 16 a pair costs 576 visual tokens, the paper's number.
    "onediff-2b": Recipe(vision="google/siglip2-so400m-patch16-384", text="Qwen/Qwen3-1.7B"),
}


def from_recipe(
    recipe: Recipe | str, *, dtype: torch.dtype = torch.bfloat16
) -> tuple[OneDiffForConditionalGeneration, OneDiffProcessor]:
    """A OneDiff of pretrained parts, to be trained, and its processor. Parts come from the hub or from folders.

    Args:
        recipe: a name in RECIPES, or one of your own.
        dtype: of all weights.

    Raises:
        ValueError: no such name, or parts that do not fit; see `from_backbones` and `load_bert`.
        OSError: a part is neither a folder nor on the hub.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise ValueError(f"there is no recipe {recipe!r}: choose one of {', '.join(RECIPES)}, or give a Recipe")
        recipe = RECIPES[recipe]
    model: Any = OneDiffForConditionalGeneration.from_backbones(
        vision=recipe.vision, text=recipe.text, delta_config=dict(recipe.delta_config)
    )
    if recipe.bert is not None:
        model.model.delta.load_bert(AutoModel.from_pretrained(recipe.bert, use_safetensors=True))
    model.to(dtype=dtype)
    processor = OneDiffProcessor.for_model(
        model,
        AutoTokenizer.from_pretrained(recipe.text),
        like=AutoImageProcessor.from_pretrained(recipe.vision),
    )
    return model, processor
