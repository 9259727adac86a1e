"""The index of a batch: a card for every pair, with filters, and links to the reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from onediff_plugins.report.pages import render, script_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

INDEX: Final = "index.html"

_TEXT: Final = 400  # of a caption or an error; the report has all of it
_LABELS: Final = 12


def index_parts(title: str, records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The index page, part by part: memory does not grow with the batch.

    Args:
        title: of the page.
        records: results and failures as JSON values, `files` relative to the folder that the page is written to.
            Consumed one at a time.
    """
    rows = (script_data(_row(record)) for record in records)
    # Images come from beside the page; browsers differ in whether 'self' includes that for a local file.
    yield from render("index", "'self' file: data:", {"title": title, "rows": rows})


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    shared = {"id": record["id"], "domain": record["domain"]}
    if "error" in record:
        error = record["error"]
        where = f" ({error['stage']})" if error.get("stage") else ""
        return {**shared, "verdict": "failed", "caption": f"{error['type']}{where}: {error['message'][:_TEXT]}"}
    files, regions = record["files"], record["regions"]
    return {
        **shared,
        "verdict": {True: "changed", False: "unchanged", None: "undecided"}[record["changed"]],
        "caption": (record["reason"] or record["caption"])[:_TEXT],
        "score": round(record["score"], 4),
        "kinds": dict(Counter(region["kind"] for region in regions)),
        "labels": [label for label, _ in Counter(r["label"] for r in regions if r["label"]).most_common(_LABELS)],
        "report": _address(files.get("report")),
        "thumbnail": _address(files.get("thumbnail")),
    }


def _address(path: str | None) -> str | None:
    return None if path is None else quote(path)
