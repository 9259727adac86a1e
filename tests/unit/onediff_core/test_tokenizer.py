"""A small vocabulary loses nothing and keeps the words whole that it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from onediff_core.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    f"a {colour} {shape} was built on the {side}."
    for colour in ("red", "blue")
    for shape in ("house", "road", "bridge")
    for side in ("left", "right", "upper left")
]
WORDS = ("left", "right", "three", "12", "Villa")
TOKENIZER = train_tokenizer(TEXTS, size=400, words=WORDS)


@given(st.text().map(str.lower).filter(lambda text: "<" not in text))
def test_any_lower_case_text_comes_back_as_it_was(text: str) -> None:
    ids = TOKENIZER(text)["input_ids"]
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == text


def test_upper_case_is_read_as_lower_case() -> None:
    assert TOKENIZER("A Red HOUSE")["input_ids"] == TOKENIZER("a red house")["input_ids"]


def test_a_text_starts_with_its_start_and_special_tokens_come_first() -> None:
    assert TOKENIZER.convert_ids_to_tokens([0, 1, 2]) == ["<pad>", "<s>", "</s>"]
    assert (TOKENIZER.pad_token_id, TOKENIZER.bos_token_id, TOKENIZER.eos_token_id) == (0, 1, 2)
    assert TOKENIZER("left")["input_ids"][0] == 1
    assert TOKENIZER("left", add_special_tokens=False)["input_ids"][0] != 1


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_is_asked_for_is_one_token_alone_and_after_a_space(word: str) -> None:
    assert len(TOKENIZER.tokenize(word)) == 1
    assert TOKENIZER.tokenize(f"a {word}")[1:] == [f"Ġ{word.lower()}"]


def test_frequent_words_of_the_texts_are_short() -> None:
    assert TOKENIZER.tokenize("a red house was built")[1:] == ["Ġred", "Ġhouse", "Ġwas", "Ġbuilt"]
    assert len(TOKENIZER.tokenize("xylophone")) > 3


def test_the_vocabulary_has_at_most_the_size_that_is_asked_for() -> None:
    assert len(TOKENIZER) <= 400
    assert len(train_tokenizer(TEXTS, size=300)) == 300


def test_the_same_texts_make_the_same_vocabulary() -> None:
    again = train_tokenizer(iter(TEXTS), size=400, words=reversed(WORDS))
    assert again.backend_tokenizer.to_str() == TOKENIZER.backend_tokenizer.to_str()


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == TOKENIZER.get_vocab()
    text = "a red  villa .\non the left"
    assert again(text)["input_ids"] == TOKENIZER(text)["input_ids"]
    assert again.decode(again(text)["input_ids"], skip_special_tokens=True) == text


def test_too_small_a_size_names_the_words_that_it_would_cut() -> None:
    with pytest.raises(ValueError, match=r"size 262 is too small .* left"):
        train_tokenizer(TEXTS, size=262, words=["left"])
    with pytest.raises(ValueError, match="size 100 is too small"):
        train_tokenizer(TEXTS, size=100)


def test_what_no_token_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="upper left"):
        train_tokenizer(TEXTS, size=400, words=["upper left"])
    with pytest.raises(ValueError, match="texts is empty"):
        train_tokenizer([], size=400)
