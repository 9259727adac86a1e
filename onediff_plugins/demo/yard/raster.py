"""Which triangle a ray meets first: a z-buffer for the camera, and for the shadows of sun and sky."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

_BATCHED: Final = (2, 4, 8, 16, 32)  # pixels; triangles up to these sizes are drawn together, larger ones one by one


@dataclass(frozen=True)
class Visible:
    """What a view sees.

    Attributes:
        face: (H, W) int32, index of the nearest triangle, -1 where there is none.
        nearness: (H, W) float32, larger is nearer, -inf where there is no triangle.
        planes: (T, 2, 3) the second and third barycentric coordinate in the picture: x, y and constant.
    """

    face: NDArray[np.int32]
    nearness: Array
    planes: NDArray[np.float64]


def z_buffer(xy: NDArray[np.float64], nearness: NDArray[np.float64], size: tuple[int, int]) -> Visible:
    """Draw triangles.

    Args:
        xy: (T, 3, 2) corners in pixels, (0, 0) the outer corner of the first pixel.
        nearness: (T, 3) anything linear in the picture that grows towards the eye: one over depth, or minus depth.
        size: columns and rows.

    Returns:
        What is seen at the centres of the pixels.
    """
    columns, rows = size
    edges = xy[:, 1:] - xy[:, :1]  # (T, 2, 2)
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    safe = np.where(np.abs(area) < 1e-9, np.inf, area)
    second = np.stack([edges[:, 1, 1], -edges[:, 1, 0]], axis=1) / safe[:, None]
    third = np.stack([-edges[:, 0, 1], edges[:, 0, 0]], axis=1) / safe[:, None]
    planes = np.zeros((len(xy), 2, 3))
    for place, slope in enumerate((second, third)):
        planes[:, place, :2] = slope
        planes[:, place, 2] = -(slope * xy[:, 0]).sum(axis=1)
    low = np.floor(xy.min(axis=1)).astype(np.int64).clip(0, size)
    high = np.ceil(xy.max(axis=1)).astype(np.int64).clip(0, size)
    extent = (high - low).max(axis=1)
    drawn = np.isfinite(safe) & ((high - low).min(axis=1) > 0)

    depth = np.full(rows * columns, -np.inf, np.float32)
    face = np.full(rows * columns, -1, np.int32)
    smallest = 0
    for largest in _BATCHED:
        chosen = np.flatnonzero(drawn & (extent > smallest) & (extent <= largest))
        smallest = largest
        step = 2**18 // largest**2  # fits into the processor's cache
        for start in range(0, len(chosen), step):
            _draw_small(chosen[start : start + step], largest, low, planes, nearness, size, depth, face)
    for index in np.flatnonzero(drawn & (extent > smallest)):
        _draw_large(int(index), low[index], high[index], planes[index], nearness[index], (face, depth), size)
    return Visible(face.reshape(rows, columns), depth.reshape(rows, columns), planes)


def _draw_small(
    chosen: NDArray[np.int64],
    side: int,
    low: NDArray[np.int64],
    planes: NDArray[np.float64],
    nearness: NDArray[np.float64],
    size: tuple[int, int],
    depth: Array,
    face: NDArray[np.int32],
) -> None:
    """Draw triangles that fit into `side` pixels, all at once."""
    offset = np.arange(side * side)
    column = low[chosen, :1] + offset % side
    row = low[chosen, 1:] + offset // side
    second, third = (
        planes[chosen, place, :1] * (column + 0.5)
        + planes[chosen, place, 1:2] * (row + 0.5)
        + planes[chosen, place, 2:]
        for place in (0, 1)
    )
    inside = (second >= 0) & (third >= 0) & (second + third <= 1) & (column < size[0]) & (row < size[1])
    near = nearness[chosen]
    value = near[:, :1] + second * (near[:, 1:2] - near[:, :1]) + third * (near[:, 2:] - near[:, :1])
    pixel = (row * size[0] + column)[inside]
    value = value[inside].astype(np.float32)
    np.maximum.at(depth, pixel, value)
    first = value == depth[pixel]
    face[pixel[first]] = np.broadcast_to(chosen[:, None], inside.shape)[inside][first]


def _draw_large(
    index: int,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    plane: NDArray[np.float64],
    near: NDArray[np.float64],
    buffers: tuple[NDArray[np.int32], Array],
    size: tuple[int, int],
) -> None:
    here = slice(low[1], high[1]), slice(low[0], high[0])
    face, depth = (buffer.reshape(size[1], size[0])[here] for buffer in buffers)
    x = np.arange(low[0], high[0]) + 0.5
    y = np.arange(low[1], high[1])[:, None] + 0.5
    second = plane[0, 0] * x + (plane[0, 1] * y + plane[0, 2])
    third = plane[1, 0] * x + (plane[1, 1] * y + plane[1, 2])
    value = (near[0] + second * (near[1] - near[0]) + third * (near[2] - near[0])).astype(np.float32)
    seen = (second >= 0) & (third >= 0) & (second + third <= 1) & (value > depth)
    depth[seen] = value[seen]
    face[seen] = index


@dataclass(frozen=True)
class ShadowMap:
    """How far away the first thing is, seen from a light at infinity.

    Attributes:
        towards: unit vector to the light.
        axes: (2, 3) the map's own directions, times its pixels per metre.
        origin: (2,) pixels.
        nearness: (S, S) metres towards the light, -inf where nothing is.
        metres: size of its pixel.
    """

    towards: NDArray[np.float64]
    axes: NDArray[np.float64]
    origin: NDArray[np.float64]
    nearness: Array
    metres: float

    def also(self, corners: NDArray[np.float64]) -> ShadowMap:
        """The map with further triangles, (T, 3, 3), in it; what lies beyond its edges is left out."""
        if not len(corners):
            return self
        side = len(self.nearness)
        found = z_buffer(corners @ self.axes.T + self.origin, corners @ self.towards, (side, side))
        return replace(self, nearness=np.maximum(self.nearness, found.nearness))

    def lit(self, points: Array, normals: Array, spread: Array) -> Array:
        """Whether points see the light.

        Args:
            points: (N, 3).
            normals: (N, 3); points are lifted along them so that a surface does not shade itself.
            spread: (N, 2) metres by which each look-up is shifted in the map: the light's softness.

        Returns:
            (N,) zeros and ones.
        """
        lifted = points + np.float32(0.012 + 1.2 * self.metres) * normals
        x, y = (
            np.clip((lifted @ axis.astype(np.float32)) + np.float32(start), 0, len(self.nearness) - 1)
            for axis, start in zip(self.axes, self.origin, strict=True)
        )
        shift = spread / np.float32(self.metres)
        column = np.clip(x + shift[:, 0], 0, len(self.nearness) - 1).astype(np.int32)
        row = np.clip(y + shift[:, 1], 0, len(self.nearness) - 1).astype(np.int32)
        height = lifted @ self.towards.astype(np.float32)
        bias = np.float32(0.01 + 1.5 * self.metres) + np.abs(spread).sum(axis=1)
        seen: Array = (self.nearness[row, column] <= height + bias).astype(np.float32)
        return seen


def shadow_map(corners: NDArray[np.float64], towards: NDArray[np.float64], side: int) -> ShadowMap:
    """Draw triangles as a light at infinity sees them.

    Args:
        corners: (T, 3, 3), metres.
        towards: unit vector to the light.
        side: pixels of the square map.

    Returns:
        The map; it covers all corners.
    """
    first = np.cross(towards, (0.0, 0.0, 1.0))
    first /= np.linalg.norm(first)
    axes = np.stack([first, np.cross(towards, first)])
    flat = corners @ axes.T
    low, high = flat.min(axis=(0, 1)), flat.max(axis=(0, 1))
    metres = float((high - low).max()) * 1.02 / side
    empty = ShadowMap(towards, axes / metres, -low / metres, np.full((side, side), -np.inf, np.float32), metres)
    return empty.also(corners)
