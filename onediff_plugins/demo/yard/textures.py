"""Random fields and patterns of which the surfaces of the demo yard are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

_CELLS: Final = 128
_TEXELS: Final = 8  # per cell


class Noise:
    """A smooth random field that repeats after 128 cells."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the field.

        Args:
            rng: says how.
        """
        grid = np.pad(rng.standard_normal((_CELLS, _CELLS)).astype(np.float32), 2, mode="wrap")
        side = _CELLS * _TEXELS
        fine = cv2.resize(grid, None, fx=_TEXELS, fy=_TEXELS, interpolation=cv2.INTER_CUBIC)
        field = fine[2 * _TEXELS : 2 * _TEXELS + side, 2 * _TEXELS : 2 * _TEXELS + side]
        self._field = (field / field.std()).astype(np.float32)

    def at(self, u: Array, v: Array, cell: float, octaves: int = 1) -> Array:
        """Values of about unit variance.

        Args:
            u: (N,) metres.
            v: (N,) metres.
            cell: size of the largest features, metres.
            octaves: how many sizes, each half of the one before.

        Returns:
            (N,) values.
        """
        total: Array = np.zeros(len(u), np.float32)
        power = 0.0
        for octave in range(octaves):
            per_metre = _TEXELS * 2**octave / cell
            weight = 0.65**octave
            column = np.floor(u * per_metre + 37 * octave).astype(np.int64) % len(self._field)
            row = np.floor(v * per_metre + 91 * octave).astype(np.int64) % len(self._field)
            total += np.float32(weight) * self._field[row, column]
            power += weight**2
        return total / np.float32(np.sqrt(power))


@dataclass(frozen=True)
class Spots:
    """Points of one surface that the camera sees.

    Attributes:
        points: (N, 3) metres.
        normals: (N, 3) unit vectors.
        local: (N, 4) see `Solid`.
        colour: (3,) of the solid.
        noise: a random field.
    """

    points: Array
    normals: Array
    local: Array
    colour: Array
    noise: Noise

    def across(self) -> tuple[Array, Array]:
        """Two coordinates along the surface, metres."""
        flat = np.abs(self.normals[:, 2]) > 0.7
        steep = np.abs(self.normals[:, 0]) > np.abs(self.normals[:, 1])
        u = np.where(~flat & steep, self.points[:, 1], self.points[:, 0])
        return u, np.where(flat, self.points[:, 1], self.points[:, 2])


@dataclass(frozen=True)
class Look:
    """How points look.

    Attributes:
        albedo: (N, 3) linear RGB.
        mirror: (N,) share of light mirrored straight on, 0 for what is matt.
        through: share of light that comes through from the other side.
    """

    albedo: Array
    mirror: Array
    through: float = 0.0


def tinted(spots: Spots, tone: Array | float, mirror: float = 0.0, through: float = 0.0) -> Look:
    """The solid's colour times a tone, (N,) or one number."""
    albedo = spots.colour * np.broadcast_to(np.asarray(tone, np.float32), len(spots.points))[:, None]
    return Look(np.clip(albedo, 0.004, 0.9), np.full(len(albedo), mirror, np.float32), through)


def mix(albedo: Array, share: Array, colour: tuple[float, float, float]) -> Array:
    """(N, 3) colours, a (N,) share of which gives way to another one."""
    mixed: Array = albedo + np.clip(share, 0, 1)[:, None] * (np.array(colour, np.float32) - albedo)
    return mixed


def line(value: Array, width: float) -> Array:
    """One on lines of that width at value 0, with soft edges."""
    inside: Array = np.clip((width / 2 - np.abs(value)) / (0.2 * width) + 0.5, 0, 1).astype(np.float32)
    return inside


def every(value: Array, step: float) -> Array:
    """Distance from the nearest multiple of `step`."""
    distance: Array = (value - np.rint(value / step) * step).astype(np.float32)
    return distance


def scatter(first: Array, second: Array | np.float32) -> Array:
    """A number in [0, 1) for each pair of whole numbers."""
    mixed = np.sin(first * 12.9898 + second * 78.233) * 43758.547
    number: Array = (mixed - np.floor(mixed)).astype(np.float32)
    return number
