"""Solids of the demo yard, as triangles: boxes, tubes, balls, lofts and leaves. Metres; x right, y away, z up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Points = NDArray[np.float32]  # (N, 3)


@dataclass(frozen=True, eq=False)
class Solid:
    """Triangles with smooth normals.

    Attributes:
        points: (N, 3) where the corners are, metres.
        normals: (N, 3) unit vectors outwards.
        local: (N, 4) where the corners are in the solid's own terms, which its surface is painted by: x, y, z in metres
            before it was placed, and what else its maker knows of the corner.
        faces: (M, 3) corners of each triangle.
    """

    points: Points
    normals: Points
    local: NDArray[np.float32]
    faces: NDArray[np.int32]

    def placed(self, at: ArrayLike = (0, 0, 0), turn: float = 0.0) -> Solid:
        """The solid turned about the vertical axis, degrees anticlockwise seen from above, and then moved."""
        angle = np.deg2rad(turn)
        rotation = np.array(
            [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]], np.float32
        )
        points = self.points @ rotation.T + np.asarray(at, np.float32)
        return Solid(points, self.normals @ rotation.T, self.local, self.faces)


def joined(solids: Sequence[Solid]) -> Solid:
    """Several solids as one."""
    offsets = np.cumsum([0, *(len(solid.points) for solid in solids[:-1])])
    return Solid(
        np.concatenate([solid.points for solid in solids]),
        np.concatenate([solid.normals for solid in solids]),
        np.concatenate([solid.local for solid in solids]),
        np.concatenate([solid.faces + int(offset) for solid, offset in zip(solids, offsets, strict=True)]),
    )


def quad(corner: ArrayLike, along: ArrayLike, up: ArrayLike) -> Solid:
    """A flat rectangle that faces `along` x `up`; its local x and y run along its two sides."""
    corner, along, up = (np.asarray(value, np.float32) for value in (corner, along, up))
    points = np.stack([corner, corner + along, corner + along + up, corner + up])
    normal = np.cross(along, up)
    width, height = float(np.linalg.norm(along)), float(np.linalg.norm(up))
    local = np.array([[0, 0, 0, 0], [width, 0, 0, 0], [width, height, 0, 0], [0, height, 0, 0]], np.float32)
    normals = np.tile(normal / np.linalg.norm(normal), (4, 1)).astype(np.float32)
    return Solid(points, normals, local, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def box(low: ArrayLike, high: ArrayLike) -> Solid:
    """A box with flat sides; local coordinates are metres from its low corner."""
    low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
    size = high - low
    x, y, z = np.diag(size)
    sides = [
        quad(low, x, z),
        quad(low + x, y, z),
        quad(low + x + y, -x, z),
        quad(low + y, -y, z),
        quad(low + z, x, y),
        quad(low, y, x),
    ]
    whole = joined(sides)
    local = np.concatenate([whole.points - low, np.repeat(np.arange(6, dtype=np.float32), 4)[:, None]], axis=1)
    return Solid(whole.points, whole.normals, local.astype(np.float32), whole.faces)


def tube(path: ArrayLike, radii: ArrayLike, *, sides: int = 8, flat: float = 1.0) -> Solid:
    """A round bar along a path, closed by its last rings; its local w is the share of the way.

    Args:
        path: (K, 3) points, metres.
        radii: one radius, or one per point.
        sides: corners of a ring.
        flat: thickness across the second direction of the ring, as a share of the first.

    Returns:
        Its solid.
    """
    points = np.asarray(path, np.float64)
    radius = np.broadcast_to(np.asarray(radii, np.float64), len(points))
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.where(np.abs(along[:, 2:]) > 0.9, [[1.0, 0, 0]], [[0, 0, 1.0]])
    first = np.cross(helper, along)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None, :, None]
    out = np.cos(angle) * first[:, None] + flat * np.sin(angle) * second[:, None]
    rings = points[:, None] + radius[:, None, None] * out
    share = np.repeat(np.linspace(0, 1, len(points)), sides)[:, None]
    return _lofted(rings, np.concatenate([rings.reshape(-1, 3), share], axis=1))


def ball(centre: ArrayLike, radii: ArrayLike) -> Solid:
    """An ellipsoid; local coordinates are those of the unit ball."""
    heights = np.linspace(-1, 1, 9)
    heights[[0, -1]] *= 0.999  # no ring without an extent
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    ring = np.sqrt(1 - heights**2)
    unit = np.stack(
        [
            ring[:, None] * np.cos(angle),
            ring[:, None] * np.sin(angle),
            np.broadcast_to(heights[:, None], (9, 14)),
        ],
        axis=2,
    )
    local = np.concatenate([unit.reshape(-1, 3), np.zeros((unit.shape[0] * unit.shape[1], 1))], axis=1)
    return _lofted(unit * np.asarray(radii, np.float64) + np.asarray(centre, np.float64), local)


def loft(rings: NDArray[np.float64], marks: NDArray[np.float64]) -> Solid:
    """A skin over rings of corners, the ends closed.

    Args:
        rings: (K, S, 3) corners; the rings run anticlockwise seen against the direction of the loft.
        marks: (S,) local w of the corners of a ring.

    Returns:
        Its solid; local coordinates are the corners themselves.
    """
    count = len(rings)
    return _lofted(rings, np.concatenate([rings.reshape(-1, 3), np.tile(marks, count)[:, None]], axis=1))


def leaves(centres: NDArray[np.float64], size: float, rng: np.random.Generator) -> Solid:
    """A leaf, about `size` metres long, on each centre, turned as it happens; local w is each leaf's own tone."""
    count = len(centres)
    along = rng.normal(size=(count, 3)) * (1, 1, 0.6)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, rng.normal(size=(count, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    length = size * rng.uniform(0.6, 1.2, (count, 1))
    corners = np.stack(
        [
            centres - along * length / 2,
            centres + across * length * 0.32,
            centres + along * length / 2,
            centres - across * length * 0.32,
        ],
        axis=1,
    )
    normals = np.cross(along, across)
    normals *= np.where(normals[:, 2:] < 0, -1, 1)  # both sides are lit as the upper one
    tone = np.repeat(rng.random(count), 4)[:, None]
    first = 4 * np.arange(count, dtype=np.int32)[:, None]
    faces = np.concatenate([first + np.array(corner) for corner in ((0, 1, 2), (0, 2, 3))]).astype(np.int32)
    points = corners.reshape(-1, 3).astype(np.float32)
    local = np.concatenate([points, tone], axis=1).astype(np.float32)
    return Solid(points, np.repeat(normals, 4, axis=0).astype(np.float32), local, faces)


def _lofted(rings: NDArray[np.float64], local: NDArray[np.float64]) -> Solid:
    """Triangles between neighbouring rings, and fans over the first and the last."""
    count, sides = rings.shape[:2]
    ring, corner = (part.ravel() for part in np.mgrid[: count - 1, :sides])
    a, b = ring * sides + corner, ring * sides + (corner + 1) % sides
    c, d = b + sides, a + sides
    walls = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    fan = np.arange(1, sides - 1)
    start = np.stack([np.zeros_like(fan), fan + 1, fan], axis=1)
    end = (count - 1) * sides + np.stack([np.zeros_like(fan), fan, fan + 1], axis=1)
    faces = np.concatenate([walls, start, end]).astype(np.int32)
    points = rings.reshape(-1, 3)
    return Solid(points.astype(np.float32), _smooth_normals(points, faces), np.asarray(local, np.float32), faces)


def _smooth_normals(points: NDArray[np.float64], faces: NDArray[np.int32]) -> Points:
    """Area-weighted mean of the normals of the faces round each corner."""
    corners = points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(points)
    for place in range(3):
        np.add.at(total, faces[:, place], normals)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    smooth: Points = (total / np.maximum(length, 1e-12)).astype(np.float32)
    return smooth
