"""What stands behind a result, as sections of names and values for the details of its report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from onediff_plugins.report.places import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onediff_plugins.records import ChangeResult, Fallback, RegistrationRecord, SourceInfo

_PIECES: Final = 200


class Section(NamedTuple):
    """A part of the details.

    Attributes:
        title: its heading.
        rows: name and value.
        head: column names of the table, or ().
        table: its rows.
        note: a sentence below, or "".
    """

    title: str
    rows: Sequence[Sequence[str]] = ()
    head: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    note: str = ""


def sections(result: ChangeResult, notes: Mapping[str, str]) -> list[Section]:
    """Everything about a result but its regions and its timings, which differ from run to run.

    Args:
        result: any result.
        notes: texts of plugins' overlays, by name.
    """
    found = [
        Section("Verdict", _verdict(result)),
        Section("Before", _side(result.before)),
        Section("After", _side(result.after)),
        _alignment(result.registration, result.after),
        Section("Place", _place(result)),
        Section("From plugins", [list(item) for item in notes.items()]),
        Section("Your columns", facts(result.meta)),
        _provenance(result),
    ]
    return [section for section in found if section.rows or section.table]


def _verdict(result: ChangeResult) -> list[list[str]]:
    verdict = {True: "changed", False: "not changed", None: "undecided"}[result.changed]
    rows = [
        ["Verdict", verdict],
        ["Score", f"{result.score:.3f}"],
        ["Could be compared", f"{result.valid_fraction:.1%}"],
    ]
    return rows + ([["Reason", result.reason]] if result.reason else [])


def _side(side: SourceInfo) -> list[list[str]]:
    rows = [["Source", side.source], ["Size", f"{side.width} x {side.height} px"]]
    if side.window is not None:
        rows.append(["Window", ", ".join(map(str, side.window))])
    if side.captured_at is not None:
        rows.append(["Captured", side.captured_at.isoformat(sep=" ")])
    return rows


def _alignment(registration: RegistrationRecord, after: SourceInfo) -> Section:
    rows = [["Method", registration.method]]
    if registration.residual_px is not None:
        rows.append(["Residual", f"{registration.residual_px:.2f} px"])
    rows.append(["Overlap", f"{registration.overlap:.1%}"])
    if registration.pieces is not None:
        shown = registration.pieces[:_PIECES]
        table = [[", ".join(map(str, p.after_box)), f"{p.dx:+d}", f"{p.dy:+d}"] for p in shown]
        count = len(registration.pieces)
        note = "before = after + (dx, dy), in whole pixels. What no piece covers has no counterpart."
        if count > _PIECES:
            note += f" The record holds the other {count - _PIECES}."
        rows.append(["Pieces", str(count)])
        return Section("Alignment", rows, ("Piece of the after image", "dx", "dy"), table, note)
    matrix = np.array(registration.matrix)
    table = [[f"{value:.6g}" for value in row] for row in matrix.tolist()]
    note = "after pixel → before pixel"
    return Section("Alignment", rows + _motion(matrix, after), (), table, note)


def _motion(matrix: np.ndarray[Any, Any], after: SourceInfo) -> list[list[str]]:
    """Shift, turn and scale at the centre of the after image, which say more than nine numbers."""
    centre = np.array([after.width / 2, after.height / 2, 1.0])
    there = matrix @ centre
    if not there[2]:
        return []
    dx, dy = there[:2] / there[2] - centre[:2]
    turn = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
    scale = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    return [
        ["Shift at the centre", f"{dx:+.2f}, {dy:+.2f} px"],
        ["Rotation", f"{turn:+.3f}°"],
        ["Scale", f"{scale:.5f}"],
    ]


def _place(result: ChangeResult) -> list[list[str]]:
    if result.georef is None:
        return []
    crs = result.georef.crs
    a, b, c, d, e, f = result.georef.transform
    return [
        ["CRS", crs if len(crs) <= 80 else f"{crs[:80]}…"],
        ["Upper left corner", f"{c:.8g}, {f:.8g}"],
        ["Pixel", f"{math.hypot(a, d):.6g} x {math.hypot(b, e):.6g}"],
    ]


def _provenance(result: ChangeResult) -> Section:
    made = result.provenance
    rows = [["Domain", result.domain], ["Detector", result.detector], ["Words by", result.caption_source]]
    for role, model in made.models.items():
        details = [model.name, model.revision and f"revision {model.revision}", model.licence, *model.heads]
        rows.append([f"Model: {role}", ", ".join(part for part in details if part)])
    rows += [[_missed(fallback), fallback.reason] for fallback in made.fallbacks]
    rows += [[name, version] for name, version in {"onediff-plugins": made.onediff_plugins, **made.plugins}.items()]
    return Section("Provenance", [*rows, ["Settings digest", made.settings_digest]])


def _missed(fallback: Fallback) -> str:
    """Such as "template for hf-vlm, regions 7, 8"."""
    regions = "" if fallback.regions is None else f", regions {', '.join(map(str, fallback.regions))}"
    return f"{fallback.instead or 'Nobody'} for {fallback.model}{regions}"
