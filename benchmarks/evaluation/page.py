"""Puts results between the markers of a page; everything else of the page stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evaluation.tables import GLANCE
from onediff_core.evaluation.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OVERVIEW = "overview"


def check_places(page: Path, names: Sequence[str]) -> None:
    """Refuse a page that lacks the markers of a table, before anything is measured.

    Raises:
        SystemExit: with the markers to add.
    """
    text = page.read_text(encoding="utf-8")
    for name in (*names, OVERVIEW):
        if not _place(name).search(text):
            raise SystemExit(f"{page} has no place for {name}: add the lines {_start(name)} and {_end(name)}")


def update(page: Path, blocks: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
    """Replace the blocks that were measured, and the rows of the overview with the same first cell.

    Args:
        page: a Markdown file with the markers.
        blocks: name -> Markdown.
        rows: rows of the overview; those of other sets stay where they are, new ones are added at the end.
    """
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        text = _replaced(text, name, block)
    if rows:
        old = {row[0]: row for row in _rows(_place(OVERVIEW).search(text).group("block"))}
        text = _replaced(text, OVERVIEW, markdown(GLANCE, (old | {row[0]: list(row) for row in rows}).values()))
    new = page.with_name(f".{page.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(page)


def _start(name: str) -> str:
    return f"<!-- quality: {name} -->"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"


def _place(name: str) -> re.Pattern[str]:
    return re.compile(f"{re.escape(_start(name))}\n(?P<block>.*?){re.escape(_end(name))}", re.DOTALL)


def _replaced(text: str, name: str, block: str) -> str:
    return _place(name).sub(lambda _: f"{_start(name)}\n{block.strip()}\n{_end(name)}", text)


def _rows(table: str) -> list[list[str]]:
    """The rows of a Markdown table, without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
