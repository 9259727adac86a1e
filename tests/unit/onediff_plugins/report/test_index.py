"""The index of a batch as text; what a reader does with it is in tests/browser."""

from __future__ import annotations

import json
import re
from typing import Any

from onediff_plugins.report import index_parts


def rows(*records: dict[str, Any]) -> list[dict[str, Any]]:
    page = "".join(index_parts("batch", records))
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def record(**fields: Any) -> dict[str, Any]:
    region = {"kind": "added", "label": "tree"}
    values = {
        "id": "a",
        "domain": "ui",
        "changed": True,
        "score": 0.93456,
        "caption": "A tree was added.",
        "reason": None,
        "regions": [region, region, {"kind": "moved", "label": ""}],
        "files": {"report": "pairs/it's a/report.html", "thumbnail": "pairs/it's a/thumbnail.webp"},
    }
    return {**values, **fields}


def test_a_row_counts_kinds_and_quotes_addresses() -> None:
    (row,) = rows(record())
    assert row == {
        "id": "a",
        "domain": "ui",
        "verdict": "changed",
        "caption": "A tree was added.",
        "score": 0.9346,
        "kinds": {"added": 2, "moved": 1},
        "labels": ["tree"],
        "report": "pairs/it%27s%20a/report.html",
        "thumbnail": "pairs/it%27s%20a/thumbnail.webp",
    }


def test_verdicts_are_four() -> None:
    failed = {"id": "b", "domain": "ui", "error": {"type": "PairError", "message": "no", "stage": None, "plugin": None}}
    found = rows(record(), record(changed=False), record(changed=None, reason="too little"), failed)
    assert [row["verdict"] for row in found] == ["changed", "unchanged", "undecided", "failed"]
    assert found[2]["caption"] == "too little"
    assert found[3]["caption"] == "PairError: no"


def test_long_texts_are_cut() -> None:
    assert len(rows(record(caption="x" * 10_000))[0]["caption"]) == 400


def test_a_record_of_an_earlier_version_without_report_is_a_row_too() -> None:
    (row,) = rows(record(files={"score": "pairs/a/score.png"}))
    assert (row["report"], row["thumbnail"]) == (None, None)


def test_records_are_taken_one_at_a_time() -> None:
    taken = 0

    def many():
        nonlocal taken
        for number in range(1000):
            taken = number
            yield record(id=str(number))

    for part in index_parts("batch", many()):
        if '"id":"10"' in part:
            assert taken < 20
            return
    raise AssertionError
