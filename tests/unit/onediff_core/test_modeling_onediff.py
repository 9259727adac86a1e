"""OneDiff as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoBackbone,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    CLIPConfig,
    CLIPModel,
)

from onediff_core import OneDiffConfig, OneDiffForConditionalGeneration, OneDiffModel
from onediff_core.errors import CheckpointError

from .conftest import DELTA, LLAMA, TOWERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAMILIES = ["clip", "siglip", "siglip2", "dinov2", "convnextv2", "swin", "efficientnet_lite"]


def with_labels(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    labels = inputs["input_ids"].clone()
    labels[:, :-3] = -100
    return {**inputs, "labels": labels}


# --- forward ---


@pytest.mark.parametrize("memory", ["states", "gated"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_sees_learns_and_speaks(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], family: str, memory: str
) -> None:
    model = make_model(family, memory)
    inputs = make_inputs(model)
    output = model.train()(**with_labels(inputs))
    assert output.logits.shape == (*inputs["input_ids"].shape, LLAMA["vocab_size"])
    assert output.delta.tokens.shape == (2, DELTA["num_delta_tokens"], DELTA["hidden_size"])
    assert len(output.delta.dense) == 3
    output.loss.backward()
    untouched = [n for n, p in model.named_parameters() if p.grad is None and not n.startswith("model.vision_tower.")]
    assert untouched == []
    said = model.eval().generate(**inputs, max_new_tokens=3, min_new_tokens=3)
    assert said.shape == (2, inputs["input_ids"].shape[1] + 3)


def test_a_pair_costs_the_visual_tokens_of_one_image(make_model: Callable[..., Any]) -> None:
    seen = make_model().model(torch.randn(3, 2, 3, 28, 28))
    assert seen.visual_tokens.shape == (3, 16, LLAMA["hidden_size"])
    assert seen.delta_tokens.shape == (3, DELTA["num_delta_tokens"], LLAMA["hidden_size"])


def test_images_may_be_given_apart(make_model: Callable[..., Any], make_inputs: Callable[..., Any]) -> None:
    model = make_model()
    inputs = make_inputs(model)
    together = model(**inputs).logits
    pixels = inputs.pop("pixel_values")
    assert torch.equal(model(**inputs, before=pixels[:, 0], after=pixels[:, 1]).logits, together)


def test_a_language_model_of_another_kind_does_too(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model(text={"model_type": "gpt2", "n_positions": 128, "n_embd": 16, "n_layer": 2, "n_head": 2})
    inputs = make_inputs(model)
    assert torch.isfinite(model(**with_labels(inputs)).loss)
    single = {name: value[1:] for name, value in inputs.items()}
    both = model.generate(**inputs, max_new_tokens=4, do_sample=False, min_new_tokens=4)
    assert torch.equal(both[1:], model.generate(**single, max_new_tokens=4, do_sample=False, min_new_tokens=4))


@pytest.mark.parametrize("memory", ["states", "gated"])
def test_swapping_the_images_changes_the_answer(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], memory: str
) -> None:
    model = make_model("clip", memory)
    inputs = make_inputs(model)
    swapped = {**inputs, "pixel_values": inputs["pixel_values"].flip(1)}
    assert not torch.allclose(model(**inputs).logits, model(**swapped).logits, atol=1e-6)


def test_delta_tokens_reach_the_language_model(make_model: Callable[..., Any], make_inputs: Callable[..., Any]) -> None:
    model = make_model()
    inputs = make_inputs(model)
    before = model(**inputs).logits
    torch.nn.init.normal_(model.model.delta.delta_tokens)
    assert not torch.allclose(model(**inputs).logits, before, atol=1e-6)


def test_visual_tokens_take_their_places_in_order(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    seen = model.model(inputs["pixel_values"])
    embeddings = model.embed_prompt(inputs["input_ids"], seen)
    for row in range(2):
        ids = inputs["input_ids"][row]
        assert torch.equal(embeddings[row][ids == model.config.pair_token_id], seen.visual_tokens[row])
        assert torch.equal(embeddings[row][ids == model.config.delta_token_id], seen.delta_tokens[row])
        words = ids < LLAMA["vocab_size"]
        assert torch.equal(embeddings[row][words], model.get_input_embeddings()(ids[words]))


def test_labels_that_are_ignored_do_not_matter(make_model: Callable[..., Any], make_inputs: Callable[..., Any]) -> None:
    model = make_model()
    inputs = with_labels(make_inputs(model))
    logits = model(**inputs).logits[:, :-1]
    targets = inputs["labels"][:, 1:]
    expected = torch.nn.functional.cross_entropy(logits[targets != -100], targets[targets != -100])
    assert torch.allclose(model(**inputs).loss, expected, atol=1e-6)


@pytest.mark.parametrize("family", ["clip", "siglip2", "convnextv2"])
def test_padding_of_images_changes_no_answer(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], family: str
) -> None:
    model = make_model(family)
    unit = 32 if family == "convnextv2" else 7
    height, width = 2 * unit, 3 * unit
    inputs = make_inputs(model, pairs=1, size=(height, width))
    pixels = torch.full((1, 2, 3, 4 * unit, 4 * unit), 5.0)
    pixels[..., :height, :width] = inputs["pixel_values"]
    mask = torch.zeros(1, 4 * unit, 4 * unit, dtype=torch.bool)
    mask[:, :height, :width] = True
    alone = model(**inputs)
    padded = model(**{**inputs, "pixel_values": pixels, "image_mask": mask})
    assert torch.allclose(padded.logits, alone.logits, atol=1e-5)
    assert padded.delta.image_size == (4 * unit, 4 * unit)
    for level, own in zip(padded.delta.dense, alone.delta.dense, strict=True):
        assert torch.allclose(level[..., : own.shape[2], : own.shape[3]], own, atol=1e-5)


def test_dense_features_alone_are_those_of_the_whole(make_model: Callable[..., Any]) -> None:
    model = make_model("swin", "gated").model
    pixels = torch.randn(2, 2, 3, 64, 64)
    features, whole = model.dense_features(pixels), model(pixels).delta
    assert all(torch.equal(*levels) for levels in zip(features.dense, whole.dense, strict=True))
    assert features.tokens.shape == (2, 0, whole.tokens.shape[2])


@pytest.mark.parametrize("memory", ["states", "gated"])
def test_a_model_says_what_heads_on_it_are_built_for(make_model: Callable[..., Any], memory: str) -> None:
    model = make_model("efficientnet_lite", memory).model
    shape, features = model.dense_shape(), model(torch.randn(1, 2, 3, 64, 96)).delta
    assert shape.channels == tuple(level.shape[1] for level in features.dense)
    assert shape.strides == tuple(96 // level.shape[3] for level in features.dense)
    assert shape.token_size == features.tokens.shape[2]


def test_to_measure_shapes_leaves_a_model_in_training_as_it_was(make_config: Callable[..., Any]) -> None:
    model = OneDiffModel(make_config("efficientnet_lite")).train()
    model.vision_tower.freeze_stages("stage1")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    model.dense_shape()
    model.visual_stride(8)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes


def test_text_alone_needs_no_images(make_model: Callable[..., Any]) -> None:
    model = make_model()
    ids = torch.tensor([[0, 5, 6, 7]])
    assert torch.equal(model(input_ids=ids).logits, model.language_model(ids).logits)


def test_the_default_model_has_the_papers_shapes() -> None:
    with torch.device("meta"):
        model = OneDiffModel(OneDiffConfig())
    projector = model.projector
    assert [tuple(layer.weight.shape) for layer in (projector.up, projector.out)] == [(4096, 2048), (4096, 4096)]
    seen = model(torch.zeros(1, 2, 3, 336, 336, device="meta"))
    assert seen.visual_tokens.shape == (1, 576, 4096)
    assert [tuple(level.shape) for level in seen.delta.dense] == [(1, 3 * 1024, 24, 24)] * 3


# --- numbers that must agree ---


@pytest.mark.parametrize("family", FAMILIES)
def test_generation_with_a_cache_says_what_it_says_without(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], family: str
) -> None:
    model = make_model(family)
    inputs = make_inputs(model)
    seen = []
    model.model.register_forward_hook(lambda *_: seen.append(1))
    settings = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
    with_cache = model.generate(**inputs, **settings)
    without = model.generate(**inputs, **settings, use_cache=False)
    assert len(seen) == 2, "each time the images are looked at once"
    assert torch.equal(with_cache, without)


def test_steps_with_a_cache_have_the_logits_of_the_whole(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    said = model.generate(
        **inputs, max_new_tokens=6, min_new_tokens=6, do_sample=False, output_logits=True, return_dict_in_generate=True
    )
    mask = torch.cat([inputs["attention_mask"], torch.ones(2, 6, dtype=torch.long)], dim=1)
    whole = model(pixel_values=inputs["pixel_values"], input_ids=said.sequences, attention_mask=mask).logits
    assert torch.allclose(torch.stack(said.logits, dim=1), whole[:, -7:-1], atol=1e-4)


@pytest.mark.parametrize("memory", ["states", "gated"])
@pytest.mark.parametrize("family", FAMILIES)
def test_eight_pairs_at_once_get_the_answers_of_each_alone(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], family: str, memory: str
) -> None:
    model = make_model(family, memory)
    inputs = make_inputs(model, pairs=8)
    settings = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False, "output_logits": True}
    together = model.generate(**inputs, **settings, return_dict_in_generate=True)
    for row in range(8):
        words = inputs["attention_mask"][row].bool()
        alone = model.generate(
            pixel_values=inputs["pixel_values"][row : row + 1],
            input_ids=inputs["input_ids"][row : row + 1, words],
            attention_mask=inputs["attention_mask"][row : row + 1, words],
            **settings,
            return_dict_in_generate=True,
        )
        for step, logits in enumerate(alone.logits):
            assert torch.allclose(together.logits[step][row], logits[0], atol=1e-4)


def test_beams_and_samples_carry_their_images_along(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    said = model.generate(**inputs, num_beams=3, num_return_sequences=2, max_new_tokens=3, min_new_tokens=3)
    assert said.shape == (4, inputs["input_ids"].shape[1] + 3)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("use_cache", [False, True])
def test_the_tower_sees_each_pair_once_however_many_beams_there_are(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], use_cache: bool, padded: bool
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    if padded:
        inputs["image_mask"] = torch.ones(2, 28, 28, dtype=torch.bool)
    # What `generate` would be told if the images were repeated for each beam.
    seen = model.model(**{name: inputs[name] for name in ("pixel_values", "image_mask") if name in inputs})
    expected = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        seen=seen,
        num_beams=3,
        max_new_tokens=5,
        min_new_tokens=5,
    )
    images = []
    model.model.vision_tower.register_forward_pre_hook(
        lambda _, __, given: images.append(len(given["pixel_values"])), with_kwargs=True
    )
    found = model.generate(**inputs, num_beams=3, max_new_tokens=5, min_new_tokens=5, use_cache=use_cache)
    assert sum(images) == 2 * 2
    assert torch.equal(found, expected)


def test_beams_say_what_they_say_of_images_that_are_repeated(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    search = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 4, "min_new_tokens": 4}
    scores = model.generate(**inputs, **search, output_scores=True, return_dict_in_generate=True).sequences
    words = scores[:, inputs["input_ids"].shape[1] :]
    # Each answer is as likely as the whole model, given the pixels three times, says: beams are in order of that.
    repeated = {name: value.repeat_interleave(3, 0) for name, value in inputs.items()}
    repeated["input_ids"] = scores
    repeated["attention_mask"] = torch.cat([repeated["attention_mask"], torch.ones(6, 4, dtype=torch.long)], 1)
    logits = model(**repeated).logits[:, -5:-1]
    likely = logits.log_softmax(-1).gather(2, words[..., None]).sum((1, 2)).view(2, 3)
    assert torch.equal(likely.argsort(descending=True), torch.arange(3).expand(2, 3))


def test_one_look_answers_several_questions(make_model: Callable[..., Any], make_inputs: Callable[..., Any]) -> None:
    model = make_model()
    inputs = make_inputs(model)
    seen = model.model(inputs.pop("pixel_values"))
    other = inputs["input_ids"].clone()
    other[:, -1] = 3
    with pytest.raises(ValueError, match="either images or what was seen of them"):
        model.generate(**make_inputs(model), seen=seen, max_new_tokens=1)
    for ids in (inputs["input_ids"], other):
        asked = {**inputs, "input_ids": ids}
        assert torch.equal(model(**asked, seen=seen).logits, model(**asked, seen=seen.repeated(1)).logits)
    with pytest.raises(ValueError, match="either images or what was seen of them"):
        model(torch.zeros(2, 2, 3, 28, 28), inputs["input_ids"], seen=seen)


@pytest.mark.parametrize("tower", TOWERS)
def test_gradient_checkpointing_changes_no_gradient(
    tower: str, make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model(tower, delta={"dropout": 0.0}).train()
    inputs = with_labels(make_inputs(model))
    gradients = []
    for _ in range(2):
        model.zero_grad()
        torch.manual_seed(0)  # Swin drops paths
        model(**inputs, use_cache=False).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
        model.activation_checkpointing_enable()
    assert all(layer.gradient_checkpointing for layer in model.model.delta.layers)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-6), name


def test_inputs_that_require_gradients_are_those_of_the_language_model(make_model: Callable[..., Any]) -> None:
    model = make_model("swin").requires_grad_(False)
    words = torch.zeros(1, 1, dtype=torch.long)
    model.enable_input_require_grads()
    assert model.get_input_embeddings()(words).requires_grad
    model.disable_input_require_grads()
    assert not model.get_input_embeddings()(words).requires_grad


def test_the_loss_of_one_batch_goes_down(make_model: Callable[..., Any], make_inputs: Callable[..., Any]) -> None:
    model = make_model(delta={"dropout": 0.0}).train()
    inputs = with_labels(make_inputs(model))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_autocast_to_bfloat16_is_near_to_single_precision(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = with_labels(make_inputs(model))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(**inputs)
    assert half.delta.tokens.dtype in (torch.bfloat16, torch.float32)
    assert torch.allclose(half.loss.float(), model(**inputs).loss, atol=0.05)


def test_a_model_in_bfloat16_takes_pixels_in_single_precision(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model().to(torch.bfloat16)
    assert torch.isfinite(model(**with_labels(make_inputs(model))).loss)


# --- saved and loaded ---


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [False, True])
def test_the_auto_classes_load_what_was_saved(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], tmp_path: Path, family: str, tied: bool
) -> None:
    model = make_model(family, text={"tie_word_embeddings": tied})
    model.save_pretrained(tmp_path)
    assert [file.name for file in tmp_path.glob("*.safetensors")] == ["model.safetensors"]
    assert not list(tmp_path.glob("*.bin"))
    inputs = make_inputs(model)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert type(loaded) is OneDiffForConditionalGeneration
    assert loaded.config.trained_stages == ("cst",)
    assert torch.equal(loaded(**inputs).logits, model(**inputs).logits)
    head, embedding = loaded.get_output_embeddings(), loaded.get_input_embeddings()
    assert (head.weight.data_ptr() == embedding.weight.data_ptr()) is tied


def test_the_part_that_sees_loads_without_the_language_model(make_model: Callable[..., Any], tmp_path: Path) -> None:
    model = make_model()
    model.save_pretrained(tmp_path)
    eyes = AutoModel.from_pretrained(tmp_path)
    assert type(eyes) is OneDiffModel
    assert not any("language_model" in name for name, _ in eyes.named_parameters())
    pixels = torch.randn(1, 2, 3, 28, 28)
    assert torch.equal(eyes(pixels).delta_tokens, model.model(pixels).delta_tokens)


def test_a_pickled_checkpoint_is_refused(make_model: Callable[..., Any], tmp_path: Path) -> None:
    model = make_model()
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match=r"holds pytorch_model\.bin and no safetensors: a pickled checkpoint can run code"
    ):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="safetensors only"):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path, use_safetensors=False)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_a_checkpoint_with_weights_missing_or_left_over_is_refused(
    make_model: Callable[..., Any], tmp_path: Path
) -> None:
    model = make_model()
    model.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    lost = weights.pop("model.delta.delta_tokens")
    save_file({**weights, "model.surplus": lost}, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"missing keys: model\.delta\.delta_tokens; unexpected keys: model\.surplus"):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path)
    loaded, info = OneDiffForConditionalGeneration.from_pretrained(tmp_path, strict=False, output_loading_info=True)
    assert set(info["missing_keys"]) == {"model.delta.delta_tokens"}
    assert 0.01 < loaded.model.delta.delta_tokens.std() < 0.03


def test_weights_of_another_shape_are_refused_with_both_shapes(make_model: Callable[..., Any], tmp_path: Path) -> None:
    make_model().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = {name: value.clone() for name, value in load_file(file).items()}
    weights["model.delta.delta_tokens"] = torch.zeros(3, 24)
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(
        CheckpointError, match=r"mismatched keys: model\.delta\.delta_tokens is \(3, 24\), expected \(5, 24\)"
    ):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path)


def test_a_pickle_under_the_name_of_safetensors_and_a_file_cut_short_are_refused(
    make_model: Callable[..., Any], tmp_path: Path
) -> None:
    make_model().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = file.read_bytes()
    file.unlink()
    torch.save({"a": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is a pickle under another name"):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path)
    file.write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match=r"is damaged or not safetensors .*: copy or download it again"):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("written", "holds"), [(None, "no config.json"), ({"model_type": "llama"}, "a configuration of 'llama'")]
)
def test_a_folder_without_the_configuration_of_a_onediff_is_not_taken_for_the_default_of_seven_billion(
    make_model: Callable[..., Any], tmp_path: Path, written: dict[str, Any] | None, holds: str
) -> None:
    make_model().save_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    if written is not None:
        (tmp_path / "config.json").write_text(json.dumps(written))
    with pytest.raises(ValueError, match=f"holds {holds}, not that of a OneDiff: give the folder or hub id of one"):
        OneDiffForConditionalGeneration.from_pretrained(tmp_path)


# --- from pretrained parts ---


def make_parts() -> tuple[Any, Any]:
    def of(config: dict[str, Any]) -> Any:
        fields = {name: value for name, value in config.items() if name != "model_type"}
        return AutoConfig.for_model(config["model_type"], **fields)

    return AutoModel.from_config(of(TOWERS["clip"])).eval(), AutoModelForCausalLM.from_config(of(LLAMA)).eval()


def test_pretrained_parts_keep_their_weights_and_the_rest_is_new(make_inputs: Callable[..., Any]) -> None:
    vision, text = make_parts()
    seen, said = ({n: w.clone() for n, w in part.state_dict().items()} for part in (vision, text))
    model = OneDiffForConditionalGeneration.from_backbones(vision=vision, text=text, delta_config=DELTA)
    assert all(torch.equal(w, seen[n]) for n, w in model.model.vision_tower.state_dict().items())
    assert all(torch.equal(w, said[n]) for n, w in model.language_model.state_dict().items())
    assert not any(parameter.is_meta for parameter in model.parameters())
    for weight in (model.model.delta.delta_tokens, model.model.projector.up.weight, model.model.delta_projector.weight):
        assert 0.01 < weight.std() < 0.03
    assert model.model.delta.norm.weight.eq(1).all()
    assert model.config.trained_stages == ()
    assert torch.isfinite(model(**with_labels(make_inputs(model))).loss)


@pytest.mark.parametrize("part", ["vision", "text"])
def test_pretrained_parts_may_come_in_precisions_of_their_own(make_inputs: Callable[..., Any], part: str) -> None:
    vision, text = make_parts()
    {"vision": vision, "text": text}[part].to(torch.bfloat16)
    model = OneDiffForConditionalGeneration.from_backbones(vision=vision, text=text, delta_config=DELTA)
    output = model(**with_labels(make_inputs(model)))
    assert model.model.delta.delta_tokens.dtype == output.delta.dense[0].dtype == torch.float32
    assert torch.isfinite(output.loss)


def test_pretrained_parts_may_be_folders(make_inputs: Callable[..., Any], tmp_path: Path) -> None:
    vision, text = make_parts()
    vision.save_pretrained(tmp_path / "vision")
    text.save_pretrained(tmp_path / "text")
    model = OneDiffForConditionalGeneration.from_backbones(
        vision=tmp_path / "vision", text=tmp_path / "text", delta_config=DELTA
    )
    pixels = torch.randn(1, 3, 28, 28)
    assert torch.equal(model.model.vision_tower(pixels).last_hidden_state, vision(pixels).last_hidden_state)
    model.save_pretrained(tmp_path / "whole")
    inputs = make_inputs(model)
    loaded = OneDiffForConditionalGeneration.from_pretrained(tmp_path / "whole")
    assert torch.equal(loaded(**inputs).logits, model(**inputs).logits)


@pytest.mark.parametrize("pickled", ["vision", "text"])
def test_pretrained_parts_that_are_pickled_are_refused(tmp_path: Path, pickled: str) -> None:
    parts = dict(zip(("vision", "text"), make_parts(), strict=True))
    parts[pickled].save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(parts[pickled].state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"holds pytorch_model\.bin and no safetensors"):
        OneDiffForConditionalGeneration.from_backbones(**{**parts, pickled: tmp_path}, delta_config=DELTA)


@pytest.mark.parametrize("as_folder", [False, True])
def test_of_a_model_for_images_and_text_the_tower_is_taken(tmp_path: Path, as_folder: bool) -> None:
    vision_config = {name: value for name, value in TOWERS["clip"].items() if name != "model_type"}
    text_config = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    clip = CLIPModel(CLIPConfig(vision_config=vision_config, text_config={**text_config, "vocab_size": 20})).eval()
    clip.save_pretrained(tmp_path)
    _, text = make_parts()
    model = OneDiffForConditionalGeneration.from_backbones(
        vision=tmp_path if as_folder else clip, text=text, delta_config=DELTA
    )
    pixels = torch.randn(1, 3, 28, 28)
    theirs = clip.vision_model(pixels).last_hidden_state
    assert torch.equal(model.model.vision_tower(pixels).last_hidden_state, theirs)


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_pretrained_backbone_gives_the_stages_that_are_asked_for(
    make_config: Callable[..., Any], tmp_path: Path, as_folder: bool
) -> None:
    backbone = AutoBackbone.from_config(make_config("convnextv2").vision_config).eval()
    backbone.save_pretrained(tmp_path)
    _, text = make_parts()
    model = OneDiffForConditionalGeneration.from_backbones(
        vision=tmp_path if as_folder else backbone, text=text, delta_config={**DELTA, "taps": (1, 2, 4)}
    )
    seen = model.model(torch.randn(1, 2, 3, 64, 64))
    assert [tuple(level.shape[1:]) for level in seen.delta.dense] == [(24, 16, 16), (48, 8, 8), (96, 2, 2)]
    names = dict(model.model.vision_tower.named_parameters())
    assert all(torch.equal(names[name], weight) for name, weight in backbone.named_parameters() if name in names)


def test_a_tower_without_feature_maps_is_refused_where_they_are_needed(make_config: Callable[..., Any]) -> None:
    swin = AutoModel.from_config(make_config("swin").vision_config)
    with pytest.raises(ValueError, match="SwinModel yields no feature maps: give the folder or hub id of the tower"):
        OneDiffForConditionalGeneration.from_backbones(vision=swin, text=make_parts()[1], delta_config=DELTA)


@pytest.mark.parametrize("part", ["vision", "text"])
def test_a_part_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    vision, text = make_parts()
    with pytest.raises(FileNotFoundError, match="there is no folder nowhere/near, and the hub did not give a model"):
        OneDiffForConditionalGeneration.from_backbones(**{"vision": vision, "text": text, part: "nowhere/near"})


def test_a_onediff_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="there is no folder nowhere/near, and the hub did not give a model"):
        OneDiffForConditionalGeneration.from_pretrained("nowhere/near")


def test_a_field_that_no_configuration_has_is_refused() -> None:
    vision, text = make_parts()
    with pytest.raises(ValueError, match="OneDiffConfig has no field 'visul_layer': did you mean 'visual_layer'"):
        OneDiffForConditionalGeneration.from_backbones(vision=vision, text=text, visul_layer=2)


def test_a_tower_that_was_cut_before_a_tap_is_refused_and_not_filled_up(make_config: Callable[..., Any]) -> None:
    whole = make_config("efficientnet_lite").vision_config
    whole.set_output_features_output_indices(out_indices=[1, 2], out_features=None)
    cut = AutoBackbone.from_config(whole)  # nothing is built behind its last stage
    with pytest.raises(ValueError, match=r"EfficientNetLiteBackbone has no weights for .* load a whole tower"):
        OneDiffForConditionalGeneration.from_backbones(
            vision=cut, text=make_parts()[1], delta_config={**DELTA, "taps": (1, 4)}
        )


# --- what is refused ---


def test_a_model_that_was_never_trained_refuses_to_speak(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model(trained_stages=())
    inputs = make_inputs(model)
    with pytest.raises(ValueError, match=r"never trained .*config.trained_stages.* allow_untrained=True"):
        model.generate(**inputs, max_new_tokens=2)
    said = model.generate(**inputs, max_new_tokens=2, min_new_tokens=2, allow_untrained=True)
    assert said.shape[1] == inputs["input_ids"].shape[1] + 2


@pytest.mark.parametrize("search", [{"num_beams": 1}, {"num_beams": 3}])
def test_a_placeholder_is_never_said(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any], search: dict[str, int]
) -> None:
    model = make_model()
    model.resize_token_embeddings(24)  # placeholders lie within the vocabulary, as in onediff-tiny
    inputs = make_inputs(model)
    placeholders = [model.config.pair_token_id, model.config.delta_token_id]

    def eager(_: Any, __: Any, logits: torch.Tensor) -> torch.Tensor:
        logits[..., placeholders] = 50.0
        return logits

    model.get_output_embeddings().register_forward_hook(eager)
    said = model.generate(**inputs, **search, do_sample=False, max_new_tokens=4, min_new_tokens=4)
    words = said[:, inputs["input_ids"].shape[1] :]
    assert not torch.isin(words, torch.tensor(placeholders)).any()


def test_a_repetition_penalty_needs_placeholders_within_the_vocabulary(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    with pytest.raises(ValueError, match=r"call model.resize_token_embeddings\(24\), or use no_repeat_ngram_size"):
        model.generate(**inputs, repetition_penalty=1.2, max_new_tokens=2)
    model.resize_token_embeddings(24)
    model.generate(**inputs, repetition_penalty=1.2, max_new_tokens=2)
    assert torch.isfinite(model(**with_labels(inputs)).loss)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 28, 28), r"pixel_values is \(2, 3, 28, 28\): the tower needs \(pairs, 2, 3, height, width\)"),
        ((1, 2, 4, 28, 28), "the tower needs"),
        ((1, 3, 3, 28, 28), "the tower needs"),
        ((0, 2, 3, 28, 28), "there is no pair in it"),
        ((1, 2, 3, 0, 28), "or no pixel"),
    ],
)
def test_pixels_of_a_wrong_shape_are_refused(
    make_model: Callable[..., Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_model().model(torch.zeros(shape))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_not_finite_are_refused_with_their_place(make_model: Callable[..., Any], value: float) -> None:
    pixels = torch.zeros(3, 2, 3, 28, 28)
    pixels[2, 1, 0, 5, 5] = value
    for see in (make_model().model, make_model().model.dense_features):
        with pytest.raises(ValueError, match="the after image of pair 2 has NaN or infinite pixels: fill them"):
            see(pixels)


def test_pixels_that_are_no_floats_are_refused(make_model: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"pixel_values is of torch\.uint8: give floats, normalised"):
        make_model("efficientnet_lite").model(torch.zeros(1, 2, 3, 64, 64, dtype=torch.uint8))


def test_images_that_do_not_go_together_are_refused(make_model: Callable[..., Any]) -> None:
    model, image = make_model().model, torch.zeros(1, 3, 28, 28)
    with pytest.raises(ValueError, match=r"before is \(1, 3, 28, 28\) and after \(1, 3, 28, 35\)"):
        model(before=image, after=torch.zeros(1, 3, 28, 35))
    with pytest.raises(ValueError, match=r"before is \(2, 3, 28, 28\) and after \(1, 3, 28, 28\)"):
        model(before=image.repeat(2, 1, 1, 1), after=image)
    with pytest.raises(ValueError, match="both before and after"):
        model(before=image)
    with pytest.raises(ValueError, match="either pixel_values or before and after"):
        model(torch.zeros(1, 2, 3, 28, 28), before=image, after=image)
    with pytest.raises(ValueError, match=r"image_mask is torch\.bool \(1, 28, 27\), .* need bool \(1, 28, 28\)"):
        model(torch.zeros(1, 2, 3, 28, 28), torch.ones(1, 28, 27, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"image_mask is torch\.int64 \(1, 28, 28\), but the images need bool"):
        model(torch.zeros(1, 2, 3, 28, 28), torch.ones(1, 28, 28, dtype=torch.int64))


def test_prompts_that_do_not_fit_their_pairs_are_refused(
    make_model: Callable[..., Any], make_inputs: Callable[..., Any]
) -> None:
    model = make_model()
    inputs = make_inputs(model)
    ids, pixels = inputs["input_ids"], inputs["pixel_values"]
    with pytest.raises(ValueError, match="prompt 0 has 0 placeholders for pair tokens, but its images make 16"):
        model(pixels, ids.clamp(max=5))
    short = ids.clone()
    short[1, (short[1] == model.config.delta_token_id).nonzero()[0]] = 5
    with pytest.raises(ValueError, match="prompt 1 has 4 placeholders for delta tokens, but its images make 5"):
        model(pixels, short)
    with pytest.raises(ValueError, match="2 pairs of images for 1 prompts"):
        model(pixels, ids[:1])
    with pytest.raises(ValueError, match="no pixel_values were given"):
        model(input_ids=ids)
    with pytest.raises(ValueError, match="give input_ids, or inputs_embeds"):
        model(pixels)
    with pytest.raises(ValueError, match="have their images in them already"):
        model(pixels, inputs_embeds=torch.zeros(2, 4, 16))
