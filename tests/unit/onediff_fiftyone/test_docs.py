"""docs/fiftyone.md names what there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from onediff_fiftyone import declaring, schema
from onediff_fiftyone.commands import review

if TYPE_CHECKING:
    from pathlib import Path


def test_every_field_is_documented(repo: Path) -> None:
    text = (repo / "docs/fiftyone.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    fields = {spec.path.rpartition(".")[2] for spec in declaring.FIELDS} - {schema.RECORD_DIGEST}  # ours to remember
    assert sorted(fields - named) == []


def test_every_option_of_the_command_is_documented(repo: Path) -> None:
    text = (repo / "docs/fiftyone.md").read_text(encoding="utf-8")
    options = [option.opts[-1] for option in review.params if isinstance(option, click.Option)]
    assert [option for option in options if f"`{option}" not in text] == []


def test_fields_lie_inside_of_fields_that_come_before_them() -> None:
    seen: set[str] = set()
    for spec in declaring.FIELDS:
        outer = spec.path.partition(".")[0]
        assert outer == spec.path or outer in seen
        assert spec.path not in seen
        assert spec.about
        seen.add(spec.path)


def test_what_is_indexed_is_a_field() -> None:
    paths = {spec.path for spec in declaring.FIELDS}
    assert {index.removesuffix(".label") for index in declaring.INDEXES} <= paths | {declaring.DETECTIONS}
