"""Pairs of images and what is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import AutoProcessor

from onediff_core import OneDiffImageProcessor, OneDiffProcessor, Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def model(make_model: Callable[..., Any]) -> Any:
    return make_model()


@pytest.fixture
def processor(model: Any, tokenizer: Any) -> OneDiffProcessor:
    return OneDiffProcessor.for_model(model, tokenizer)


def test_what_it_makes_is_what_the_model_takes(processor: OneDiffProcessor, model: Any, picture_pair: Pair) -> None:
    inputs = processor([picture_pair, picture_pair[::-1]], answers=["a house was built .", "nothing changed ."])
    assert model(**inputs).loss > 0
    del inputs["labels"]
    said = model.generate(**processor([picture_pair] * 2), max_new_tokens=4)
    texts = processor.answers(said, processor([picture_pair] * 2)["input_ids"])
    assert len(texts) == 2
    assert all("<" not in text for text in texts)


@pytest.mark.parametrize(("family", "stride"), [("clip", 7), ("convnextv2", 32), ("swin", 32)])
def test_for_any_tower_the_placeholders_are_counted_right(
    make_model: Callable[..., Any], tokenizer: Any, family: str, stride: int
) -> None:
    model = make_model(family)
    processor = OneDiffProcessor.for_model(model, tokenizer, size=None)
    assert processor.visual_stride == stride
    rng = np.random.default_rng(0)
    pairs = [tuple(rng.random((2, 2 * stride, cells * stride, 3))) for cells in (1, 3, 2)]
    inputs = processor(pairs)
    assert inputs["image_mask"].shape == (3, 2 * stride, 3 * stride)
    assert (inputs["input_ids"] == model.config.pair_token_id).sum(1).tolist() == [2, 6, 4]
    assert (inputs["input_ids"] == model.config.delta_token_id).sum(1).tolist() == [5, 5, 5]
    together = model(**inputs).logits
    for row, pair in enumerate(pairs):
        alone = processor(pair)
        assert torch.allclose(together[row, -1], model(**alone).logits[0, -1], atol=1e-4)


def test_the_model_learns_the_answer_and_its_end_only(processor: OneDiffProcessor, picture_pair: Pair) -> None:
    inputs = processor([picture_pair] * 2, answers=["a house was built", "nothing"])
    tokenizer = processor.tokenizer
    for row, expected in enumerate(["a house was built </s>", "nothing </s>"]):
        learnt = inputs["labels"][row] != -100
        assert tokenizer.decode(inputs["labels"][row][learnt]) == expected
        assert torch.equal(inputs["labels"][row][learnt], inputs["input_ids"][row][learnt])


@pytest.mark.parametrize(("named", "ends"), [(None, 1), (1, 1), (5, [1, 5]), ([5, 6], [1, 5, 6])])
def test_answers_end_in_generation_where_they_end_in_training(
    model: Any, tokenizer: Any, named: int | list[int] | None, ends: int | list[int]
) -> None:
    model.generation_config.eos_token_id = named
    assert tokenizer.eos_token_id == 1
    OneDiffProcessor.for_model(model, tokenizer)
    assert model.generation_config.eos_token_id == ends


def test_rows_are_padded_at_the_left_with_the_end_where_there_is_no_padding(
    processor: OneDiffProcessor, picture_pair: Pair
) -> None:
    inputs = processor([picture_pair] * 2, [processor.prompt(question="a house ."), processor.prompt(question="a")])
    assert processor.tokenizer.pad_token == "</s>"
    assert inputs["attention_mask"][1].tolist()[:2] == [0, 0]
    assert inputs["attention_mask"][:, -1].tolist() == [1, 1]
    assert inputs["input_ids"][1, :2].tolist() == [1, 1]
    assert inputs["input_ids"][0, 0] == inputs["input_ids"][1, 2] == 0, (
        "each prompt starts as the tokenizer starts a text"
    )


def test_a_tokenizer_that_has_padding_keeps_it(model: Any, tokenizer: Any) -> None:
    tokenizer.pad_token = "<unk>"
    assert OneDiffProcessor.for_model(model, tokenizer).tokenizer.pad_token == "<unk>"


def test_a_language_model_without_padding_speaks_in_a_batch_as_alone(
    make_model: Callable[..., Any], tokenizer: Any, picture_pair: Pair
) -> None:
    model = make_model(text={"pad_token_id": None})
    assert tokenizer.pad_token is None
    processor = OneDiffProcessor.for_model(model, tokenizer)
    prompts = [processor.prompt(question="a house ."), processor.prompt(question="a")]
    asked = processor([picture_pair, picture_pair[::-1]], prompts)
    settings: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False}
    together = processor.answers(model.generate(**asked, **settings), asked["input_ids"])
    for pair, prompt, said in zip([picture_pair, picture_pair[::-1]], prompts, together, strict=True):
        alone = processor(pair, prompt)
        assert processor.answers(model.generate(**alone, **settings), alone["input_ids"]) == [said]


def test_a_tokenizer_with_neither_padding_nor_end_is_refused(model: Any, tokenizer: Any) -> None:
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="neither a token for padding nor one for the end"):
        OneDiffProcessor.for_model(model, tokenizer)


def test_without_a_chat_template_the_prompt_is_vicunas(processor: OneDiffProcessor) -> None:
    expected = "USER: <pair><delta>\nDescribe what changed from the first image to the second. ASSISTANT:"
    assert processor.prompt() == expected


def test_a_chat_template_is_followed_and_starts_a_text_once(processor: OneDiffProcessor, picture_pair: Pair) -> None:
    processor.tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}user : {{ m.content }} {% endfor %}"
        "{% if add_generation_prompt %}assistant : {% endif %}"
    )
    prompt = processor.prompt("yes_no")
    assert prompt.startswith("<s>user : <pair><delta>\nDid anything change")
    assert prompt.endswith("assistant : ")
    assert processor(picture_pair, prompt)["input_ids"][0].eq(0).sum() == 1


def test_places_are_asked_about_in_words(processor: OneDiffProcessor) -> None:
    house = Place(box=(0.1, 0.25, 0.5, 1.0), kind="added", label="building")
    assert "building added [0.10, 0.25, 0.50, 1.00]" in processor.prompt("regions", [house])
    assert "within [0.10, 0.25, 0.50, 1.00]?" in processor.prompt("refer", [Place(box=house.box)])


def test_the_auto_class_loads_what_was_saved(
    processor: OneDiffProcessor, model: Any, picture_pair: Pair, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    assert type(loaded) is OneDiffProcessor
    assert type(loaded.image_processor) is OneDiffImageProcessor
    expected, found = processor([picture_pair], answers=["a house"]), loaded([picture_pair], answers=["a house"])
    assert {name: value.tolist() for name, value in found.items()} == {k: v.tolist() for k, v in expected.items()}
    assert loaded.placeholder_ids == (model.config.pair_token_id, model.config.delta_token_id)


def test_prompts_and_answers_that_do_not_fit_are_refused(processor: OneDiffProcessor, picture_pair: Pair) -> None:
    with pytest.raises(ValueError, match="prompt 0 holds <pair> 0 times"):
        processor(picture_pair, "what changed ?")
    with pytest.raises(ValueError, match="prompt 0 holds <pair> 0 times"):
        processor(picture_pair, "")
    with pytest.raises(ValueError, match="prompt 0 holds <delta> 2 times"):
        processor(picture_pair, "<pair><delta><delta> what changed ?")
    with pytest.raises(ValueError, match="1 prompts for 2 pairs"):
        processor([picture_pair] * 2, [processor.prompt()])
    with pytest.raises(ValueError, match="1 answers for 2 pairs"):
        processor([picture_pair] * 2, answers="nothing")
    with pytest.raises(ValueError, match="holds the placeholder <pair>"):
        processor(picture_pair, answers="nothing <pair>")


def test_text_alone_is_the_same_prompt_without_placeholders(processor: OneDiffProcessor, picture_pair: Pair) -> None:
    alone = processor.tokenised([processor.prompt()], None, ["nothing changed ."])
    whole = processor(picture_pair, answers="nothing changed .")
    kept = ~np.isin(whole["input_ids"], processor.placeholder_ids)
    assert alone["input_ids"].tolist() == [whole["input_ids"][kept].tolist()]
    assert alone["labels"].tolist() == [whole["labels"][kept].tolist()]
