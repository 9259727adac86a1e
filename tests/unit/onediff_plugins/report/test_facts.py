"""What stands behind a result, for the details of its report."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.records import Fallback, GeoRecord, ModelRecord, PieceRecord, Provenance, RegistrationRecord
from onediff_plugins.report.facts import Section, sections

if TYPE_CHECKING:
    from collections.abc import Callable


def titled(result: Any, title: str, notes: dict[str, str] | None = None) -> Section:
    return next(section for section in sections(result, notes or {}) if section.title == title)


def rows(section: Section) -> dict[str, str]:
    return dict(section.rows)


def test_sections_without_content_are_left_out(make_result: Callable[..., Any]) -> None:
    titles = [section.title for section in sections(make_result(), {})]
    assert titles == ["Verdict", "Before", "After", "Alignment", "Provenance"]


def test_a_matrix_is_told_as_shift_turn_and_scale(make_result: Callable[..., Any]) -> None:
    turn, scale = math.radians(2), 1.25
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    matrix = ((c, -s, 0), (s, c, 0), (0, 0, 1))
    registration = RegistrationRecord(method="sift", matrix=matrix, residual_px=0.123, overlap=0.987)
    told = rows(titled(make_result(registration=registration), "Alignment"))
    assert (told["Rotation"], told["Scale"]) == ("+2.000°", "1.25000")
    assert (told["Method"], told["Residual"], told["Overlap"]) == ("sift", "0.12 px", "98.7%")
    dx, dy = (float(number) for number in told["Shift at the centre"].removesuffix(" px").split(", "))
    assert (dx, dy) == pytest.approx((c * 200 - s * 150 - 200, s * 200 + c * 150 - 150), abs=0.01)


def test_pieces_of_a_layout_are_a_table(make_result: Callable[..., Any]) -> None:
    pieces = tuple(PieceRecord(after_box=(0, n, 100, n + 1), dx=0, dy=-n) for n in range(250))
    identity = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    registration = RegistrationRecord(method="layout", matrix=identity, pieces=pieces, overlap=1.0)
    section = titled(make_result(registration=registration), "Alignment")
    assert section.table[3] == ["0, 3, 100, 4", "+0", "-3"]
    assert len(section.table) == 200
    assert "other 50" in section.note


def test_place_time_models_and_further_columns_are_shown(make_result: Callable[..., Any]) -> None:
    plain = make_result()
    models = {"detect": ModelRecord(name="ir-mad", revision="1", licence="Apache-2.0", heads=("building",))}
    result = plain.replace(
        georef=GeoRecord(crs="EPSG:32631", transform=(0.5, 0, 448_000, 0, -0.5, 5_411_000)),
        before=plain.before.replace(captured_at=datetime(2024, 5, 1, 12, tzinfo=UTC), window=(0, 0, 10, 10)),
        provenance=Provenance(onediff_plugins="0.1", plugins={"onediff-x": "2"}, settings_digest="d", models=models),
        meta={"scene": "Lyon", "row": 3},
    )
    assert rows(titled(result, "Place")) == {
        "CRS": "EPSG:32631",
        "Upper left corner": "448000, 5411000",
        "Pixel": "0.5 x 0.5",
    }
    assert rows(titled(result, "Before"))["Captured"] == "2024-05-01 12:00:00+00:00"
    assert rows(titled(result, "Before"))["Window"] == "0, 0, 10, 10"
    made = rows(titled(result, "Provenance"))
    assert made["Model: detect"] == "ir-mad, revision 1, Apache-2.0, building"
    assert (made["onediff-plugins"], made["onediff-x"]) == ("0.1", "2")
    assert rows(titled(result, "Your columns")) == {"scene": "Lyon", "row": "3"}
    assert rows(titled(result, "From plugins", {"residual": "0.3"})) == {"residual": "0.3"}


def test_who_was_to_write_the_words_and_did_not_is_shown(make_result: Callable[..., Any]) -> None:
    fallbacks = (
        Fallback(model="hf-vlm", instead="template", reason="the server is away"),
        Fallback(model="hf-vlm", instead=None, reason="too many", regions=(7, 8)),
    )
    made = Provenance(onediff_plugins="0.1", settings_digest="d", fallbacks=fallbacks)
    shown = rows(titled(make_result(provenance=made), "Provenance"))
    assert shown["template for hf-vlm"] == "the server is away"
    assert shown["Nobody for hf-vlm, regions 7, 8"] == "too many"


def test_timings_which_differ_from_run_to_run_are_not_there(make_result: Callable[..., Any]) -> None:
    one, other = (sections(make_result(timings_ms={"load": ms}), {}) for ms in (1.0, 2.0))
    assert one == other


def test_an_undecided_result_says_why(make_result: Callable[..., Any]) -> None:
    result = make_result(0, changed=None, reason="only 1.0% of the pair can be compared", valid_fraction=0.01)
    assert rows(titled(result, "Verdict")) == {
        "Verdict": "undecided",
        "Score": "0.020",
        "Could be compared": "1.0%",
        "Reason": "only 1.0% of the pair can be compared",
    }
