"""Things to paste into real pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onediff_core.data.synthetic import solids
from onediff_core.data.synthetic.camera import figures
from onediff_core.data.synthetic.camera.figures import LABELS, PAINTS, Figure, figure_sprite
from onediff_core.data.synthetic.camera.view import View
from onediff_core.data.synthetic.facts import bounds
from onediff_core.data.synthetic.solids import COLOURS, MATERIALS, SHAPES, Thing
from onediff_core.data.synthetic.sprites import Sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rng = np.random.Generator
    Light = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cut:
    """Something to paste; where, its sprite does not say yet."""

    label: str
    facts: dict[str, str]
    sprite: Sprite
    poisson: bool = False


def cut(rng: Rng, donor: Light) -> Cut:
    """Something to paste: a piece of a picture, somebody, or a thing.

    Args:
        rng: draws it.
        donor: (H, W, 3) picture that pieces are taken from; its side is the measure of size.
    """
    kinds = (_patch, _figure, _thing)
    return kinds[rng.choice(3, p=(0.5, 0.25, 0.25))](rng, donor)


def _patch(rng: Rng, donor: Light) -> Cut:
    """A piece of another picture in some outline."""
    size = len(donor)
    rows, columns = np.clip(rng.uniform(0.08, 0.32, 2) * size, 10, size - 8).astype(int)
    outline = _outline(rng) * np.array([columns, rows]) / 2 + np.array([columns, rows]) / 2 + 3
    alpha = np.zeros((rows + 6, columns + 6), np.uint8)
    cv2.fillPoly(alpha, [np.rint(16 * outline).astype(np.int32)], 255, cv2.LINE_AA, 4)
    y, x = int(rng.integers(size - rows - 5)), int(rng.integers(size - columns - 5))
    piece = donor[y : y + rows + 6, x : x + columns + 6] * np.float32(rng.uniform(0.6, 1.5)) + rng.normal(size=3) * 14
    light = np.asarray(np.clip(piece, 0, 255), np.float32)
    soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.3, 0.9))), np.float32) / np.float32(255)
    return Cut("object", {}, Sprite(0, 0, soft, light), poisson=bool(rng.random() < 0.15))


def _outline(rng: Rng) -> NDArray[np.float64]:
    """(n, 2) points of a blob, a polygon or a rounded rectangle within [-1, 1]."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    kind = rng.random()
    if kind < 0.4:
        radius = np.ones(len(angles))
        for order in range(2, 6):
            radius += rng.normal() * 0.22 / order * np.sin(order * angles + rng.uniform(0, 6))
        return np.column_stack([np.cos(angles) * radius, np.sin(angles) * radius]) / float(radius.max())
    if kind < 0.7:
        corners = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 9))))
        return np.column_stack([np.cos(corners), np.sin(corners)]) * rng.uniform(0.6, 1.0, (len(corners), 1))
    power = rng.uniform(0.15, 0.9)
    return np.column_stack([np.sign(f) * np.abs(f) ** power for f in (np.cos(angles), np.sin(angles))])


def _figure(rng: Rng, donor: Light) -> Cut:
    """Somebody or something that cameras see."""
    size = len(donor)
    view = View(size=size, middle=size / 2, horizon=0.0, focal=float(size), height=float(rng.uniform(1.5, 5)))
    figure = Figure(
        label=str(rng.choice(list(LABELS))),
        colour=str(rng.choice(list(PAINTS))),
        right=0.0,
        away=float(rng.uniform(5, 14)),
        yaw=float(rng.uniform(0, 2 * np.pi)),
        tone=int(rng.integers(2**31)),
    )
    return Cut(figure.label, figures.adjectives(figure), _trimmed(figure_sprite(figure, view, _sun(rng))))


def _thing(rng: Rng, donor: Light) -> Cut:
    """A solid of some material."""
    thing = Thing(
        shape=str(rng.choice(SHAPES)),
        colour=str(rng.choice(list(COLOURS))),
        material=str(rng.choice(MATERIALS)),
        size="",
        at=(0.0, 0.0),
        radius=float(rng.uniform(0.03, 0.11) * len(donor)),
        yaw=float(rng.uniform(0, np.pi / 2)),
        pattern=int(rng.integers(2**31)),
    )
    return Cut(thing.shape, solids.adjectives(thing), _trimmed(solids.sprite(thing, _sun(rng))))


def _sun(rng: Rng) -> NDArray[np.float64]:
    sun = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.5, 1.2), rng.uniform(-0.6, 0.6)])
    return np.asarray(sun / np.linalg.norm(sun), np.float64)


def _trimmed(sprite: Sprite) -> Sprite:
    """Without the empty margins."""
    x0, y0, x1, y1 = bounds(sprite.alpha > 0)
    return Sprite(0, 0, sprite.alpha[y0:y1, x0:x1], sprite.light[y0:y1, x0:x1])
