"""Stage 5: the detector "illumination".

A place differs when its smoothed difference stands out of the pair's own noise, and is more than leaves that sway. What
light explains of that (see `light`) is taken away: first the light over the whole view, then differences that are a
shadow or a sun patch all through, then the cast shadow beside an object.

All of it is done on the overview of the view, at most 1024 px a side: the time is bounded whatever the camera, and a
window of a view gets the very score that the whole view has there.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import ChangeMap
from onediff_plugins.warp import warp_array
from onediff_plugins.windows import frame_to_source_matrix
from onediff_surveillance.light import WINDOW, LocalGain, explained_beside, light_field, local_gain
from onediff_surveillance.noise import Roughness, texture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.types import Array, BoolArray, ImagePair
    from onediff_surveillance.settings import SurveillanceSettings


_SMOOTHING: Final = 1.5
# Leaves sway and flags flap where a view is rough in both images: from the first roughness on, and surely from the
# second. There a difference counts up to this many times what the mean of its surroundings differs by.
_SWAYS: Final = (0.1, 0.2)
_AROUND: Final = (21, 21)
_OF_THE_MEAN: Final = 2.5
# A difference must be this many times what is usual at places as rough.
_ABOVE_USUAL: Final = 2.0
# Leaves in the wind differ by this much, no more; more is usual only where more than half of the view changed.
_MOST_USUAL: Final = np.float32(24 / 255)
# A picture whose grey levels span less than this (2nd to 98th percentile) shows less contrast of everything:
# `min_contrast` shrinks with it, down to a share.
_FULL_SPAN: Final = 150 / 255
_LEAST_SHARE: Final = 0.6
# A difference is light when this share of its inside is explained by light.
_LIGHT_SHARE: Final = 0.8
# Less of an inside than this share says nothing: then all of it is asked.
_INSIDE_SHARE: Final = 0.15
_CLOSING: Final = 2
# A part of a shadow that light does not explain is a thing of its own from this radius on.
_COMPACT: Final = 3


class IlluminationDetector:
    """Change that neither light nor noise explains; keeps no state."""

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: SurveillanceSettings
    ) -> list[ChangeMap]:
        """Change maps of preprocessed pairs.

        Args:
            pairs: warped, float32 in [0, 1]; they give the grids.
            overviews: each pair's whole view, warped and preprocessed the same way.
            settings: `threshold`, `min_contrast`, `tolerate_light`.

        Returns:
            Score d / (d + t) of the smoothed difference d at threshold t; what light explains scores
            half of `threshold`, however much it differs.
        """
        return [detect_pair(pair, overview, settings) for pair, overview in zip(pairs, overviews, strict=True)]


def detect_pair(pair: ImagePair, overview: ImagePair, settings: SurveillanceSettings) -> ChangeMap:
    """One change map; see `IlluminationDetector.detect`."""
    before = np.ascontiguousarray(overview.aligned.pixels)
    after = np.ascontiguousarray(overview.after.pixels)
    score = view_score(before, after, overview.valid, settings)
    if overview is not pair:
        to_overview = np.linalg.inv(frame_to_source_matrix(overview.after)) @ frame_to_source_matrix(pair.after)
        score = warp_array(score, to_overview, pair.after.width, pair.after.height)
    valid = pair.valid
    return ChangeMap(score=np.where(valid, score, np.float32(0)), valid=valid)


def view_score(before: Array, after: Array, valid: BoolArray, settings: SurveillanceSettings) -> Array:
    """Where a view differs.

    Args:
        before: (C, H, W) float32 in [0, 1], on the after grid, fitted to the after image's exposure.
        after: (C, H, W) float32 in [0, 1].
        valid: (H, W) bool.
        settings: `threshold`, `min_contrast`, `tolerate_light`.

    Returns:
        (H, W) float32 in [0, 1], at least `threshold` exactly where something changed.
    """
    greys = before.mean(axis=0), after.mean(axis=0)
    contrast = settings.min_contrast / 255 * _contrast_share(greys, valid)
    rough = texture(*greys)
    sways = np.clip((rough - _SWAYS[0]) / (_SWAYS[1] - _SWAYS[0]), 0, 1)
    difference = _difference(before, after, valid, sways)
    if difference.max() < contrast:  # nothing to explain, and most stills of most cameras end here
        return _score(difference, np.float32(contrast))
    roughness = Roughness(rough, valid)
    local = local_gain(before, after, roughness) if settings.tolerate_light else None
    if local is not None and (field := light_field(local)) is not None:
        difference = _difference(np.minimum(before * field, 1), after, valid, sways)
    noise = np.minimum(roughness.usual(difference), _MOST_USUAL)
    threshold = np.maximum(_ABOVE_USUAL * noise, np.float32(contrast))
    score = _score(difference, threshold)
    if local is None:
        return score
    least = np.float32(settings.threshold)
    differs = score >= least
    changed = _without_light(differs, local, before, after)
    return np.asarray(np.where(changed, np.maximum(score, least), np.where(differs, least / 2, score)))


def _score(difference: Array, threshold: Array | np.float32) -> Array:
    score: Array = difference / (difference + threshold)
    return score


def _contrast_share(greys: tuple[Array, Array], valid: BoolArray) -> float:
    inside = valid[::3, ::3]
    if not inside.any():
        return 1.0
    spans = [np.subtract(*np.percentile(grey[::3, ::3][inside], (98, 2))) for grey in greys]
    return float(np.clip(max(spans) / _FULL_SPAN, _LEAST_SHARE, 1))


def _difference(before: Array, after: Array, valid: BoolArray, sways: Array) -> Array:
    """Largest difference of any band, smoothed; where the view may sway, no more than its surroundings differ.

    Args:
        before: (C, H, W) float32.
        after: (C, H, W) float32.
        valid: (H, W) bool.
        sways: (H, W) float32 in [0, 1], how much the view may sway there.

    Returns:
        (H, W) float32, 0 where it is not valid.
    """
    difference = after - before
    difference[:, ~valid] = 0
    around = [np.abs(cv2.blur(band, _AROUND)) for band in difference]
    strongest = np.abs(difference, out=difference).max(axis=0)
    smooth: Array = cv2.GaussianBlur(strongest, (0, 0), _SMOOTHING)
    # What sways in place leaves the mean of its surroundings as it was.
    swaying = np.minimum(smooth, _OF_THE_MEAN * functools.reduce(np.maximum, around))
    smooth += sways * (swaying - smooth)
    return smooth


def _without_light(differs: BoolArray, local: LocalGain, before: Array, after: Array) -> BoolArray:
    """What differs less what is light: whole differences, then cast shadows beside objects.

    Args:
        differs: (H, W) bool.
        local: gains of neighbourhoods.
        before: (C, H, W) float32.
        after: (C, H, W) float32.
    """
    where = np.flatnonzero(differs)
    _, labels = cv2.connectedComponents(differs.view(np.uint8))
    parts = labels.ravel()[where]
    is_light = _light_share(differs, where, parts, local, before, after) >= _LIGHT_SHARE
    objects = np.zeros_like(differs)
    objects.ravel()[where] = ~is_light[parts]
    objects |= _unexplained(differs & ~objects, local, before, after)
    if not objects.any():
        return objects
    darker = (objects & local.explained & (local.gain < 1)).view(np.uint8)
    cast = cv2.morphologyEx(darker, cv2.MORPH_OPEN, _disc(WINDOW // 2)) > 0
    solid: Array = cv2.morphologyEx((objects & ~cast).view(np.uint8), cv2.MORPH_OPEN, _disc(1))
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, _disc(_CLOSING))
    # What an object encloses belongs to it, also where light would explain it: a grey roof over a grey road.
    return _filled(solid)


def _light_share(
    differs: BoolArray,
    where: NDArray[np.intp],
    parts: Array,
    local: LocalGain,
    before: Array,
    after: Array,
) -> Array:
    """The share of each difference that light explains, judged on its inside where it has one.

    Args:
        differs: (H, W) bool.
        where: (N,) flat places of what differs.
        parts: (N,) the number of the connected difference that each belongs to.
        local: gains of neighbourhoods.
        before: (C, H, W) float32.
        after: (C, H, W) float32.

    Returns:
        one share per number; 0 for numbers that nothing has.
    """
    inside = (cv2.erode(differs.view(np.uint8), _disc(WINDOW // 2 + 1), borderValue=1) > 0).ravel()[where]
    explained = local.explained.ravel()[where]
    sizes = np.bincount(parts)
    inner = np.bincount(parts[inside], minlength=len(sizes))
    share: Array = np.bincount(parts[inside], explained[inside], len(sizes)) / inner.clip(1)
    thin = inner < _INSIDE_SHARE * sizes
    if thin.any():
        narrow = thin[parts]
        rows, columns = np.unravel_index(where[narrow], differs.shape)
        beside = explained_beside(local, before, after, rows, columns)
        share = np.where(thin, np.bincount(parts[narrow], beside, len(sizes)) / sizes.clip(1), share)
    return share


def _unexplained(light: BoolArray, local: LocalGain, before: Array, after: Array) -> BoolArray:
    """Compact parts of differences that are light as a whole, which light does not explain: things inside a shadow."""
    rows, columns = np.nonzero(light)
    parts = np.zeros(light.shape, np.uint8)
    parts[rows, columns] = ~explained_beside(local, before, after, rows, columns)
    compact: BoolArray = cv2.morphologyEx(parts, cv2.MORPH_OPEN, _disc(_COMPACT)) > 0
    return compact


def _filled(mask: Array) -> BoolArray:
    """A mask with its holes filled; what touches the border of the image is no hole."""
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(framed, None, (0, 0), 2)
    filled: BoolArray = framed[1:-1, 1:-1] != 2
    return filled


def _disc(radius: int) -> Array:
    side = 2 * radius + 1
    disc: Array = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)
    return disc
