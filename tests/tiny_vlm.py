"""The smallest chat model for images that transformers can build from a configuration, as a folder.

A LLaVA: its processor needs no torchvision, unlike those that also look at video.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

if TYPE_CHECKING:
    from pathlib import Path

SPECIAL = ["<pad>", "<s>", "</s>", "<image>", "<user>", "<assistant>"]
TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def build(*, template: str | None = TEMPLATE) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """A random model and its processor; one token a byte."""
    torch.manual_seed(0)
    letters = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"image_token": "<image>", "user": "<user>", "assistant": "<assistant>"},
    )
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 16,
    }
    text = {
        "model_type": "llama",
        "vocab_size": len(letters),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 8192,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    model = LlavaForConditionalGeneration(LlavaConfig(vision_config=vision, text_config=text, image_token_index=3))
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=fast,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    return model, processor


def know(model: Any, processor: Any, *words: str) -> None:
    """Let the model answer every question with these words, each of which becomes one token.

    Its layers pass on what they get, so that a token alone decides the next; the rows of the head that say so are
    learnt. Images still go through the tower and the projector.
    """
    processor.tokenizer.add_tokens(list(words))
    model.resize_token_embeddings(len(processor.tokenizer))
    chain = torch.tensor(
        [processor.tokenizer.convert_tokens_to_ids(token) for token in ("<assistant>", *words, "</s>")]
    )
    for layer in model.model.language_model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    optimiser = torch.optim.AdamW([model.lm_head.weight, model.model.language_model.embed_tokens.weight], lr=0.05)
    for _ in range(100):
        loss = torch.nn.functional.cross_entropy(model(input_ids=chain[None, :-1]).logits[0], chain[1:])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def save(folder: Path, model: Any, processor: Any) -> Path:
    """Write both to a folder."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
