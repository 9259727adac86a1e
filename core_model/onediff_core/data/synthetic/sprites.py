"""What is painted over a picture: one thing in its rectangle, with how far it covers each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sprite:
    """What is to be painted of a thing: a rectangle of pixels with its place.

    Attributes:
        x: column of its left edge, which may lie outside the picture.
        y: row of its upper edge.
        alpha: (h, w) coverage in [0, 1].
        light: (h, w, 3) colour, 0 to 255.
    """

    x: int
    y: int
    alpha: Array
    light: Array

    def inside(self, picture: NDArray[np.generic]) -> tuple[slice, slice]:
        """Rows and columns of a picture that it covers."""
        rows, columns = self.alpha.shape
        return (
            slice(max(self.y, 0), min(max(self.y + rows, 0), picture.shape[0])),
            slice(max(self.x, 0), min(max(self.x + columns, 0), picture.shape[1])),
        )

    def own(self, picture: NDArray[np.generic]) -> tuple[slice, slice]:
        """Rows and columns of itself that lie in a picture."""
        rows, columns = self.inside(picture)
        return (
            slice(rows.start - self.y, max(rows.stop - self.y, rows.start - self.y)),
            slice(columns.start - self.x, max(columns.stop - self.x, columns.start - self.x)),
        )


def paint(picture: Array, ids: NDArray[np.int16], key: int, thing: Sprite) -> None:
    """Put a sprite on a picture, and its key where it covers more than half of a pixel."""
    there, own = thing.inside(picture), thing.own(picture)
    alpha = thing.alpha[own]
    picture[there] += alpha[:, :, None] * (thing.light[own] - picture[there])
    ids[there][alpha > 0.5] = key
