"""The files of a run: tables, figures, samples, the contact sheet and the reliability plot; all of them, or none."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

from onediff_core.evaluation import report, tables
from onediff_core.evaluation.sheet import sheet
from onediff_plugins.atomic import replaced_folder
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onediff_core.evaluation.report import Result
    from onediff_core.evaluation.study import Study

FIGURES, TABLES, SAMPLES, SHEET, PLOT = (
    "evaluation.json",
    "evaluation.md",
    "samples.parquet",
    "sheet.html",
    "reliability.svg",
)
KEPT: Final = "swapped"  # a folder of batches, which may be long runs


def check_replaceable(out: Path) -> None:
    """Refuse a folder that holds something that is not an evaluation.

    Raises:
        ExportError: with what to do.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise ExportError(f"{out} is a file: --out names a folder")
    others = [path.name for path in out.iterdir() if path.name != KEPT]
    if not others:
        return
    try:
        held = json.loads((out / FIGURES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        held = None
    if not isinstance(held, dict) or held.get("schema") != report.SCHEMA:
        raise ExportError(f"{out} holds files that are not an evaluation of onediff: choose an empty or new folder")


def write(study: Study, results: Sequence[Result], out: Path, about: Mapping[str, Any]) -> list[str]:
    """Write what was found.

    Args:
        study: what was scored.
        results: of `report.evaluate`.
        out: folder, new or of an earlier evaluation, whose files are replaced.
        about: more for the JSON; `command` stands in the tables, too.

    Returns:
        What could not be written, and why.

    Raises:
        ExportError: the folder cannot be written.
    """
    left_out = []
    figures = report.as_json(study, results, about)
    title = f"{', '.join(study.answers)} on {study.references.path.name}"
    try:
        with replaced_folder(out, keep=(out / KEPT).exists()) as new:
            (new / FIGURES).write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            (new / TABLES).write_text(tables.page(study, results, str(about.get("command", ""))), encoding="utf-8")
            (new / SHEET).write_text(sheet(study, results, title), encoding="utf-8")
            for name, content in ((SAMPLES, _parquet(study, results)), (PLOT, _plot(results))):
                if isinstance(content, bytes):
                    (new / name).write_bytes(content)
                else:
                    (new / name).unlink(missing_ok=True)
                    left_out += [f"{name} is left out: {content}"] if content else []
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror or error}. Choose another --out.") from error
    return left_out


def _parquet(study: Study, results: Sequence[Result]) -> bytes | str:
    """The table of samples, or why there is none."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return "it needs pyarrow: pip install 'onediff-core[eval]'"
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(report.sample_rows(study, results)), stream)
    return stream.getvalue()


def _plot(results: Sequence[Result]) -> bytes | str:
    """The reliability plot, or why there is none; "" where calibration was not scored."""
    found = next((result for result in results if result.protocol.name == "calibration"), None)
    if found is None or not found.scores:
        return ""
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        return "it needs matplotlib: pip install 'onediff-core[eval]'"
    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="as sure as right")
    for name, scores in found.scores.items():
        bins = scores.extra["reliability"]
        sizes = [12 + 120 * row["pairs"] / len(scores.pairs) for row in bins]
        (line,) = axes.plot([row["score"] for row in bins], [row["changed"] for row in bins], label=name)
        places = [row["score"] for row in bins], [row["changed"] for row in bins]
        axes.scatter(*places, s=sizes, color=line.get_color(), clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score of the bin", ylabel="share that changed", aspect="equal")
    axes.legend(loc="upper left", frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="svg")
    return stream.getvalue()
