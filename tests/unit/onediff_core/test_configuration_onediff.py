"""What a OneDiff model is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from transformers import AutoConfig, CLIPConfig, CLIPVisionConfig, Dinov2Config, LlamaConfig, SwinConfig, ViTMAEConfig

from onediff_core import OneDiffConfig, OneDiffDeltaConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def without_name(config: OneDiffConfig) -> dict[str, Any]:
    fields = config.to_dict()
    del fields["_name_or_path"]
    return fields


def test_the_default_is_the_papers_model() -> None:
    config = OneDiffConfig()
    vision, text = config.vision_config, config.text_config
    assert (vision.model_type, vision.num_hidden_layers, vision.hidden_size) == ("clip_vision_model", 24, 1024)
    assert (vision.image_size // vision.patch_size) ** 2 == 576
    assert config.delta_config.taps == (8, 16, 24)
    assert (config.delta_config.num_hidden_layers, config.delta_config.hidden_size) == (6, 768)
    assert (text.model_type, text.hidden_size, text.vocab_size) == ("llama", 4096, 32000)


@pytest.mark.parametrize(
    ("vision", "taps", "visual"),
    [
        (CLIPVisionConfig(num_hidden_layers=24), (8, 16, 24), 23),
        (Dinov2Config(num_hidden_layers=12), (4, 8, 12), 11),
        (SwinConfig(), (1, 3, 4), 4),
        ({"model_type": "siglip_vision_model", "num_hidden_layers": 2}, (1, 2), 1),
        ("convnextv2", (1, 3, 4), 4),
        (CLIPConfig(vision_config={"num_hidden_layers": 9}), (3, 6, 9), 8),
    ],
    ids=lambda part: str(getattr(part, "model_type", part)),
)
def test_taps_default_to_thirds_of_any_towers_depth(vision: Any, taps: tuple[int, ...], visual: int) -> None:
    config = OneDiffConfig(vision_config=vision)
    assert config.delta_config.taps == taps
    assert config.visual_layer == visual


def test_parts_may_be_configurations_dicts_or_model_types() -> None:
    one = OneDiffConfig(vision_config=Dinov2Config(), text_config=LlamaConfig(), delta_config=OneDiffDeltaConfig())
    two = OneDiffConfig(vision_config={"model_type": "dinov2"}, text_config={"model_type": "llama"}, delta_config={})
    three = OneDiffConfig(vision_config="dinov2", text_config="llama")
    assert one.to_dict() == two.to_dict() == three.to_dict()


def test_a_delta_configuration_may_serve_two_towers() -> None:
    delta = OneDiffDeltaConfig()
    assert OneDiffConfig(delta_config=delta).delta_config.taps == (8, 16, 24)
    assert OneDiffConfig(vision_config="dinov2", delta_config=delta).delta_config.taps == (4, 8, 12)
    assert delta.taps is None


@pytest.mark.parametrize("tower", ["clip", "dinov2", "swin"])
def test_what_is_saved_is_what_is_loaded(make_config: Callable[..., OneDiffConfig], tmp_path: Path, tower: str) -> None:
    config = make_config(tower, "gated", trained_stages=("cst", "sft"))
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is OneDiffConfig
    assert without_name(loaded) == without_name(config)
    assert loaded.trained_stages == ("cst", "sft")
    assert isinstance(loaded.delta_config, OneDiffDeltaConfig)


def test_placeholders_lie_past_the_vocabulary() -> None:
    config = OneDiffConfig(text_config={"model_type": "llama", "vocab_size": 50})
    assert (config.pair_token_id, config.delta_token_id) == (50, 51)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"delta_config": {"memory": "subtract"}}, "'subtract': choose 'states' or 'gated'"),
        ({"delta_config": {"num_delta_token": 3}}, "no field 'num_delta_token': did you mean 'num_delta_tokens'"),
        ({"delta_config": {"hidden_size": 100, "num_attention_heads": 12}}, "100 does not divide into 12"),
        ({"delta_config": {"hidden_size": 18, "num_attention_heads": 2}}, "18 is no multiple of 4"),
        ({"delta_config": {"num_delta_tokens": -1}}, "num_delta_tokens is -1: it has to be at least 0"),
        ({"delta_config": {"dropout": 1.0}}, r"in \[0, 1\)"),
        ({"delta_config": {"taps": (8, 4)}}, "ascending"),
        ({"delta_config": {"taps": ()}}, "name at least one"),
        ({"delta_config": {"taps": (8, 25)}}, r"delta_config.taps names \[25\], but clip_vision_model has 0 to 24"),
        ({"visual_layer": -2}, r"visual_layer names \[-2\]"),
        ({"vision_config": "nonsense"}, "vision_config: transformers knows no model type 'nonsense'"),
        ({"vision_config": LlamaConfig()}, "llama is no vision tower"),
        ({"pair_token_id": 3, "delta_token_id": 3}, "are both 3"),
        ({"trained_stages": "cst"}, "give a tuple of names"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OneDiffConfig(**fields)


def test_a_delta_configuration_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="delta_config is a ViTMAEConfig"):
        OneDiffConfig(delta_config=ViTMAEConfig())
