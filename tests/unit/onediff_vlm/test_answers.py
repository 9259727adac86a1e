"""What a chat model writes, and what is taken from it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onediff_vlm.answers import LONGEST_CAPTION, UnusableAnswerError, quote, read_answer

GOOD = '{"regions": [{"id": 1, "caption": "a shed is new"}, {"id": 2, "caption": "a tree is gone"}], "caption": "both"}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! Here {{is}} the answer:\n{GOOD}\nI hope that {{helps}}.",
        f'<think>Perhaps {{"caption": "no"}} ...</think>{GOOD}',
        f'{{"note": "an object of something else"}} {GOOD}',
        GOOD.replace('"regions"', '"places"'),
        GOOD.replace('"id": 1', '"id": "1"').replace('"id": 2', '"id": "Place 2"'),
        GOOD.replace('"id": 1', '"id": 1.0'),
        '{"caption": "both", "regions": {"1": "a shed is new", "2": {"caption": "a tree is gone"}}}',
    ],
)
def test_an_answer_is_found_in_whatever_it_is_wrapped(text):
    answer = read_answer(text, [1, 2], pair=True)
    assert answer.captions == {1: "A shed is new.", 2: "A tree is gone."}
    assert answer.caption == "Both."
    assert (answer.unseen, answer.missing, answer.invented) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("<think>so many thoughts</think>", "it is empty"),
        ("A shed was built.", r'it holds no JSON object: "A shed was built\."'),
        (GOOD[:60], "its JSON breaks off"),
        ("{" * 10_000, "its JSON breaks off"),
        ('{"a":' * 20_000, "its JSON breaks off"),
        ('{"caption": ' + "9" * 10_000 + "}", "no JSON"),
        ("[1, 2, 3]", "no JSON object"),
        ('{"caption": "both"}', 'no list "regions" but "caption"'),
        ('{"regions": "both", "caption": "both"}', 'no list "regions"'),
        ("{}", 'no list "regions" but nothing'),
        (GOOD.replace('"caption": "both"', '"caption": ""'), 'no words under "caption"'),
        (GOOD.replace('"caption": "both"', '"caption": ["both"]'), 'no words under "caption"'),
        (
            GOOD.replace('"id": 1', '"id": 7').replace('"id": 2', '"id": 9'),
            "about places 1, 2 and it speaks of 7, 9",
        ),
        ('{"regions": [], "caption": "both"}', "it speaks of none"),
        ('{"regions": [null, 3, "x", {}], "caption": "both"}', "asked about places 1, 2"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(text, why):
    with pytest.raises(UnusableAnswerError, match=why):
        read_answer(text, [1, 2], pair=True)


def test_places_that_are_missing_unseen_or_invented_are_told_apart():
    text = '{"regions": [{"id": 1, "caption": " "}, {"id": 2, "caption": "new"}, {"id": 8, "caption": "a ghost"}]}'
    answer = read_answer(text, [1, 2, 3], pair=False)
    assert answer.captions == {2: "New."}
    assert (answer.unseen, answer.missing, answer.invented, answer.caption) == ((1,), (3,), ("8",), None)


def test_a_truth_value_is_no_number_of_a_place():
    answer = read_answer('{"regions": [{"id": true, "caption": "x"}, {"id": 2, "caption": "y"}]}', [1, 2], pair=False)
    assert (dict(answer.captions), answer.missing) == ({2: "Y."}, (1,))


def test_a_model_that_sees_nothing_at_all_needs_no_caption():
    answer = read_answer('{"regions": [{"id": 1, "caption": ""}], "caption": ""}', [1], pair=True)
    assert (answer.captions, answer.unseen) == ({}, (1,))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("新しい建物が現れた。", "新しい建物が現れた。"),
        ("एक नया घर बना।", "एक नया घर बना।"),
        ("ein  neues\nHaus", "Ein neues Haus."),
        ("ظهر مبنى جديد", "ظهر مبنى جديد."),
        ('the label reads "Open"', 'The label reads "Open".'),
        (
            "a family \U0001f468\u200d\U0001f469\u200d\U0001f467 left",
            "A family \U0001f468\u200d\U0001f469\u200d\U0001f467 left.",
        ),
        ("a red\x1b[31m box\x07", "A red[31m box."),
        ("half a pair \ud83d is left", "Half a pair  is left."),
        ("turned \u202etxet\u202c round", "Turned txet round."),
        ("...", ""),
        ("a" * 5000, "A" + "a" * (LONGEST_CAPTION - 2) + "…"),
    ],
)
def test_words_of_any_language_become_sentences_that_are_safe_to_print(written, read):
    text = json.dumps({"regions": [{"id": 1, "caption": "x"}], "caption": written})
    if not read:
        with pytest.raises(UnusableAnswerError):
            read_answer(text, [1], pair=True)
        return
    caption = read_answer(text, [1], pair=True).caption
    assert caption == read
    caption.encode()


@given(
    st.text(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["regions", "caption", "id", "1", "x"]), inner, max_size=4)
        ),
        max_leaves=20,
    ).map(json.dumps)
)
def test_no_answer_whatsoever_raises_anything_else(text):
    try:
        answer = read_answer(text, [1, 2], pair=True)
    except UnusableAnswerError:
        return
    assert set(answer.captions) <= {1, 2}
    assert answer.caption or not answer.captions


def test_a_foreign_text_is_quoted_on_one_short_line():
    assert quote("a\nb\x1b[0m", 10) == '"a b [0m"'
    assert quote("x" * 1000, 20) == f'"{"x" * 19}…"'
