"""The note of a run: read back, compared, and never mistaken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from onediff_plugins import runs
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

ASKED = {"domain": None, "detector": None, "heads": []}


def note(settings: dict[str, dict[str, object]] | None = None, **asked: object) -> dict[str, object]:
    return runs.describe({**ASKED, **asked}, settings if settings is not None else {"ui": {"threshold": 0.5}})


def test_equal_notes_do_not_differ() -> None:
    assert runs.differences(note(), note()) == []


def test_every_value_that_differs_is_named() -> None:
    now = note({"ui": {"threshold": 0.4}}, detector="ui-blocks", heads=["a"])
    assert runs.differences(note(), now) == [
        'detector: not given then, "ui-blocks" now',
        'heads: [] then, ["a"] now',
        "ui.threshold: 0.5 then, 0.4 now",
    ]


def test_a_setting_that_one_version_does_not_know_is_named() -> None:
    now = note({"ui": {"threshold": 0.5, "noise": 2}})
    assert runs.differences(note(), now) == ["ui.noise: not given then, 2 now"]


def test_a_domain_of_one_run_alone_does_not_count() -> None:
    now = note({"ui": {"threshold": 0.5}, "satellite": {"threshold": 0.9}})
    assert runs.differences(note(), now) == []
    assert runs.differences(now, note()) == []


def test_a_note_comes_back_from_json(tmp_path: Path) -> None:
    (tmp_path / runs.NOTE).write_text(json.dumps(note()))
    assert runs.read(tmp_path) == note()


def test_where_there_is_no_note_there_was_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "gone", tmp_path / "file"):
        assert runs.read(folder) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": "other/1"}', '{"schema": "onediff.run/1"}', '{"schema": "onediff.run/1", "asked": 1}'],
)
def test_a_note_that_is_not_ours_or_damaged_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / runs.NOTE).write_text(text)
    with pytest.raises(ExportError, match=r"run\.json is not the note of a run of onediff, or damaged"):
        runs.read(tmp_path)
