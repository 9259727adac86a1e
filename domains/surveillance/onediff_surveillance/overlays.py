"""Stage 9: further things to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onediff_plugins.types import Overlay
from onediff_surveillance.tracking import furthest

if TYPE_CHECKING:
    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import ImagePair


def camera_overlays(result: ChangeResult, pair: ImagePair) -> list[Overlay]:
    """What could not be compared, how far the camera shook, and how much the two stills differ at rest.

    Args:
        result: the finished record; nothing of it is needed.
        pair: as read and aligned.

    Returns:
        "not-compared", a mask on the after image, where the view left the picture; "camera-shift-px", the furthest
        that any corner of the picture moved, where that was measured; "noise-levels", the median difference in grey
        levels of 255 before exposure is fitted: 0 for one and the same picture, as a camera gives that froze.
    """
    overlays = []
    if not pair.valid.all():
        overlays.append(Overlay(name="not-compared", kind="mask", slice="after", data=~pair.valid))
    measured = pair.registration  # of the pair, not of the record: that one counts a window's place too
    if measured is not None and measured.residual_px is not None:
        shift = furthest(measured.matrix, pair.after.width, pair.after.height)
        overlays.append(Overlay(name="camera-shift-px", kind="scalar", slice="after", data=round(shift, 2)))
    if (noise := _noise(pair)) is not None:
        overlays.append(Overlay(name="noise-levels", kind="scalar", slice="after", data=noise))
    return overlays


def _noise(pair: ImagePair) -> float | None:
    after, before = pair.after, pair.aligned
    if after.pixels.dtype != np.uint8 or before.pixels.dtype != np.uint8 or not pair.valid.any():
        return None
    step = max(1, int((pair.valid.size / 60_000) ** 0.5))
    inside = pair.valid[::step, ::step]
    one, other = (frame.pixels[:, ::step, ::step][:, inside].astype(np.int16) for frame in (after, before))
    return float(np.median(np.abs(one - other)))
