"""Stage 4: float32 on one scale, and the before image's radiometry fitted to the after image's.

Every number comes from the overview of the scene, so that windows of one scene are treated alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from onediff_satellite.irmad import fit, sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.types import FloatArray, Frame, ImagePair
    from onediff_satellite.settings import SatelliteSettings

COLOURS: Final = frozenset({"red", "green", "blue", "gray", "pan"})
# Floats up to here are reflectances already.
_REFLECTANCE: Final = 1.5
# Share of the brightest values that may be clipped: glints and clouds would darken all the rest.
_BRIGHTEST: Final = 99.9
_GAINS: Final = (0.25, 4.0)


class Scale(NamedTuple):
    """How one band becomes float32: (value - low) / span, clipped to [0, 1] where it is a colour."""

    low: float
    span: float
    clip: bool


def preprocess_pair(pair: ImagePair, overview: ImagePair, settings: SatelliteSettings) -> ImagePair:
    """Bring both images of a pair to one scale.

    8-bit bands are divided by 255. Colour in other types keeps its hue: one scale for all colour bands of both images,
    from zero (or the lowest value, where that is negative) to the overview's 99.9th percentile; reflectances in [0, 1]
    stay. Other bands keep their physical units. With `normalise`, each band of the before image then gets the gain and
    offset that make its unchanged pixels (by IR-MAD) like the after image's.

    Args:
        pair: warped.
        overview: the scene that statistics come from, warped, as read or preprocessed.
        settings: `normalise`.

    Returns:
        The pair with float32 frames; invalid pixels are 0.

    Source of the normalisation: Canty and Nielsen, "Automatic radiometric normalization of multitemporal satellite
    imagery with the iteratively re-weighted MAD transformation", Remote Sensing of Environment 112, 2008.
    """
    scales = band_scales(overview)
    before, after = _scaled(pair.before, scales), _scaled(pair.after, scales)
    aligned = _scaled(pair.aligned, scales)
    if settings.normalise and pair.aligned.bands == pair.after.bands:
        gain, offset = radiometric_fit(
            _scaled(overview.aligned, scales), _scaled(overview.after, scales), overview.valid
        )
        clip = np.array([scale.clip for scale in scales])
        before, aligned = (_adjusted(frame, gain, offset, clip) for frame in (before, aligned))
    return replace(pair, before=before, after=after, before_on_after=aligned)


def band_scales(overview: ImagePair) -> tuple[Scale, ...]:
    """How to scale each band, the same way in both images.

    Args:
        overview: the scene, warped; any dtype.

    Returns:
        One scale per band.
    """
    frames = (overview.aligned, overview.after)
    if all(frame.pixels.dtype == np.uint8 for frame in (overview.before, *frames)):
        return tuple(Scale(0, 255, clip=False) for _ in overview.after.bands)
    colours = [
        frame.pixels[i][frame.valid]
        for frame in frames
        for i, name in enumerate(frame.bands)
        if name in COLOURS and frame.valid.any()
    ]
    colour = _colour_scale(np.concatenate(colours).astype(np.float64)) if colours else Scale(0, 1, clip=True)
    return tuple(colour if name in COLOURS else Scale(0, 1, clip=False) for name in overview.after.bands)


def _colour_scale(values: FloatArray) -> Scale:
    low = min(float(values.min()), 0.0)
    high = float(np.percentile(values, _BRIGHTEST))
    if low == 0 and high <= _REFLECTANCE and not (values == np.rint(values)).all():
        return Scale(0, 1, clip=True)
    return Scale(low, high - low if high > low else 1.0, clip=True)


def _scaled(frame: Frame, scales: tuple[Scale, ...]) -> Frame:
    pixels = np.empty(frame.pixels.shape, dtype=np.float32)
    for band, (low, span, clip) in enumerate(scales[: len(pixels)]):
        values = (frame.pixels[band] - np.float32(low)) / np.float32(span)
        pixels[band] = np.clip(values, 0, 1) if clip else values
    pixels[:, ~frame.valid] = 0
    return replace(frame, pixels=pixels)


def radiometric_fit(before: Frame, after: Frame, valid: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Gain and offset per band that make unchanged pixels of one image like those of the other.

    Args:
        before: float32 on the after grid.
        after: float32, the same bands.
        valid: (H, W) bool.

    Returns:
        (C,) gains, between a quarter and four, and (C,) offsets; 1 and 0 where there is nothing to fit.
    """
    bands = len(after.bands)
    x, y = sample(before.pixels, after.pixels, valid)
    if len(x) < 2:
        return np.ones(bands), np.zeros(bands)
    _, unchanged = fit(x, y)
    share = unchanged / unchanged.sum()
    mean_x, mean_y = share @ x, share @ y
    spread_x, spread_y = np.sqrt(share @ (x - mean_x) ** 2), np.sqrt(share @ (y - mean_y) ** 2)
    # Equal means and deviations, not a regression: its slope would shrink with the noise of the before image.
    usable = (spread_x > 1e-6) & (spread_y > 1e-6)
    gain = np.where(usable, np.clip(spread_y / np.where(usable, spread_x, 1), *_GAINS), 1.0)
    return gain, mean_y - gain * mean_x


def _adjusted(frame: Frame, gain: FloatArray, offset: FloatArray, clip: NDArray[np.bool_]) -> Frame:
    if (gain == 1).all() and (offset == 0).all():
        return frame
    pixels = frame.pixels * gain[:, None, None].astype(np.float32) + offset[:, None, None].astype(np.float32)
    pixels[clip] = np.clip(pixels[clip], 0, 1)
    pixels[:, ~frame.valid] = 0
    return replace(frame, pixels=pixels)
