"""The models to start from: their sizes, their parts, and that every way to run them says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    CLIPImageProcessorPil,
)

from onediff_core import OneDiffForConditionalGeneration, OneDiffProcessor
from onediff_core.efficientnet_lite import EfficientNetLiteConfig, EfficientNetLiteForImageClassification
from onediff_core.heads import build_head
from onediff_core.presets import (
    RECIPES,
    TINY_WORDS,
    Recipe,
    from_recipe,
    onediff_tiny,
    onediff_tiny_config,
    tiny_tokenizer,
)
from onediff_plugins.specs import HeadSpec

from .conftest import DELTA, LLAMA, TOWERS

if TYPE_CHECKING:
    from pathlib import Path

Tiny = tuple[OneDiffForConditionalGeneration, OneDiffProcessor]
HEADS = (
    HeadSpec(name="any.object", task="mask", classes=("building+", "building-", "landcover", "object")),
    HeadSpec(name="any.kind", task="region", classes=("building", "landcover", "object")),
    HeadSpec(name="any.changed", task="pair", classes=("changed",)),
)
GREEDY: dict[str, Any] = {"max_new_tokens": 6, "min_new_tokens": 6, "do_sample": False}


def parameters(*modules: torch.nn.Module) -> int:
    return sum(weight.numel() for module in modules for weight in module.parameters())


def pictures(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    before, after = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    return before, after


@pytest.fixture
def tiny() -> Tiny:
    model, processor = onediff_tiny(tiny_tokenizer(["a red house was built."]), side=64)
    model.config.trained_stages = ("cst",)
    # Weights as they are new make logits that are all but equal.
    for name, weight in model.named_parameters():
        if weight.ndim == 2 and not name.startswith("model.vision_tower"):
            torch.nn.init.normal_(weight, std=0.1)
    return model, processor


# --- onediff-tiny ---


def test_the_tiny_model_has_at_most_eight_million_parameters_with_its_heads() -> None:
    model = OneDiffForConditionalGeneration(onediff_tiny_config())
    shape = model.model.dense_shape()
    assert shape.strides == (2, 4, 8, 16, 32)
    assert shape.channels == (3 * 16, 3 * 24, 3 * 40, 3 * 112, 3 * 192)
    heads = [build_head(spec, **shape._asdict()) for spec in HEADS]
    assert 6.5e6 < parameters(model, *heads) <= 8e6


def test_its_prompt_costs_a_token_a_word(tiny: Tiny) -> None:
    _, processor = tiny
    tokens = processor.tokenizer.tokenize(processor.prompt())
    assert "".join(tokens[:6]) == "user:Ġ<pair><delta>Ċ"
    spoken = "describe Ġwhat Ġchanged Ġfrom Ġthe Ġfirst Ġimage Ġto Ġthe Ġsecond . Ġassistant :"
    assert " ".join(tokens[6:]) == spoken
    assert all(len(processor.tokenizer.tokenize(f"a {word}")) == 2 for word in TINY_WORDS)


@pytest.mark.parametrize("as_folder", [True, False])
def test_its_tower_starts_from_a_classifier(tmp_path: Path, as_folder: bool) -> None:
    classifier = EfficientNetLiteForImageClassification(EfficientNetLiteConfig()).eval()
    classifier.save_pretrained(tmp_path)
    model, _ = onediff_tiny(tiny_tokenizer(), tower=tmp_path if as_folder else classifier)
    pixels = torch.randn(1, 3, 64, 64)
    maps = model.model.vision_tower(pixels).feature_maps
    whole = classifier(pixels, output_hidden_states=True).hidden_states
    assert len(maps) == 5
    assert all(torch.equal(found, whole[stage]) for found, stage in zip(maps, (1, 2, 3, 5, 6), strict=True))


def test_a_cache_changes_nothing_that_it_says(tiny: Tiny) -> None:
    model, processor = tiny
    inputs = processor([pictures(64, 64, seed) for seed in range(2)])
    assert torch.equal(model.generate(**inputs, **GREEDY), model.generate(**inputs, **GREEDY, use_cache=False))


def test_eight_pairs_of_several_sizes_get_the_answers_of_each_alone(tiny: Tiny) -> None:
    model, processor = tiny
    processor.image_processor.size = None
    sizes = [(64, 64), (96, 64), (64, 128), (96, 96), (64, 64), (32, 64), (128, 64), (96, 64)]
    pairs = [pictures(*size, seed) for seed, size in enumerate(sizes)]
    settings = {**GREEDY, "output_logits": True, "return_dict_in_generate": True}
    inputs = processor(pairs)
    together = model.generate(**inputs, **settings)
    for row, pair in enumerate(pairs):
        alone = model.generate(**processor(pair), **settings)
        for step, logits in enumerate(alone.logits):
            torch.testing.assert_close(together.logits[step][row], logits[0], atol=1e-4, rtol=0)


def test_dense_maps_of_eight_pairs_are_those_of_each_alone(tiny: Tiny) -> None:
    model, processor = tiny
    head = build_head(HEADS[0], **model.model.dense_shape()._asdict()).eval()
    processor.image_processor.size = None
    pairs = [pictures(*size, seed) for seed, size in enumerate([(64, 96), (96, 64)] * 4)]
    made = processor.image_processor(pairs)
    together = head(model.model.dense_features(**made))
    for row, pair in enumerate(pairs):
        alone = head(model.model.dense_features(**processor.image_processor(pair)))
        height, width = alone.shape[2:]
        torch.testing.assert_close(together[row, :, :height, :width], alone[0], atol=1e-4, rtol=0)


def test_what_is_saved_says_the_same(tiny: Tiny, tmp_path: Path) -> None:
    model, processor = tiny
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    model_again = OneDiffForConditionalGeneration.from_pretrained(tmp_path)
    processor_again = OneDiffProcessor.from_pretrained(tmp_path)
    inputs, inputs_again = processor(pictures(80, 70)), processor_again(pictures(80, 70))
    assert all(torch.equal(inputs[name], inputs_again[name]) for name in inputs)
    assert torch.equal(model_again.generate(**inputs, **GREEDY), model.generate(**inputs, **GREEDY))


# --- recipes ---


def a_language_model(folder: Path, **fields: Any) -> None:
    """A small stand-in and its tokenizer."""
    tokenizer = tiny_tokenizer()
    config = {**LLAMA, **fields, "vocab_size": len(tokenizer), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    model_type = config.pop("model_type")
    AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(params=["clip", "siglip"])
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> Recipe:
    """The parts of `onediff-7b` and `onediff-2b`, small and in folders."""
    tower = AutoModel.from_config(AutoConfig.for_model(**TOWERS[request.param]))
    tower.save_pretrained(tmp_path / "vision")
    CLIPImageProcessorPil(image_mean=[0.1, 0.2, 0.3], size={"shortest_edge": 28}).save_pretrained(tmp_path / "vision")
    model_type = {"clip": "llama", "siglip": "qwen3"}[request.param]
    a_language_model(tmp_path / "text", model_type=model_type, head_dim=4)
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    bert = BertModel(BertConfig(vocab_size=9, **{name: DELTA[name] for name in names}))
    bert.save_pretrained(tmp_path / "bert")
    parts = {part: str(tmp_path / part) for part in ("vision", "text", "bert")}
    return Recipe(**parts, delta_config=DELTA)


def test_a_recipe_makes_a_model_of_its_parts(recipe: Recipe) -> None:
    model, processor = from_recipe(recipe, dtype=torch.float32)
    bert = BertModel.from_pretrained(recipe.bert)
    assert torch.equal(model.model.delta.layers[1].up.weight, bert.encoder.layer[1].intermediate.dense.weight)
    tower = AutoModel.from_pretrained(recipe.vision)
    theirs, ours = tower.state_dict(), model.model.vision_tower.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert processor.image_processor.image_mean == [0.1, 0.2, 0.3]
    inputs = processor(pictures(40, 50), answers="a house was built")
    assert torch.isfinite(model(**inputs).loss)


def test_a_recipe_may_be_held_in_half_the_memory(recipe: Recipe) -> None:
    model, processor = from_recipe(recipe)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    inputs = processor(pictures(40, 50))
    assert model.generate(**inputs, **GREEDY, allow_untrained=True).shape == (1, inputs["input_ids"].shape[1] + 6)


def test_a_recipe_without_bert_has_a_new_delta_module(recipe: Recipe) -> None:
    plain = Recipe(vision=recipe.vision, text=recipe.text, bert=None, delta_config={**DELTA, "num_hidden_layers": 1})
    model, _ = from_recipe(plain, dtype=torch.float32)
    assert len(model.model.delta.layers) == 1


def test_a_recipe_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"'onediff-8b': choose one of onediff-7b, onediff-2b"):
        from_recipe("onediff-8b")


def test_the_papers_parts_are_a_recipe() -> None:
    assert RECIPES["onediff-7b"] == Recipe(
        vision="openai/clip-vit-large-patch14-336", text="lmsys/vicuna-7b-v1.5", bert="google-bert/bert-base-uncased"
    )
