"""Stage 2: a page as pieces that moved by whole pixels.

Content that is pushed down by an inserted row is found where it went; what stands still beside it stays. A shift is
only used where it explains clearly more than "in place" does: repeated rows do not move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from onediff_plugins.types import Box, Piece, Registration
from onediff_ui.bands import TILE_W, column_bands, strip_sums
from onediff_ui.columns import Columns
from onediff_ui.io import to_screen
from onediff_ui.shifts import DEAD, RENDERING, STILL, Page, Shift, candidate_shifts, mismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.types import Array, FloatArray, ImagePair
    from onediff_ui.settings import UiSettings

# Mismatch (levels times pixels) that one more switch of shifts must save: about three short words.
_SWITCH: Final = 6000.0
# What it costs to leave content without a counterpart, as a share of its texture: less than a misfit, for a row that
# was inserted does not fit anywhere.
_LOST: Final = 0.5
# A shift must leave at most this share of the mismatch that its parts had in place.
_MAX_LEFT: Final = 0.67


def align_pair(pair: ImagePair, settings: UiSettings) -> Registration:
    """Where each part of the after page lies in the before page.

    Args:
        pair: as loaded; sizes may differ.
        settings: `layout` off compares in place.

    Returns:
        A registration by pieces. After areas that no piece covers were inserted, before areas that none covers were
        removed. `matrix` is the shift of the largest part; `overlap` the share of the after page that has a partner;
        `residual_px` is None, for whole-pixel shifts have no residual to measure.
    """
    before, after = (cv2.cvtColor(to_screen(frame), cv2.COLOR_RGB2GRAY) for frame in (pair.before, pair.after))
    pieces = find_pieces(before, after) if settings.layout else [_in_place(before, after)]
    if not (pair.before.valid.all() and pair.after.valid.all()):
        pieces = [_in_place(before, after)]
    covered: dict[tuple[int, int], int] = {}
    for piece in pieces:
        covered[piece.dx, piece.dy] = covered.get((piece.dx, piece.dy), 0) + piece.after_box.area
    dx, dy = max(covered, key=lambda shift: covered[shift], default=(0, 0))
    moved = any((piece.dx, piece.dy) != STILL for piece in pieces)
    return Registration(
        matrix=np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], dtype=np.float64),
        pieces=tuple(pieces),
        method="layout" if moved else "identity",
        overlap=sum(covered.values()) / after.size,
    )


def find_pieces(before: Array, after: Array) -> list[Piece]:
    """Boxes of the after page with the shift to their place in the before page.

    Args:
        before: (Hb, Wb) uint8 grey.
        after: (Ha, Wa) uint8 grey.

    Returns:
        Pieces that do not overlap, neither in the after nor in the before page.
    """
    pages = Page(before), Page(after)
    in_place = mismatch(*pages)
    displaced = cv2.threshold(in_place, RENDERING, 0, cv2.THRESH_TOZERO)[1]
    if before.shape == after.shape and int(cv2.sumElems(displaced)[0]) < _SWITCH:
        return [_in_place(before, after)]
    shifts = [STILL, *candidate_shifts(*pages, in_place)]
    if len(shifts) == 1:
        return [_in_place(before, after)]
    costs = _Costs(
        mismatch={shift: strip_sums(mismatch(*pages, shift) if shift != STILL else in_place) for shift in shifts},
        insert=_LOST * strip_sums(pages[1].texture()),
        remove=_LOST * strip_sums(pages[0].texture()),
        steps=strip_sums(_edge_above(after)),
    )
    while len(shifts) > 1:
        pieces, poor = _try_shifts(*pages, costs, shifts)
        if not poor:
            return _merged(_without_double_use(before, after, pieces))
        shifts = [shift for shift in shifts if shift not in poor]
    return [_in_place(before, after)]


def _in_place(before: Array, after: Array) -> Piece:
    return Piece(Box(0, 0, min(before.shape[1], after.shape[1]), min(before.shape[0], after.shape[0])), 0, 0)


class _Costs(NamedTuple):
    """Sums over strips of columns, row by row, as `Columns` takes them."""

    mismatch: dict[Shift, FloatArray]
    insert: FloatArray
    remove: FloatArray
    steps: FloatArray


def _try_shifts(before: Page, after: Page, costs: _Costs, shifts: Sequence[Shift]) -> tuple[list[Piece], set[Shift]]:
    """The best pieces with these shifts, and the shifts that explain too little where they are used."""
    strips = np.stack([costs.mismatch[shift] for shift in shifts])
    bands, followed = column_bands(strips, costs.insert)
    shifts = [shifts[number] for number in followed]
    columns = Columns(
        dy=[shift.dy for shift in shifts],
        mismatch=strips[followed],
        insert=costs.insert,
        remove=costs.remove,
        steps=costs.steps,
        switch=_SWITCH,
    )
    pieces: list[Piece] = []
    saved, left = np.zeros(len(shifts)), np.zeros(len(shifts))
    for (first, last), path in columns.paths(bands):
        rows = columns.rows(first, last)
        for y0, y1, number in path:
            saved[number] += rows[0, y0:y1].sum() - rows[number, y0:y1].sum()
            left[number] += rows[number, y0:y1].sum()
            box = Box(first * TILE_W, y0, min(last * TILE_W, after.shape[1]), y1)
            piece = _clipped(Piece(box, *shifts[number]), before)
            if piece.after_box.area:
                pieces.append(piece)
    used = {Shift(piece.dx, piece.dy) for piece in pieces}
    poor = {
        shift
        for number, shift in enumerate(shifts)
        if number and shift in used and saved[number] < max(_SWITCH, left[number] * (1 / _MAX_LEFT - 1))
    }
    return pieces, poor


def _edge_above(grey: Array) -> Array:
    """1 where a pixel differs from the one above it: long lines count for more than bold letters."""
    edges = np.zeros_like(grey)
    edges[1:] = cv2.absdiff(grey[1:], grey[:-1]) > DEAD if len(grey) > 1 else 0
    return edges


def _clipped(piece: Piece, before: Page) -> Piece:
    """The part of a piece whose partner lies inside the before page."""
    inside = piece.before_box.intersection(Box(0, 0, before.shape[1], before.shape[0]))
    return piece._replace(after_box=inside.shifted(-piece.dx, -piece.dy))


def _without_double_use(before: Array, after: Array, pieces: list[Piece]) -> list[Piece]:
    """Pieces side by side that claim the same before columns share them at the column where both fit best."""
    done = list(pieces)
    for i in range(len(done)):
        for j in range(len(done)):
            shared = done[i].before_box.intersection(done[j].before_box)
            if i == j or not shared.area or done[i].after_box.x0 > done[j].after_box.x0:
                continue
            left, right = done[i], done[j]
            if left.after_box.x1 > right.after_box.x0:  # one above the other: the path never uses a row twice
                continue
            here = _column_sums(before, after, left, shared)
            there = _column_sums(before, after, right, shared)
            # Columns before the cut stay with the left piece, the others with the right one.
            total = np.concatenate([[0], np.cumsum(here)]) + np.concatenate([np.cumsum(there[::-1])[::-1], [0]])
            cut = shared.x0 + int(total.argmin())
            done[i] = left._replace(after_box=left.after_box._replace(x1=min(left.after_box.x1, cut - left.dx)))
            done[j] = right._replace(after_box=right.after_box._replace(x0=max(right.after_box.x0, cut - right.dx)))
    return [piece for piece in done if piece.after_box.area]


def _column_sums(before: Array, after: Array, piece: Piece, shared: Box) -> NDArray[np.float64]:
    there = after[shared.shifted(-piece.dx, -piece.dy).slices]
    sums: NDArray[np.float64] = cv2.absdiff(before[shared.slices], there).sum(axis=0, dtype=np.float64)
    return sums


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbours side by side with the same rows and shift as one."""
    done: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.after_box.y0, p.after_box.y1, p.dx, p.dy, p.after_box.x0)):
        box = piece.after_box
        last = done[-1] if done else None
        if (
            last is not None
            and last[1:] == piece[1:]
            and last.after_box[1::2] == box[1::2]
            and last.after_box.x1 == box.x0
        ):
            done[-1] = last._replace(after_box=last.after_box._replace(x1=box.x1))
        else:
            done.append(piece)
    return done
