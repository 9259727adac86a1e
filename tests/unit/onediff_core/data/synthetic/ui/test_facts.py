"""Facts of edits, as captions quote them."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.data.synthetic.ui import words
from onediff_core.data.synthetic.ui.facts import colour_change, hexadecimal, text_change


def test_a_short_text_is_quoted_whole() -> None:
    assert text_change("Save draft", "Save copy") == {
        "what": "text",
        "text_before": "Save draft",
        "text_after": "Save copy",
    }


def test_of_a_long_text_the_words_that_differ_are_quoted() -> None:
    facts = text_change(
        "each open order moves its label over new carts", "each open order moves its token over new carts"
    )
    assert (facts["text_before"], facts["text_after"]) == ("label", "token")


def test_a_colour_is_told_by_name() -> None:
    assert colour_change("#1040c0", "#c01020") == {"what": "colour", "colour_before": "blue", "colour_after": "red"}


def test_two_shades_of_one_name_are_nothing_to_tell() -> None:
    assert colour_change("#1040c0", "#1545c8") == {}


@pytest.mark.parametrize(
    ("css", "said"),
    [
        ("rgb(1, 2, 255)", "#0102ff"),
        ("rgba(0, 0, 0, 0)", ""),
        ("rgba(1, 2, 3, 1)", "#010203"),
        ("#abcdef", "#abcdef"),
        ("", ""),
    ],
)
def test_colours_of_browsers_are_read(css: str, said: str) -> None:
    assert hexadecimal(css) == said


@pytest.mark.parametrize("kind", ["person", "money", "sentence", "code", "status", "product", "title", "action"])
def test_a_text_is_rewritten_to_another_one(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        text = words.write(kind, rng)
        assert text.strip()
        assert "{" not in text
        assert words.rewrite(kind, text, rng) != text
