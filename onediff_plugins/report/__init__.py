"""HTML reports: one self-contained page per pair, and an index of a batch. `docs/report.md` says what they show."""

from __future__ import annotations

from onediff_plugins.report.index import INDEX, index_parts
from onediff_plugins.report.page import REPORT, write_html
from onediff_plugins.report.thumbnail import write_thumbnail

__all__ = ["INDEX", "REPORT", "index_parts", "write_html", "write_thumbnail"]
