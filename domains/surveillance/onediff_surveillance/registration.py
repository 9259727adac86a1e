"""Stage 2: how far a fixed camera shook between two stills, or that it was moved.

Equal sizes are the prior. Corners of the view that stayed say how it shook; a shift beyond the drift limit, or two
views of which nothing agrees, is an outcome of its own: the camera moved, and comparing would be a wrong answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from onediff_plugins.errors import RegistrationError
from onediff_plugins.plain import overlap_share
from onediff_plugins.types import Registration
from onediff_plugins.warp import warp_array
from onediff_plugins.windows import frame_to_source_matrix
from onediff_surveillance.agreement import agreement, fine_detail
from onediff_surveillance.tracking import Motion, fit_motion, follow, furthest, local_contrast

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray, Frame, ImagePair
    from onediff_surveillance.settings import SurveillanceSettings


CAMERA_MOVED: Final = "camera-moved"

_ANOTHER_VIEW: Final = (
    "the camera moved or was exchanged: nothing of the before image's view was found in the after image"
)

_WORK_SIDE: Final = 640
_COARSE_SIDE: Final = 256
# Pixels enough for two percentiles of an image.
_SAMPLE: Final = 15_000
# Between its 2nd and 98th percentile, in grey levels: less shows a covered lens, a dead sensor or no light at all.
_NO_PICTURE: Final = 6.0
# What is not valid takes the mean of so wide a surrounding, where more than this share of it is valid.
_SURROUNDINGS: Final = (25, 25)
_KNOWN: Final = 1e-3
# Unrelated views agree in 0 to 4 % of their tiles (measured on views of different places); one view, unless nearly all
# of it is covered, in more.
_RELATED: Final = 0.05
# A motion must not make tiles disagree that agreed in place.
_SLACK: Final = 0.02


def align_pair(pair: ImagePair, settings: SurveillanceSettings) -> Registration:
    """Stage 2 for stills of one camera.

    Args:
        pair: as loaded; frames of more than 640 px a side are reduced for the measurement.
        settings: `stabilise`, `max_drift`.

    Returns:
        The matrix from after pixels to before pixels. `method` is "assumed" for the prior, with `residual_px` where
        corners confirm it; "assumed+translation", "assumed+similarity" or "assumed+homography" for a camera that
        shook; "camera-moved" (with `unusable` set) for a view that shifted beyond `max_drift` or shows another place.
        `unusable` is also set where one of the images shows nothing at all.

    Raises:
        RegistrationError: the sizes differ.
    """
    before, after = pair.before, pair.after
    if (before.width, before.height) != (after.width, after.height):
        raise RegistrationError(_sizes(before, after))
    seen_before, seen_after = _seen(before), _seen(after)
    for side, frame, seen in (("before", before, seen_before), ("after", after, seen_after)):
        if (what := _no_picture(seen)) is not None:
            reason = f"the {side} image ({frame.source}) is {what}: a covered lens, no light or no signal"
            return Registration(method="assumed", unusable=reason)
    if not settings.stabilise:
        return Registration(method="assumed")
    return _measured(seen_before.grey, seen_after.grey, after, settings)


def _measured(before: Array, after: Array, frame: Frame, settings: SurveillanceSettings) -> Registration:
    height, width = after.shape
    scale = width / frame.width
    motion = _motion(before, after)
    if motion is None:
        if not _related(before, after):
            return Registration(method=CAMERA_MOVED, overlap=0.0, unusable=_ANOTHER_VIEW)
        return Registration(method="assumed")
    to_work = np.diag([scale, height / frame.height, 1.0])
    matrix = np.linalg.inv(to_work) @ motion.matrix @ to_work
    matrix = np.eye(3) if motion.model == "steady" else matrix / matrix[2, 2]
    drift = furthest(matrix, frame.width, frame.height)
    limit = settings.max_drift * max(frame.width, frame.height)
    moved = drift > limit
    to_source = float(frame_to_source_matrix(frame)[0, 0])  # a window's camera is measured on the reduced view
    return Registration(
        matrix=matrix,
        method=CAMERA_MOVED if moved else "assumed" if motion.model == "steady" else f"assumed+{motion.model}",
        residual_px=round(motion.residual_px / scale, 3),
        overlap=overlap_share(matrix, frame, frame),
        unusable=f"the camera moved: the view lies {drift * to_source:.0f} px elsewhere, "
        f"and max_drift allows {limit * to_source:.0f} px"
        if moved
        else None,
    )


def _sizes(before: Frame, after: Frame) -> str:
    one, other = (f"{frame.source} is {frame.width} x {frame.height} px" for frame in (before, after))
    if (before.width, before.height) == (after.height, after.width):
        return f"{one}, {other}: one of them is turned by a quarter, perhaps by its EXIF orientation; turn it back"
    return f"{one}, {other}: stills of one camera have one size; take both from the same stream, or resample one"


class _Seen(NamedTuple):
    """An image as the measurement sees it, at no more than 640 px a side.

    Attributes:
        grey: (H, W) float32 in [0, 255], the mean of the bands; what is not valid is as its surroundings.
        known: (H, W) bool, False where nothing is valid.
    """

    grey: Array
    known: BoolArray


def _seen(frame: Frame) -> _Seen:
    grey = _grey(frame)
    if frame.valid.all():
        grey = _reduced(grey)
        return _Seen(grey, np.ones(grey.shape, np.bool_))
    # Means over what is valid: the edges of what is not would be corners that never move.
    weight = frame.valid.astype(np.float32)
    total, share = _reduced(grey * weight), _reduced(weight)
    known = share > _KNOWN
    around, around_share = cv2.blur(total, _SURROUNDINGS), cv2.blur(share, _SURROUNDINGS)
    filled = np.full(share.shape, total.sum() / max(float(share.sum()), _KNOWN), np.float32)
    np.divide(around, around_share, out=filled, where=around_share > _KNOWN)
    np.divide(total, share, out=filled, where=known)
    return _Seen(filled, known)


def _no_picture(seen: _Seen) -> str | None:
    """What an image is that shows nothing; None for a picture, and for the host where nothing is valid."""
    step = max(1, int((seen.grey.size / _SAMPLE) ** 0.5))
    values = seen.grey[::step, ::step][seen.known[::step, ::step]]
    if not values.size:
        return None
    low, high = np.percentile(values, (2, 98))
    if high - low >= _NO_PICTURE:
        return None
    return "black" if high < 16 else "white" if low > 240 else "of one tone"


def _grey(frame: Frame) -> Array:
    """(H, W) float32 in [0, 255], the mean of the bands."""
    pixels = frame.pixels
    if pixels.dtype == np.uint8 and len(pixels) == 3:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(frame.hwc), cv2.COLOR_RGB2GRAY), np.float32)
    grey = pixels.astype(np.float32).mean(axis=0)
    low, high = _range(grey, frame)
    return np.asarray(np.clip((grey - low) * (255 / max(high - low, 1e-12)), 0, 255), np.float32)


def _reduced(image: Array) -> Array:
    """(H, W) at no more than 640 px a side."""
    height, width = image.shape
    scale = _WORK_SIDE / max(width, height)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    reduced: Array = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return reduced


def _range(grey: Array, frame: Frame) -> tuple[float, float]:
    if frame.pixels.dtype.kind == "u":
        return 0.0, float(np.iinfo(frame.pixels.dtype).max)
    if frame.pixels.dtype.kind == "b":
        return 0.0, 1.0
    values = grey[frame.valid]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _motion(before: Array, after: Array) -> Motion | None:
    """The motion that the views agree on: looked for in place first, then from a coarse shift."""
    height, width = after.shape
    views = local_contrast(before), local_contrast(after)
    motion = fit_motion(follow(*views), width, height)
    if motion is not None and _agrees(motion, before, after):
        return motion
    motion = fit_motion(follow(*views, _coarse_shift(*views)), width, height)
    return motion if motion is not None and _agrees(motion, before, after) else None


def _agrees(motion: Motion, before: Array, after: Array) -> bool:
    """Whether a motion leaves the tiles in agreement that agreed in place."""
    if motion.model == "steady":
        return True
    seen = fine_detail(after)
    in_place = agreement(fine_detail(before), seen)
    if in_place is None:
        return True
    height, width = after.shape
    share = agreement(fine_detail(warp_array(before, motion.matrix, width, height)), seen)
    return share is None or share >= max(in_place - _SLACK, _RELATED)


def _coarse_shift(before: Array, after: Array) -> tuple[float, float]:
    """(dx, dy) from after to before, by phase correlation of reduced images."""
    scale = min(1.0, _COARSE_SIDE / max(after.shape))
    size = max(2, round(after.shape[1] * scale)), max(2, round(after.shape[0] * scale))
    small = [cv2.resize(view, size, interpolation=cv2.INTER_AREA).astype(np.float32) - 128 for view in (after, before)]
    # OpenCV's phaseCorrelate multiplies its inputs by the window in place: these copies are its own.
    (dx, dy), _ = cv2.phaseCorrelate(small[0], small[1], cv2.createHanningWindow(size, cv2.CV_32F))
    return dx / scale, dy / scale


def _related(before: Array, after: Array) -> bool:
    share = agreement(fine_detail(before), fine_detail(after))
    return share is None or share >= _RELATED
