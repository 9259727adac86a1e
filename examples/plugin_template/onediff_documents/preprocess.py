"""Stage 4: uneven light, yellow paper and a scanner's exposure are taken out; what is left is ink on white."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.warp import warp_array
from onediff_plugins.windows import frame_to_source_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins import Frame, ImagePair

    FloatImage = NDArray[np.float32]

# Ink that is thinner than this is no paper, in pixels of an overview of 1024: two centimetres of an A4 page.
_WIDEST_INK: Final = 63
# The darkest paper there is, as a share of the brightest. Below lies what is no paper at all, such as the lid of the
# scanner, and dividing by it would only enlarge noise.
_DARKEST_PAPER: Final = 0.25


def preprocess_pair(pair: ImagePair, overview: ImagePair) -> ImagePair:
    """Both scans as one grey band in [0, 1] in which paper is 1.

    Args:
        pair: after the warp; all of the page, or a window of it.
        overview: all of the page, at most 1024 px a side. How bright the paper is comes from here: a window alone
            might lie wholly within a photograph, and every window would call something else white.

    Returns:
        The pair with `after` and `before_on_after` replaced; `before`, as read, stays.
    """
    # Both frames lie on the after grid, so one matrix carries both paper maps from the overview to the pair.
    to_overview = np.linalg.inv(frame_to_source_matrix(overview.after)) @ frame_to_source_matrix(pair.after)

    def normalised(frame: Frame, seen: Frame) -> Frame:
        white = warp_array(paper(seen), to_overview, frame.width, frame.height)
        grey = np.clip(darkest_band(frame) / white, 0, 1)
        return replace(frame, pixels=grey[None], bands=("gray",))

    return replace(
        pair,
        after=normalised(pair.after, overview.after),
        before_on_after=normalised(pair.aligned, overview.aligned),
    )


def darkest_band(frame: Frame) -> FloatImage:
    """(H, W) float32: each pixel's darkest band, in which ink of any colour is dark; 0 where nothing is known.

    Args:
        frame: any depth. The scale does not matter, because what follows divides by the paper of the same scan: a
            frame that the host reduced is float32 in the range of the integers that it was made from.
    """
    return np.where(frame.valid, frame.pixels.min(axis=0).astype(np.float32), np.float32(0))


def paper(frame: Frame) -> FloatImage:
    """How bright the paper is, under the ink as well.

    Args:
        frame: an overview of the page.

    Returns:
        (H, W) float32 on the scale of `darkest_band`, smooth and above 0: a closing lets the brightness around a stroke
        take its place.
    """
    grey = darkest_band(frame)
    known = grey[frame.valid]
    # Outside the page lies whatever is usual on it, or else the dark there would reach in.
    grey = np.where(frame.valid, grey, np.median(known) if known.size else np.float32(1))
    kernel = np.ones((_WIDEST_INK, _WIDEST_INK), np.uint8)
    quiet = cv2.medianBlur(grey, 5)  # or else the brightest grain of noise would pass for the paper around it
    closed = cv2.morphologyEx(quiet, cv2.MORPH_CLOSE, kernel)
    smooth = cv2.GaussianBlur(closed, (0, 0), _WIDEST_INK / 6)
    darkest = np.float32(max(float(smooth.max()) * _DARKEST_PAPER, 1e-6))
    lit: FloatImage = np.maximum(smooth, darkest)
    return lit
