from __future__ import annotations

import pytest

from onediff_core.evaluation.captions import java as tools
from onediff_core.evaluation.captions import ptb

# As the PTB tokenizer in Java answers, which the next test holds it to.
TEXTS = {
    "A house, built at the top-left corner; trees (some) are removed!": (
        "a house built at the top-left corner trees -lrb- some -rrb- are removed"
    ),
    "The man's car isn't there, and it can't be seen.": "the man 's car is n't there and it ca n't be seen",
    "They cannot see what's gone... or is it?": "they can not see what 's gone or is it",
    "1,000 cars at 10:30 cost $12 or 3.5%": "1,000 cars at 10:30 cost $ 12 or 3.5 %",
    "black & white and/or grey": "black & white and/or grey",
    'The "New order" button turns red -- at last': "the new order button turns red at last",
    "": "",
    "...": "",
}


@pytest.mark.parametrize(("text", "words"), TEXTS.items())
def test_captions_become_words_in_lower_case_without_punctuation(text, words):
    assert ptb.words(text) == words


def test_java_answers_the_same(java):
    assert tools.words(list(TEXTS)) == list(TEXTS.values())


def test_of_real_captions_hardly_any_is_taken_apart_otherwise(java, real_captions):
    texts = [*real_captions.said, *(text for some in real_captions.references for text in some)]
    different = [text for text, words in zip(texts, tools.words(texts), strict=True) if ptb.words(text) != words]
    assert len(different) <= len(texts) / 200


def test_line_ends_of_any_kind_do_not_part_a_caption():
    assert ptb.one_line("a\nb\u2028c\r\nd\x0be") == "a b c d e"
