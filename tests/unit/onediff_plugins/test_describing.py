"""Who writes the words where the captioner that was chosen has none, and what the record says of it."""

from __future__ import annotations

import json
import logging

import pytest

from onediff_plugins import Description, ModelSpec
from onediff_plugins.errors import DescriptionError, StageError


class Saying:
    """A describer that gives what it was made with, or raises it."""

    def __init__(self, said):
        self.said, self.asked = said, []

    def describe(self, pairs, regions, prompts):
        self.asked.append((list(regions[0]), prompts[0]))
        if isinstance(self.said, Exception):
            raise self.said
        return [self.said(regions[0])] if callable(self.said) else [self.said]


def silent(why="no words today"):
    return DescriptionError(why)


@pytest.fixture
def host_of(make_host, make_domain):
    """A host whose domain prefers the describers named, in that order; each says what is given."""

    def make(*order, **said):
        describers = {name: Saying(value) for name, value in said.items()}
        specs = [
            ModelSpec(name=name, roles={"describe"}, build=lambda context, model=model: model)
            for name, model in describers.items()
        ]
        plugin = make_domain(
            spec={"describers": order}, onediff_models=lambda: specs, onediff_caption_prompt=lambda: "What now?"
        )
        return make_host(plugin), describers

    return make


@pytest.fixture
def two_boxes(pictures):
    before, after = pictures
    after = after.copy()
    after[45:55, 5:15] = 90
    return before, after


def test_a_describer_with_words_is_the_only_one_asked(host_of, pictures):
    host, describers = host_of("first", "second", first=Description(caption="One."), second=Description(caption="Two."))
    result = host.compare(*pictures)
    assert (result.caption, result.caption_source, result.provenance.fallbacks) == ("One.", "first", ())
    assert describers["second"].asked == []


@pytest.mark.parametrize("asked", [None, "first"])
def test_the_next_describer_answers_with_the_same_question(host_of, pictures, schema_errors, caplog, asked):
    host, describers = host_of("first", "second", first=silent(), second=Description(caption="Two."))
    result = host.compare(*pictures, captioner=asked)
    assert (result.caption, result.caption_source) == ("Two.", "second")
    assert describers["second"].asked == describers["first"].asked == [(describers["first"].asked[0][0], "What now?")]
    record = json.loads(result.model_dump_json())
    assert record["provenance"]["fallbacks"] == [
        {"role": "describe", "model": "first", "instead": "second", "reason": "no words today"}
    ]
    assert record["provenance"]["models"]["describe"]["name"] == "second"
    assert schema_errors(record) == []
    assert [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING] == [
        "pair '000001': words by second, since first has none: no words today"
    ]


def test_only_those_after_it_are_asked_and_all_where_it_is_not_among_them(host_of, pictures):
    words = {"first": Description(caption="One."), "second": silent(), "third": Description(caption="Three.")}
    host, describers = host_of("first", "second", "third", **words)
    assert host.compare(*pictures, captioner="second").caption == "Three."
    assert describers["first"].asked == []
    host, _ = host_of("first", "third", **words)
    assert host.compare(*pictures, captioner="second").caption == "One."


def test_a_next_describer_that_fails_in_any_way_is_passed_over_and_told(host_of, pictures):
    host, _ = host_of("first", "second", "template", first=silent(), second=RuntimeError("boom"))
    result = host.compare(*pictures)
    assert result.caption_source == "template"
    assert [(f.model, f.instead) for f in result.provenance.fallbacks] == [
        ("first", "template"),
        ("second", "template"),
    ]
    assert "boom" in result.provenance.fallbacks[1].reason


def test_a_chosen_describer_that_breaks_is_not_covered_up(host_of, pictures):
    host, _ = host_of("first", "template", first=RuntimeError("boom"))
    with pytest.raises(StageError, match="boom"):
        host.compare(*pictures)


def test_without_anybody_else_the_pair_fails_with_the_reason(host_of, pictures):
    host, _ = host_of("first", first=silent())
    with pytest.raises(DescriptionError, match="no words today") as error:
        host.compare(*pictures)
    assert (error.value.stage, error.value.plugin) == ("caption", "toy")


def test_regions_without_words_are_said_by_the_next(host_of, two_boxes, schema_errors):
    def part(regions):
        return Description(caption="Both.", region_captions=("", *["Mine."] * (len(regions) - 1)), unsaid="too many")

    host, describers = host_of(
        "first",
        "second",
        first=part,
        second=lambda found: Description(caption="-", region_captions=("Theirs.",) * len(found)),
    )
    result = host.compare(*two_boxes)
    assert (result.caption, result.caption_source) == ("Both.", "first")
    assert [region.caption for region in result.regions] == ["Theirs.", "Mine."]
    assert [region.id for region in describers["second"].asked[0][0]] == [1]
    record = json.loads(result.model_dump_json())
    assert record["provenance"]["fallbacks"] == [
        {"role": "describe", "model": "first", "instead": "second", "reason": "too many", "regions": [1]}
    ]
    assert schema_errors(record) == []


def test_regions_that_nobody_has_words_for_stay_without(host_of, two_boxes, schema_errors):
    part = Description(caption="Both.", region_captions=("", "Mine."), unsaid="too many")
    for second in (silent("neither have I"), Description(caption="No places.")):
        host, _ = host_of("first", "second", first=part, second=second)
        result = host.compare(*two_boxes)
        assert [region.caption for region in result.regions] == ["", "Mine."]
        assert result.provenance.fallbacks[0].reason == "too many"
        assert schema_errors(json.loads(result.model_dump_json())) == []


def test_an_empty_region_caption_without_a_reason_stays_empty(host_of, two_boxes):
    host, describers = host_of(
        "first", "second", first=Description(caption="Both.", region_captions=("", "Mine.")), second=silent()
    )
    result = host.compare(*two_boxes)
    assert [region.caption for region in result.regions] == ["", "Mine."]
    assert (result.provenance.fallbacks, describers["second"].asked) == ((), [])


def test_a_describer_that_cannot_be_used_here_is_not_among_the_next(make_host, make_domain, pictures):
    away = ModelSpec(name="away", roles={"describe"}, build=lambda c: Saying(silent()), available=lambda: "no weights")
    first = ModelSpec(name="first", roles={"describe"}, build=lambda c: Saying(silent()))
    plugin = make_domain(
        spec={"describers": ("first", "away", "missing", "difference")}, onediff_models=lambda: [away, first]
    )
    with pytest.raises(DescriptionError, match="no words today"):
        make_host(plugin).compare(*pictures)


def test_a_reason_of_many_lines_is_one_short_line_in_the_record(host_of, pictures):
    host, _ = host_of("first", "template", first=silent("page\n" * 1000))
    (fallback,) = host.compare(*pictures).provenance.fallbacks
    assert len(fallback.reason) == 500
    assert "\n" not in fallback.reason
