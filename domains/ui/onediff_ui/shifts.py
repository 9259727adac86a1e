"""Which whole-pixel shifts explain content that is not where it was.

A shift is (dx, dy) with before = after + (dx, dy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array

# Differences under DEAD levels are rendering noise; over CAP all content is equally foreign.
DEAD: Final = 6
CAP: Final = 48
_COST: Final = np.clip(np.arange(256) - DEAD, 0, CAP - DEAD).astype(np.uint8)
_NEIGHBOURS: Final = np.ones((3, 3), np.uint8)
_INK: Final = 12  # levels from its surroundings that make a pixel content
RENDERING: Final = (CAP - DEAD) >> 2  # mismatch that a different rendering explains
_PEAKS: Final = 12
_SAMPLES: Final = 6000
_SOFT: Final = 0.35  # of a pixel's contrast that another rendering may take
_QUICK: Final = 400
_MIN_GAIN: Final = 0.03  # of all displaced content must be explained by one more shift
_HOPELESS: Final = 0.01  # of a few samples; far less than any shift that is kept
_MAX_SHIFTS: Final = 5


class Shift(NamedTuple):
    """Whole pixels; before = after + shift."""

    dx: int
    dy: int


STILL: Final = Shift(0, 0)


class Page:
    """A grey page with the range of values around each pixel.

    Attributes:
        grey: (H, W) uint8.
        low: (H, W) uint8, darkest of the 3x3 neighbours.
        high: (H, W) uint8, lightest of them.
    """

    def __init__(self, grey: Array) -> None:
        """Compute the ranges."""
        self.grey = grey
        self.low = cv2.erode(grey, _NEIGHBOURS)
        self.high = cv2.dilate(grey, _NEIGHBOURS)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.grey.shape[0]), int(self.grey.shape[1])

    def texture(self) -> Array:
        """What it costs to lose each pixel: half of the range around it, clipped as `mismatch` is."""
        return _clipped(cv2.subtract(self.high, self.low)) >> 1


def mismatch(before: Page, after: Page, shift: Shift = STILL) -> Array:
    """How badly each after pixel fits the before page under a shift.

    A pixel that leaves the range of its neighbours in the other page costs by how much, less `DEAD`; one that does
    not is rendered differently at most, and costs a quarter of its difference, so that exact fits win.

    Args:
        before: any size.
        after: its grid is the result's.
        shift: before = after + shift.

    Returns:
        (Ha, Wa) uint8, 0 to `CAP - DEAD`. Content that the shift carries beyond the before page costs its own
        texture; blank pixels there cost nothing.
    """
    height, width = after.shape
    x0, x1 = max(0, -shift.dx), min(width, before.shape[1] - shift.dx)
    y0, y1 = max(0, -shift.dy), min(height, before.shape[0] - shift.dy)
    if (x0, y0, x1, y1) == (0, 0, width, height):
        return _misfit(before, after, np.s_[shift.dy : shift.dy + height, shift.dx : shift.dx + width], np.s_[:, :])
    cost = after.texture()
    if x1 > x0 and y1 > y0:
        there = np.s_[y0 + shift.dy : y1 + shift.dy, x0 + shift.dx : x1 + shift.dx]
        cost[y0:y1, x0:x1] = _misfit(before, after, there, np.s_[y0:y1, x0:x1])
    return cost


def _misfit(before: Page, after: Page, there: tuple[slice, slice], here: tuple[slice, slice]) -> Array:
    outside = cv2.max(
        cv2.max(cv2.subtract(after.grey[here], before.high[there]), cv2.subtract(before.low[there], after.grey[here])),
        cv2.max(cv2.subtract(before.grey[there], after.high[here]), cv2.subtract(after.low[here], before.grey[there])),
    )
    plain = cv2.absdiff(after.grey[here], before.grey[there])
    return cv2.max(_clipped(outside), _clipped(plain) >> 2)


def _clipped(difference: Array) -> Array:
    return cv2.LUT(difference, _COST)


def candidate_shifts(before: Page, after: Page, in_place: Array) -> list[Shift]:
    """Shifts that explain displaced content, the one that explains most first.

    Peaks of the cross-correlation of what does not fit in place are proposed; of these, those are kept that fit
    enough content which no better one has explained.

    Args:
        before: any size.
        after: any size.
        in_place: (Ha, Wa) uint8, `mismatch` without a shift.

    Returns:
        At most five shifts, none of them (0, 0).
    """
    relief_after = _relief(after.grey, in_place)
    same_size = before.shape == after.shape  # the mismatch in place is symmetric
    relief_before = _relief(before.grey, in_place if same_size else mismatch(after, before))
    rows, columns = np.nonzero(cv2.absdiff(relief_after, np.zeros_like(relief_after)) > _INK)
    if rows.size < 40:
        return []
    chosen = np.linspace(0, rows.size - 1, min(_SAMPLES, rows.size)).astype(np.int64)
    proposals = _correlation_peaks(relief_before, relief_after)
    rows, columns = rows[chosen], columns[chosen]
    contrast = np.abs(relief_after[rows, columns])
    samples = _Samples(rows, columns, after.grey[rows, columns], np.maximum(2 * DEAD, _SOFT * contrast))
    return _greedy_cover(before.grey, samples, proposals)


def _relief(image: Array, misfit: Array) -> Array:
    """Light and dark against the surroundings, where the image does not fit in place."""
    local = cv2.blur(image, (17, 17))
    relief = cv2.subtract(image, local, dtype=cv2.CV_32F)
    near = cv2.dilate(misfit, np.ones((5, 5), np.uint8))
    relief[near <= RENDERING] = 0
    return relief


def _correlation_peaks(before: Array, after: Array) -> list[Shift]:
    """The strongest shifts of a circular cross-correlation at half size; unwrapped, so each may come several times."""
    height = cv2.getOptimalDFTSize((max(before.shape[0], after.shape[0]) + 1) // 2)
    width = cv2.getOptimalDFTSize((max(before.shape[1], after.shape[1]) + 1) // 2)
    spectra = []
    for image in (before, after):
        size = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
        padded = np.zeros((height, width), np.float32)
        padded[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        spectra.append(cv2.dft(padded))
    surface = cv2.dft(
        cv2.mulSpectrums(spectra[0], spectra[1], 0, conjB=True), flags=cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT
    )
    shifts = []
    for _ in range(_PEAKS):
        _, top, _, (x, y) = cv2.minMaxLoc(surface)
        if top <= 0:
            break
        shifts += [
            Shift(2 * dx, 2 * dy)
            for dx in (x, x - width)
            for dy in (y, y - height)
            if abs(2 * dx) < max(before.shape[1], after.shape[1]) and abs(2 * dy) < max(before.shape[0], after.shape[0])
        ]
        surface[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3] = 0
    return shifts


def _greedy_cover(before: Array, samples: _Samples, proposals: list[Shift]) -> list[Shift]:
    """Shifts in the order of how much sampled content each explains beyond those before it."""
    few = samples.every(max(1, samples.rows.size // _QUICK))
    steps = np.array([(ox, oy) for oy in (-1, 0, 1) for ox in (-1, 0, 1)])
    fits: dict[Shift, Array] = {}
    for dx, dy in proposals:
        nearby = steps + np.array([dx, dy])  # peaks are at half size
        counts = few.fit(before, nearby).sum(axis=1)
        best = Shift(*(int(v) for v in nearby[int(counts.argmax())]))
        if best != STILL and best not in fits and counts.max() >= _HOPELESS * few.rows.size:
            fits[best] = samples.fit(before, np.array([best]))[0]
    left = np.ones(samples.rows.size, dtype=np.bool_)
    found: list[Shift] = []
    while fits and len(found) < _MAX_SHIFTS:
        gain, shift = max(
            ((int(np.count_nonzero(fit & left)), shift) for shift, fit in fits.items()),
            key=lambda item: (item[0], -abs(item[1].dx) - abs(item[1].dy)),
        )
        if gain < max(_MIN_GAIN * left.size, 20):
            break
        found.append(shift)
        left &= ~fits.pop(shift)
    return found


class _Samples(NamedTuple):
    """Pixels of displaced content."""

    rows: Array
    columns: Array
    values: Array
    tolerance: Array  # levels by which a pixel may differ and still fit

    def every(self, step: int) -> _Samples:
        """Fewer of them."""
        return _Samples(*(array[::step] for array in self))

    def fit(self, before: Array, shifts: Array) -> Array:
        """(S, N) bool: which are found in the before page under each of (S, 2) shifts."""
        y, x = self.rows + shifts[:, 1:], self.columns + shifts[:, :1]
        inside = (y >= 0) & (y < before.shape[0]) & (x >= 0) & (x < before.shape[1])
        there = before[np.where(inside, y, 0), np.where(inside, x, 0)]
        close: Array = inside & (np.abs(there.astype(np.int16) - self.values) <= self.tolerance)
        return close
