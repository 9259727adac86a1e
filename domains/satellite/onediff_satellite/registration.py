"""Stage 2: where after pixels lie in the before image.

The georeference (or an equal grid) is the prior. Image content may refine it: phase correlation, SIFT with RANSAC
where that does not hold, ECC on top; each step is kept only when tiles of the images, measured on their own, then lie
closer together. A refinement that cannot be trusted leaves the prior as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box, Registration
from onediff_plugins.warp import warp_array
from onediff_satellite.correlate import SIGNIFICANT, Agreement, agreement, phase_shift
from onediff_satellite.features import ecc_affine, sift_similarity
from onediff_satellite.grids import check_same_place, prior_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.types import BoolArray, FloatArray, Frame, ImagePair
    from onediff_satellite.settings import SatelliteSettings

    FloatImage = NDArray[np.float32]

WORK_SIDE: Final = 1024
_MIN_SIDE: Final = 64
# Under this response a rotation or scale may hide the match from phase correlation: features are asked as well.
_SURE_RESPONSE: Final = 0.15
# What a step must gain in mean tile displacement, in pixels, to be kept.
_MIN_GAIN: Final = 0.05
# Aligned as well as this, there is nothing left to find.
_SETTLED_PX: Final = 0.05
# Aligned worse than the first, features may still find a rotation or a scale. Worse than the second, a rotation or a
# scale is not to be trusted; a shift is where all of the image speaks for it with twice the least significance.
_POOR_PX: Final = 1.0
_TRUSTED_PX: Final = 2.0
# A measured shift under this, that gains nothing, confirms the prior.
_CONFIRMS_PX: Final = 0.5
# A transform this near to a whole-pixel shift is one: resampling would blur more than it would correct.
_SNAP_PX: Final = 0.04


def align_pair(pair: ImagePair, settings: SatelliteSettings) -> Registration:
    """Stage 2 for satellite pairs.

    Args:
        pair: as loaded, best an overview; larger frames are reduced to 1024 px for the measurement.
        settings: `refine`, `max_shift_px`, `min_overlap`.

    Returns:
        The matrix from after pixels to before pixels. `method` is "georeference", "assumed" or "reprojected" for the
        prior, with "+phase-correlation", "+sift" and "+ecc" for what refined it. `residual_px` is in after pixels, and
        None where content could not confirm the alignment.

    Raises:
        MismatchedPairError: a georeference on one side only.
        RegistrationError: scenes that do not overlap enough, or sizes that differ without a georeference.
    """
    before, after = pair.before, pair.after
    who = f"{before.source} and {after.source}"
    overlap = check_same_place(before.grid, after.grid, settings.min_overlap, who=who)
    prior, name = prior_matrix(before, after), _prior_name(before, after)
    if not settings.refine or min(after.width, after.height) < _MIN_SIDE:
        return Registration(matrix=prior, method=name, overlap=overlap)
    reduction = _reduction(after)
    work = _work_images(before, after, prior)
    found = refine(work.before, work.after, work.valid, settings.max_shift_px * reduction * work.scale)
    matrix = prior
    if found.steps:
        to_work = np.diag([work.scale, work.scale, 1.0])
        matrix = prior @ np.linalg.inv(to_work) @ found.matrix @ to_work
        matrix = _snapped(matrix, after) if reduction == work.scale == 1 else matrix
    return Registration(
        matrix=matrix,
        method="+".join((name, *found.steps)),
        residual_px=None if found.residual_px is None else round(found.residual_px / work.scale, 3),
        overlap=overlap,
    )


def _prior_name(before: Frame, after: Frame) -> str:
    if after.georef is None:
        return "assumed"
    source = before.grid.georef
    return "reprojected" if source is not None and source.crs != after.georef.crs else "georeference"


def _reduction(frame: Frame) -> float:
    """Pixels of the frame per pixel of its source, at most 1."""
    window = frame.grid.window or Box(0, 0, frame.grid.width, frame.grid.height)
    return min(1.0, frame.width / window.width)


@dataclass(frozen=True, kw_only=True, eq=False)
class Refinement:
    """A correction of the prior.

    Attributes:
        matrix: (3, 3) after pixel -> pixel of the before image as the prior puts it; identity when nothing was kept.
        steps: what was kept, such as ("phase-correlation", "ecc"); empty when the prior stays.
        residual_px: displacement that is left, or None where it could not be measured or trusted.
    """

    matrix: FloatArray
    steps: tuple[str, ...]
    residual_px: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Images:
    """What a refinement is measured on, and how its candidates are judged."""

    before: FloatImage
    after: FloatImage
    valid: BoolArray
    scale: float
    limit_px: float = 0.0

    def judged(self, matrix: FloatArray) -> Agreement | None:
        """How well the tiles agree under a matrix; None for one that moves a corner beyond the limit."""
        height, width = self.after.shape
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
        moved = Registration(matrix=matrix).to_before(corners) - corners
        if not np.hypot(moved[:, 0], moved[:, 1]).max() <= self.limit_px:
            return None
        warped = warp_array(self.before, matrix, width, height)
        valid = self.valid & warp_array(self.valid, matrix, width, height, labels=True)
        return agreement(warped, self.after, valid)


def refine(before: FloatImage, after: FloatImage, valid: BoolArray, limit_px: float) -> Refinement:
    """How the before image lies on the after image, measured on their content.

    Args:
        before: (H, W) float32 on the after grid, mean about 0, 0 where not valid.
        after: (H, W) float32, likewise.
        valid: (H, W) bool, where both mean something.
        limit_px: furthest that any pixel may move; a quarter of the image at most.

    Returns:
        The correction under which the tiles agree best, or none.
    """
    images = _Images(before=before, after=after, valid=valid, scale=1, limit_px=min(limit_px, min(after.shape) / 4))
    best = Refinement(matrix=np.eye(3), steps=(), residual_px=None)
    as_given = agreement(before, after, valid)
    cost = as_given.cost

    def offer(matrix: FloatArray | None, steps: tuple[str, ...], *, sure: bool = False) -> None:
        """Take a candidate when its tiles agree better than the best so far."""
        nonlocal best, cost
        judged = None if matrix is None else images.judged(matrix)
        if matrix is None or judged is None or judged.residual_px is None:
            return
        if judged.cost >= cost - _MIN_GAIN or (judged.residual_px > _TRUSTED_PX and not sure):
            return
        best, cost = Refinement(matrix=matrix, steps=steps, residual_px=judged.residual_px), judged.cost

    def unsettled(limit: float = _SETTLED_PX) -> bool:
        residual = best.residual_px if best.steps else as_given.residual_px
        return residual is None or residual > limit

    shift = phase_shift(before, after)
    significant = shift.significance >= SIGNIFICANT
    start = np.eye(3)
    if significant:
        start[:2, 2] = shift.dx, shift.dy
        offer(start, ("phase-correlation",), sure=shift.significance >= 2 * SIGNIFICANT)
        if unsettled():
            offer(ecc_affine(before, after, valid, start), ("phase-correlation", "ecc"))
    confirmed = significant and np.hypot(shift.dx, shift.dy) < _CONFIRMS_PX
    if (not best.steps and not confirmed) or (shift.response < _SURE_RESPONSE and unsettled(_POOR_PX)):
        similarity = sift_similarity(before, after)
        offer(similarity, ("sift",))
        if best.steps == ("sift",) and unsettled():
            offer(ecc_affine(before, after, valid, best.matrix), ("sift", "ecc"))
    if not best.steps and confirmed:
        return Refinement(matrix=best.matrix, steps=(), residual_px=as_given.residual_px)
    return best


def _work_images(before: Frame, after: Frame, prior: FloatArray) -> _Images:
    """Both images in grey, before on the after grid, at no more than 1024 px a side."""
    scale = min(1.0, WORK_SIDE / max(after.width, after.height))
    width, height = max(1, round(after.width * scale)), max(1, round(after.height * scale))
    grey_after, valid_after = _grey(after, (width, height))
    fine = np.sqrt(abs(np.linalg.det(prior[:2, :2]))) / scale  # before pixels per working pixel
    size = (before.width, before.height)
    if fine > 1:
        size = max(1, round(before.width / fine)), max(1, round(before.height / fine))
    grey_before, valid_before = _grey(before, size)
    to_small = np.diag([size[0] / before.width, size[1] / before.height, 1.0])
    to_after = np.diag([after.width / width, after.height / height, 1.0])
    matrix = to_small @ prior @ to_after
    moved = warp_array(grey_before, matrix, width, height)
    valid = valid_after & warp_array(valid_before, matrix, width, height, labels=True)
    return _Images(
        before=np.where(valid, moved, np.float32(0)),
        after=np.where(valid, grey_after, np.float32(0)),
        valid=valid,
        scale=scale,
    )


def _grey(frame: Frame, size: tuple[int, int]) -> tuple[FloatImage, BoolArray]:
    """Mean of the bands, each with mean 0 and deviation 1 over the valid pixels, at another size."""
    total = np.zeros(frame.valid.shape, dtype=np.float32)
    for band in frame.pixels:
        values = band[frame.valid].astype(np.float64)
        deviation = values.std() if values.size else 0.0
        if deviation > 0:
            total += np.where(frame.valid, (band - values.mean()) / deviation, 0).astype(np.float32)
    total /= len(frame.pixels)
    if size == (frame.width, frame.height):
        return total, frame.valid
    share = cv2.resize(frame.valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(total, size, interpolation=cv2.INTER_AREA), np.float32), share > 0.999


def _snapped(matrix: FloatArray, after: Frame) -> FloatArray:
    """The whole-pixel shift that a matrix nearly is, or the matrix."""
    shift = np.eye(3)
    corners = np.array([[0, 0], [after.width, 0], [0, after.height], [after.width, after.height]], dtype=np.float64)
    offsets = Registration(matrix=matrix).to_before(corners) - corners
    shift[:2, 2] = np.rint(offsets.mean(axis=0))
    return shift if np.abs(offsets - shift[:2, 2]).max() <= _SNAP_PX else matrix
