"""Noise to draw with: large tiles made once, of which every picture takes another piece."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE: Final = 1024
# name -> largest and smallest wavelength in pixels, and the share of amplitude that each halving keeps.
_OCTAVES: Final = {
    "clouds": (256, 32, 0.55),
    "rough": (96, 2, 0.72),
    "patches": (48, 6, 0.6),
    "fine": (8, 1, 0.9),
    "grain": (1, 1, 1.0),
}


def noise(rng: np.random.Generator, name: str, shape: tuple[int, int], zoom: float = 1.0) -> NDArray[np.float32]:
    """A piece of a noise texture.

    Args:
        rng: says which piece.
        name: clouds (soft, large), rough (all scales, as of ground), patches (as of foliage), fine, grain (white), or
            crowns (round heaps about 12 pixels across, as of trees from above).
        shape: height and width.
        zoom: above 1 everything is larger.

    Returns:
        `shape` float32, mean about 0 and variance about 1; read-only where it is a view.
    """
    tile = _crowns() if name == "crowns" else _tile(name)
    height, width = (min(max(round(side / zoom), 2), _SIDE) for side in shape)
    y, x, turn = rng.integers((_SIDE - height + 1, _SIDE - width + 1, 4))
    piece = tile[y : y + height, x : x + width]
    if turn % 2:
        piece = piece[:, ::-1]
    if turn // 2:
        piece = piece[::-1]
    if piece.shape == shape:
        return piece
    return np.asarray(cv2.resize(piece, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


@functools.cache
def _tile(name: str) -> NDArray[np.float32]:
    rng = np.random.default_rng([ord(letter) for letter in name])
    wavelength, smallest, keep = _OCTAVES[name]
    total, weight = np.zeros((_SIDE, _SIDE), np.float32), 1.0
    while wavelength >= smallest:
        cells = rng.standard_normal((_SIDE // wavelength + 2,) * 2).astype(np.float32)
        total += weight * cv2.resize(cells, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
        wavelength, weight = wavelength // 2, weight * keep
    return _normalised(total)


@functools.cache
def _crowns() -> NDArray[np.float32]:
    """Heaps about the points of a shaken grid, each of its own size and tone."""
    rng, step = np.random.default_rng(0), 12
    cells = _SIDE // step + 1
    centres = (np.indices((cells, cells)).reshape(2, -1).T * step + rng.uniform(0, step, (cells * cells, 2))).astype(
        int
    )
    away = np.full((_SIDE, _SIDE), 255, np.uint8)
    y, x = centres[(centres < _SIDE).all(axis=1)].T
    away[y, x] = 0
    distance, nearest = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    reach = rng.uniform(5.5, 9.5, nearest.max() + 1).astype(np.float32)[nearest]
    tone = rng.normal(0, 0.16, nearest.max() + 1).astype(np.float32)[nearest]
    heaps = np.sqrt(np.clip(1 - (distance / reach) ** 2, 0, 1)) + tone
    return _normalised(heaps + 0.12 * _tile("fine"))


def _normalised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    tile: NDArray[np.float32] = ((values - values.mean()) / values.std()).astype(np.float32)
    tile.flags.writeable = False
    return tile
