"""Plain images: the loader, the prior alignment, the scaling and the detector that need no domain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import shapely

from onediff_plugins import images
from onediff_plugins.errors import MismatchedPairError, RegistrationError
from onediff_plugins.types import Box, ChangeMap, Frame, ImagePair, Registration, SourceGrid
from onediff_plugins.windows import reduce_frame, window_georef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.settings import DomainSettings
    from onediff_plugins.types import Array, PairRequest

# Smoothed difference of values in [0, 1] at which `difference` is undecided: 25 of 255 grey levels, under which
# compression and sensor noise of ordinary pictures stay.
OPERATING_POINT: Final = 0.1
SMOOTHING_SIGMA: Final = 1.0


def load_pair(request: PairRequest, settings: DomainSettings) -> ImagePair:
    """Read two plain images.

    Args:
        request: sources that are paths to image files, numpy arrays (H, W) or (H, W, 3|4), PIL images or frames.
        settings: for `max_pixels`.

    Raises:
        UnsupportedSourceError: a source that cannot be read; the message says which and why.
        MismatchedPairError: a window on images of different size.
    """
    before, after = (to_frame(source, settings.max_pixels) for source in (request.before, request.after))
    before, after = _same_bands(before, after)
    if request.window is not None:
        if (before.width, before.height) != (after.width, after.height):
            raise MismatchedPairError(
                f"a window needs images of one size without a georeference: {_size(before)}, {_size(after)}"
            )
        before, after = crop(before, request.window), crop(after, request.window)
    if request.max_side is not None:
        before, after = reduce_frame(before, request.max_side), reduce_frame(after, request.max_side)
    return ImagePair(before=before, after=after)


def to_frame(source: Any, max_pixels: int) -> Frame:  # noqa: ANN401  # whatever a user hands over
    """One plain image as a frame.

    Args:
        source: path, numpy array, PIL image or frame.
        max_pixels: largest image that is decoded.

    Returns:
        Native dtype, RGB or one grey band; not valid where it is transparent or NaN, and 0 there.

    Raises:
        UnsupportedSourceError: it cannot be read.
    """
    if isinstance(source, Frame):
        return source
    finite = None
    if isinstance(source, np.ndarray) and source.dtype.kind == "f":
        finite = np.isfinite(source) if source.ndim == 2 else np.isfinite(source).all(axis=-1)
        source = np.where(np.isfinite(source), source, source.dtype.type(0))
    decoded = images.decode(source, max_pixels=max_pixels)
    pixels = np.moveaxis(decoded.array, 2, 0)
    valid = np.ones(pixels.shape[1:], dtype=np.bool_) if decoded.alpha is None else decoded.alpha > 0
    if finite is not None:
        valid = valid & finite
    bands = ("red", "green", "blue") if len(pixels) == 3 else ("gray",)
    return Frame(pixels=pixels, valid=valid, bands=bands, captured_at=decoded.captured_at, source=decoded.source)


def _same_bands(before: Frame, after: Frame) -> tuple[Frame, Frame]:
    """A grey image beside a colour one becomes three equal bands; nothing is lost by that."""
    colour = ("red", "green", "blue")
    if before.bands == after.bands:
        return before, after
    before, after = (
        replace(frame, pixels=np.repeat(frame.pixels, 3, axis=0), bands=colour) if frame.bands == ("gray",) else frame
        for frame in (before, after)
    )
    if before.bands != after.bands:
        raise MismatchedPairError(
            f"{before.source} has the bands {', '.join(before.bands)}, {after.source} has {', '.join(after.bands)}: "
            "give two images with the same bands"
        )
    return before, after


def crop(frame: Frame, window: Box) -> Frame:
    """The part of a frame inside a window.

    Args:
        frame: any frame that holds the whole of its source.
        window: in pixels of that source.

    Raises:
        MismatchedPairError: the window lies outside.
    """
    box = window.intersection(frame.box)
    if not box.area:
        raise MismatchedPairError(f"the window {tuple(window)} lies outside {frame.source} ({_size(frame)})")
    return replace(
        frame,
        pixels=frame.pixels[(..., *box.slices)],
        valid=frame.valid[box.slices],
        georef=frame.georef and window_georef(frame.georef, box),
        source_grid=SourceGrid(width=frame.width, height=frame.height, georef=frame.georef, window=box),
    )


def prior(pair: ImagePair, settings: DomainSettings) -> Registration:
    """Alignment that is known without looking at a pixel: from the georeferences, or assumed for equal sizes.

    Args:
        pair: as loaded.
        settings: for `min_overlap`.

    Raises:
        MismatchedPairError: a georeference on one side only, or two different CRSs.
        RegistrationError: unequal sizes without a georeference, or too little overlap.
    """
    before, after = pair.before, pair.after
    if before.georef is None and after.georef is None:
        if (before.width, before.height) != (after.width, after.height):
            raise RegistrationError(
                f"{before.source} ({_size(before)}) and {after.source} ({_size(after)}) have different sizes and no "
                "georeference: resample one of them, or use a domain that aligns such images"
            )
        return Registration(method="assumed")
    if before.georef is None or after.georef is None:
        bare = before.source if before.georef is None else after.source
        raise MismatchedPairError(f"{bare} has no georeference, the other image has one: georeference both or neither")
    if before.georef.crs != after.georef.crs:
        raise MismatchedPairError(
            f"{before.source} is in {before.georef.crs:.80}, {after.source} in {after.georef.crs:.80}: reproject one "
            "of them, or use --domain satellite, which does"
        )
    matrix = np.array(~before.georef.transform @ after.georef.transform, dtype=np.float64).reshape(3, 3)
    overlap = overlap_share(matrix, before, after)
    if overlap < settings.min_overlap:
        raise RegistrationError(
            f"{before.source} covers {overlap:.1%} of {after.source}; min_overlap is {settings.min_overlap:.1%}"
        )
    return Registration(matrix=matrix, method="georeference", overlap=overlap)


def overlap_share(matrix: Array, before: Frame, after: Frame) -> float:
    """Share of the after grid that the before image covers.

    Args:
        matrix: (3, 3) after pixel -> before pixel, affine.
        before: gives the size of the before grid.
        after: gives the size of the after grid.
    """
    corners = np.array([[0, 0], [after.width, 0], [after.width, after.height], [0, after.height]], dtype=np.float64)
    on_before = shapely.Polygon(Registration(matrix=matrix).to_before(corners))
    covered = on_before.intersection(shapely.box(0, 0, before.width, before.height)).area
    return float(min(covered / on_before.area, 1.0))


def _size(frame: Frame) -> str:
    return f"{frame.width} x {frame.height} px"


def preprocess(pair: ImagePair, overview: ImagePair) -> ImagePair:
    """Both images as float32 in [0, 1], on one scale.

    Args:
        pair: after the warp.
        overview: the scene that the scale is taken from.

    Returns:
        Unsigned integers divided by their type's range, floats in [0, 1] as they are; anything else stretched from the
        overview's 1st to its 99th percentile over both images. So a window and its scene agree, and images of two
        depths do.
    """
    for_before, for_after = _ranges(overview)
    return replace(pair, after=_scaled(pair.after, *for_after), before_on_after=_scaled(pair.aligned, *for_before))


_Range = tuple[float, float]


def _ranges(overview: ImagePair) -> tuple[_Range, _Range]:
    """The values that become 0 and 1, of the before and of the after image."""
    frames = (overview.aligned, overview.after)
    dtypes = [frame.pixels.dtype for frame in frames]
    full = [(0.0, float(np.iinfo(dtype).max)) if dtype.kind == "u" else (0.0, 1.0) for dtype in dtypes]
    if dtypes[0] == dtypes[1] and dtypes[0].kind == "u":
        return full[0], full[1]
    values = [frame.pixels[:, frame.valid].ravel().astype(np.float64) for frame in frames]
    together = np.concatenate(values)
    if not together.size or (together.min() >= 0 and together.max() <= 1):
        return (0.0, 1.0), (0.0, 1.0)
    if all(own.size and own.min() >= 0 and own.max() <= high for own, (_, high) in zip(values, full, strict=True)):
        return full[0], full[1]
    low, high = np.percentile(together, [1, 99])
    stretched = float(low), float(high if high > low else low + 1)
    return stretched, stretched


def _scaled(frame: Frame, low: float, high: float) -> Frame:
    pixels = (frame.pixels.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return replace(frame, pixels=np.clip(pixels, 0, 1))


class DifferenceDetector:
    """The plainest detector: smoothed absolute difference of the strongest band."""

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: DomainSettings
    ) -> list[ChangeMap]:
        """Score d / (d + 0.1) of the Gaussian-smoothed difference d, 0 for equal images, 0.5 at 25 grey levels.

        Args:
            pairs: preprocessed, values in [0, 1].
            overviews: not used.
            settings: not used; the threshold is the host's.
        """
        return [self._detect(pair) for pair in pairs]

    def _detect(self, pair: ImagePair) -> ChangeMap:
        valid = pair.valid
        difference = np.abs(pair.after.pixels - pair.aligned.pixels).max(axis=0)
        smooth = cv2.GaussianBlur(np.where(valid, difference, np.float32(0)), (0, 0), SMOOTHING_SIGMA)
        score = np.where(valid, smooth / (smooth + np.float32(OPERATING_POINT)), np.float32(0))
        return ChangeMap(score=score.astype(np.float32), valid=valid)
