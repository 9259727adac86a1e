"""The models whose cost is measured, all with random weights, and what they are asked.

OneDiff and the LLaVA type beside it are made of the same tower and the same language model, read the same pixels and
the same words. What differs is what the language model is told of two images: LLaVA's one token a patch and image, or
OneDiff's one token a patch for both and delta tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import LlavaConfig, LlavaForConditionalGeneration

from onediff_core import OneDiffConfig, OneDiffForConditionalGeneration
from onediff_core.configuration_onediff import CLIP_L_336, VICUNA_7B

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

WORDS = 40  # tokens of a prompt that stand for no image: a system text, the question


@dataclass(frozen=True)
class Sizes:
    """The parts that both models are made of, and the delta module that OneDiff has beside them."""

    vision: dict[str, Any]
    delta: dict[str, Any]
    text: dict[str, Any]

    def onediff(self) -> OneDiffConfig:
        return OneDiffConfig(vision_config=self.vision, delta_config=self.delta, text_config=self.text)

    def llava(self) -> LlavaConfig:
        """As LLaVA-1.5; its placeholder is the last word, because LLaVA looks placeholders up."""
        own = self.onediff()
        return LlavaConfig(
            vision_config=own.vision_config,
            text_config=own.text_config,
            image_token_index=own.text_config.vocab_size - 1,
            image_seq_length=patches(own.vision_config),
        )


# The paper's parts: CLIP ViT-L/14 at 336 px, BERT-base's widths, Vicuna-7B.
PAPER = Sizes(vision=CLIP_L_336, delta={}, text=VICUNA_7B)
# The same depth, tokens and width of a head at an eighth of all other widths, so that a CPU can run it. Three heads of
# 32 make BERT-base's 768 / 8 = 96.
EIGHTH = Sizes(
    vision={**CLIP_L_336, "hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 2},
    delta={"hidden_size": 96, "intermediate_size": 384, "num_attention_heads": 3},
    text={**VICUNA_7B, "hidden_size": 512, "intermediate_size": 1376, "num_attention_heads": 4},
)


def patches(vision_config: Any) -> int:
    """Tokens of one image."""
    return (vision_config.image_size // vision_config.patch_size) ** 2


@dataclass(frozen=True)
class Contender:
    """A model, its parts by name, and the parts that a first stage of training trains."""

    name: str
    model: PreTrainedModel
    parts: dict[str, list[nn.Module]]
    trained: tuple[str, ...]

    def inputs(self, pairs: int = 1) -> dict[str, Tensor]:
        """Random pixels and words for some pairs; the same of both contenders where sizes are the same."""
        config, device = self.model.config, self.model.device
        generator = torch.Generator().manual_seed(0)
        side = config.vision_config.image_size
        pixels = torch.randn(pairs, 2, 3, side, side, generator=generator)
        words = torch.randint(3, config.text_config.vocab_size - 1, (pairs, WORDS), generator=generator)
        if isinstance(config, OneDiffConfig):
            told = [config.pair_token_id] * patches(config.vision_config)
            told += [config.delta_token_id] * config.delta_config.num_delta_tokens
        else:
            told = [config.image_token_id] * 2 * config.image_seq_length
            pixels = pixels.flatten(0, 1)
        ids = torch.cat([torch.tensor(told).expand(pairs, -1), words], dim=1)
        return {"pixel_values": pixels.to(device, self.model.dtype), "input_ids": ids.to(device)}


def onediff(sizes: Sizes, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Contender:
    """OneDiff, ready to answer."""
    with torch.device(device):
        model = OneDiffForConditionalGeneration(sizes.onediff()).to(dtype).eval()
    seeing = model.model
    parts = {
        "tower": [seeing.vision_tower],
        "delta module": [seeing.delta],
        "projectors": [seeing.projector, seeing.delta_projector],
        "language model": [model.language_model],
    }
    return Contender("OneDiff", model, parts, trained=("delta module", "projectors"))


def llava(sizes: Sizes, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Contender:
    """The LLaVA type of transformers, ready to answer."""
    with torch.device(device):
        model = LlavaForConditionalGeneration(sizes.llava()).to(dtype).eval()
    parts = {
        "tower": [model.model.vision_tower],
        "projectors": [model.model.multi_modal_projector],
        "language model": [model.model.language_model, model.lm_head],
    }
    return Contender("LLaVA type", model, parts, trained=("projectors",))
