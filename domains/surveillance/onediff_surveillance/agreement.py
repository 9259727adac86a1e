"""Whether two views show the same place: the fine detail of their tiles, correlated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from onediff_plugins.types import Array

_TILE: Final = 16
# Detail is what is finer than this many pixels.
_FINE: Final = (9, 9)
# A tile tells something when its detail has this deviation, in grey levels, in both images.
_TELLING: Final = 3.0
_AGREES: Final = 0.4
_ENOUGH_TILES: Final = 24


class Detail(NamedTuple):
    """The fine detail of an image, tile by tile.

    Attributes:
        tiles: (N, 256) float32, mean 0.
        spread: (N,) float32, their deviations in grey levels.
    """

    tiles: Array
    spread: Array


def fine_detail(image: Array) -> Detail:
    """The detail of an image's tiles of 16 x 16 pixels.

    Args:
        image: (H, W) float32 in [0, 255]; what is left of whole tiles at the right and bottom is not looked at.
    """
    rows, columns = image.shape[0] // _TILE, image.shape[1] // _TILE
    fine = (image - cv2.blur(image, _FINE))[: rows * _TILE, : columns * _TILE]
    tiles = fine.reshape(rows, _TILE, columns, _TILE).transpose(0, 2, 1, 3).reshape(rows * columns, _TILE * _TILE)
    tiles = tiles - tiles.mean(axis=1, keepdims=True)
    return Detail(tiles, np.sqrt(np.einsum("ij,ij->i", tiles, tiles) / (_TILE * _TILE)))


def agreement(before: Detail, after: Detail) -> float | None:
    """Share of the tiles with detail whose detail correlates; None where fewer than 24 tiles have any.

    Args:
        before: of the before image, on the after grid.
        after: of the after image.
    """
    telling = (before.spread > _TELLING) & (after.spread > _TELLING)
    if telling.sum() < _ENOUGH_TILES:
        return None
    one, other = before.tiles[telling], after.tiles[telling]
    across = np.einsum("ij,ij->i", one, other) / (_TILE * _TILE)
    return float((across > _AGREES * before.spread[telling] * after.spread[telling]).mean())
