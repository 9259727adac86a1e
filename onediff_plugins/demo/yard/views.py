"""What the demo camera sees: which part of the yard each sample of a still shows, and which point of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onediff_plugins.demo.yard.raster import z_buffer
from onediff_plugins.demo.yard.textures import Noise, Spots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from onediff_plugins.demo.yard.raster import Visible
    from onediff_plugins.demo.yard.things import Painted

    Array = NDArray[np.float32]


@dataclass(frozen=True)
class Pose:
    """Where the camera stands and looks, and how far it was knocked.

    Attributes:
        at: metres.
        heading: degrees to the right of +y.
        tilt: degrees downwards.
        focal: pixels.
        size: columns and rows.
        shift: (2,) pixels by which the picture is moved.
        roll: degrees by which the picture is turned about its middle, clockwise.
    """

    at: tuple[float, float, float]
    heading: float
    tilt: float
    focal: float
    size: tuple[int, int]
    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0

    def axes(self) -> NDArray[np.float64]:
        """(3, 3) right, down and ahead in the world."""
        heading, tilt = np.deg2rad(self.heading), np.deg2rad(self.tilt)
        ahead = np.array([np.sin(heading) * np.cos(tilt), np.cos(heading) * np.cos(tilt), -np.sin(tilt)])
        right = np.array([np.cos(heading), -np.sin(heading), 0.0])
        return np.stack([right, np.cross(ahead, right), ahead])

    def moved(self) -> NDArray[np.float64]:
        """(3, 3) from pixels of the unmoved camera to this one's."""
        angle = np.deg2rad(self.roll)
        middle = np.array(self.size) / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.eye(3)
        matrix[:2, :2] = turn
        matrix[:2, 2] = middle - turn @ middle + self.shift
        return matrix

    def project(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels (..., 2), and one over the depth in metres."""
        seen = (points - np.array(self.at)) @ self.axes().T
        nearness = 1 / np.maximum(seen[..., 2], 0.05)
        flat = seen[..., :2] * (self.focal * nearness[..., None]) + np.array(self.size) / 2
        matrix = self.moved()
        return flat @ matrix[:2, :2].T + matrix[:2, 2], nearness


@dataclass(frozen=True)
class View:
    """What a camera sees, at several samples a pixel.

    Attributes:
        parts: what stands in the world.
        corners: (T, 3, 3) of all triangles.
        visible: which of them are seen.
        nearness: (T, 3) one over depth of the corners.
        part_of: (T,) index of each triangle's part.
        samples: per pixel and direction.
        pose: of the camera.
    """

    parts: Sequence[Painted]
    corners: NDArray[np.float64]
    visible: Visible
    nearness: NDArray[np.float64]
    part_of: NDArray[np.int32]
    samples: int
    pose: Pose

    def things(self) -> dict[str, NDArray[np.bool_]]:
        """(H, W) for each movable thing, on the pixel grid: where most of the pixel shows it."""
        names = np.array([part.thing for part in self.parts] + [""])
        owner = names[np.where(self.visible.face < 0, len(self.parts), self.part_of[self.visible.face])]
        columns, rows = self.pose.size
        found = {}
        for name in sorted(set(names) - {""}):
            share = (owner == name).reshape(rows, self.samples, columns, self.samples).mean(axis=(1, 3))
            if (share >= 0.5).any():
                found[name] = share >= 0.5
        return found

    def rays(self) -> Array:
        """(H, W, 3) unit vectors from the camera through the samples."""
        rows, columns = self.visible.face.shape
        matrix = np.linalg.inv(self.pose.moved())
        x, y = (np.arange(count) + 0.5 for count in (columns, rows))
        seen = np.stack(np.meshgrid(x / self.samples, y / self.samples), axis=2) @ matrix[:2, :2].T + matrix[:2, 2]
        flat = (seen - np.array(self.pose.size) / 2) / self.pose.focal
        rays = flat @ self.pose.axes()[:2] + self.pose.axes()[2]
        unit: Array = (rays / np.linalg.norm(rays, axis=2, keepdims=True)).astype(np.float32)
        return unit

    def spots(self, index: int, pixels: NDArray[np.int64], noise: Noise) -> Spots:
        """What the camera sees of one part, at some of its samples.

        Args:
            index: of the part.
            pixels: (N,) samples that show it, counted along the rows.
            noise: a random field for its surface.

        Returns:
            What the corners of the triangles know, interpolated in perspective.
        """
        part = self.parts[index]
        columns = self.visible.face.shape[1]
        face = self.visible.face.ravel()[pixels]
        place = np.stack([pixels % columns + 0.5, pixels // columns + 0.5, np.ones(len(pixels))], axis=1)
        later = np.einsum("nij,nj->ni", self.visible.planes[face], place)
        weights = np.concatenate([1 - later.sum(axis=1, keepdims=True), later], axis=1) * self.nearness[face]
        weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)[:, :, None]
        first = int(np.searchsorted(self.part_of, index))
        corners = part.solid.faces[face - first]
        points, normals, local = (
            (values[corners] * weights).sum(axis=1)
            for values in (part.solid.points, part.solid.normals, part.solid.local)
        )
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
        return Spots(points, normals, local, np.array(part.colour, np.float32), noise)


def look(parts: Sequence[Painted], pose: Pose, samples: int) -> View:
    """Which triangles the camera sees.

    Args:
        parts: what stands in the world.
        pose: of the camera.
        samples: per pixel and direction.

    Returns:
        The view.
    """
    corners = corners_of(parts)
    xy, nearness = pose.project(corners)
    visible = z_buffer(xy * samples, nearness, (pose.size[0] * samples, pose.size[1] * samples))
    part_of = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.solid.faces) for part in parts])
    return View(parts, corners, visible, nearness, part_of, samples, pose)


def corners_of(parts: Sequence[Painted]) -> NDArray[np.float64]:
    """(T, 3, 3) corners of all triangles, metres."""
    solids = [part.solid for part in parts]
    return np.concatenate([np.zeros((0, 3, 3)), *(solid.points[solid.faces] for solid in solids)])
