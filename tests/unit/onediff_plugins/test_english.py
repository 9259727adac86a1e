"""Articles, plurals, lists, measures and sentences."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onediff_plugins.english import area_words, article, colour_words, listed, plural, quoted, sentence


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("building", "a building"),
        ("area", "an area"),
        ("item", "an item"),
        ("unit", "a unit"),
        ("user menu", "a user menu"),
        ("one-way street", "a one-way street"),
        ("hour hand", "an hour hand"),
        ("SVG icon", "an SVG icon"),
        ("URL bar", "a URL bar"),
        ("HTML table", "an HTML table"),
        ("18-wheeler", "an 18-wheeler"),
        ("11", "an 11"),
        ("180 sign", "a 180 sign"),
        ("umbrella", "an umbrella"),
        ("European plug", "a European plug"),
    ],
)
def test_an_article_follows_the_sound_of_the_noun(noun: str, expected: str) -> None:
    assert article(noun) == expected


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("building", "buildings"),
        ("box", "boxes"),
        ("bush", "bushes"),
        ("bus", "buses"),
        ("city", "cities"),
        ("driveway", "driveways"),
        ("person", "people"),
        ("parked car", "parked cars"),
        ("table entry", "table entries"),
        ("young person", "young people"),
        ("roof", "roofs"),
    ],
)
def test_the_last_word_of_a_noun_phrase_takes_the_plural(noun: str, expected: str) -> None:
    assert plural(noun) == expected


def test_a_list_has_no_comma_before_and() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_parts_with_commas_of_their_own_are_set_apart_by_semicolons() -> None:
    assert listed(["two trees, one of them old", "a road"]) == "two trees, one of them old; and a road"


def test_a_thousands_comma_does_not_count_as_a_comma() -> None:
    assert listed(["1,200 trees", "a road"]) == "1,200 trees and a road"


@pytest.mark.parametrize(
    ("square_metres", "expected"),
    [
        (0.2, "under 1 m²"),
        (7.4, "about 7 m²"),
        (9.7, "about 10 m²"),
        (424, "about 420 m²"),
        (1_234, "about 1,200 m²"),
        (9_940, "about 9,900 m²"),
        (9_990, "about 1 hectare"),
        (12_345, "about 1.2 hectares"),
        (151_000, "about 15 hectares"),
        (999_000, "about 1 km²"),
        (2_200_000, "about 2.2 km²"),
        (54_321_000, "about 54 km²"),
        (1_234_567_890, "about 1,200 km²"),
    ],
)
def test_an_area_is_rounded_to_a_unit_that_people_use(square_metres: float, expected: str) -> None:
    assert area_words(square_metres) == expected


def _square_metres(words: str) -> float:
    number, unit = re.fullmatch(r"about ([\d.,]+) (\S+)", words).groups()
    return float(number.replace(",", "")) * {"m²": 1, "hectare": 1e4, "hectares": 1e4, "km²": 1e6}[unit]


@given(st.floats(10, 1e12))
def test_a_rounded_area_is_within_five_percent(square_metres: float) -> None:
    assert math.isclose(_square_metres(area_words(square_metres)), square_metres, rel_tol=0.0501)


@given(st.text(min_size=1, max_size=80).filter(lambda text: re.search(r"\w", text)))
def test_a_sentence_has_single_spaces_and_one_mark_at_its_end(text: str) -> None:
    said = sentence(text)
    assert not re.search(r"\s\s", said)
    assert said[-1] in ".!?"
    assert not said.endswith("..")
    assert said == sentence(said)


def test_a_sentence_keeps_the_case_of_everything_but_its_first_letter() -> None:
    assert sentence("an SVG icon  was\nadded") == "An SVG icon was added."


def test_a_long_quotation_is_shortened_on_one_line() -> None:
    assert quoted("$12") == '"$12"'
    assert quoted("a\nb") == '"a b"'
    assert quoted("x" * 60) == '"' + "x" * 39 + '…"'


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("#000", "black (#000)"),
        ("#ffffff", "white (#ffffff)"),
        ("#808080", "grey (#808080)"),
        ("#333333", "dark grey (#333333)"),
        ("#d33", "red (#d33)"),
        ("#2f7d5b", "green (#2f7d5b)"),
        ("#c4532d", "orange (#c4532d)"),
        ("#6b4423", "brown (#6b4423)"),
        ("#0b3d91", "dark blue (#0b3d91)"),
        ("#ADD8E6", "light teal (#ADD8E6)"),
        ("#ff69b4", "pink (#ff69b4)"),
        ("crimson", "crimson"),
        ("#12345", "#12345"),
    ],
)
def test_a_hex_colour_is_named(colour: str, expected: str) -> None:
    assert colour_words(colour) == expected


@given(st.integers(0, 0xFFFFFF))
def test_every_hex_colour_has_a_name(number: int) -> None:
    assert re.fullmatch(r"((dark|light) )?[a-z]+ \(#[0-9a-f]{6}\)", colour_words(f"#{number:06x}"))
