"""Shaded things on a surface: solids of revolution, boxes, pyramids and rings in several materials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.sprites import Sprite
from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

COLOURS: Final = {
    "red": (190, 40, 36),
    "green": (46, 130, 60),
    "blue": (44, 76, 178),
    "yellow": (222, 186, 44),
    "orange": (226, 120, 34),
    "purple": (118, 58, 150),
    "cyan": (50, 176, 190),
    "pink": (226, 130, 160),
    "brown": (110, 72, 44),
    "grey": (126, 126, 128),
    "white": (228, 226, 220),
    "black": (38, 38, 42),
}
MATERIALS: Final = ("rubber", "metal", "plastic", "wooden", "striped", "dotted")

# Radius of solids of revolution from top (0) to bottom (1), as a share of the largest.
_PROFILES: Final = {
    "ball": tuple((0.5 - 0.5 * math.cos(a), math.sin(a)) for a in np.linspace(0, math.pi, 15).tolist()),
    "cylinder": ((0.0, 1.0), (1.0, 1.0)),
    "cone": ((0.0, 0.0), (1.0, 1.0)),
    "bottle": ((0.0, 0.3), (0.06, 0.34), (0.07, 0.3), (0.28, 0.34), (0.45, 0.9), (0.55, 1.0), (1.0, 0.96)),
    "vase": ((0.0, 0.55), (0.08, 0.5), (0.22, 0.42), (0.45, 0.85), (0.65, 1.0), (0.85, 0.8), (1.0, 0.55)),
    "bowl": ((0.0, 1.0), (0.3, 0.95), (0.6, 0.78), (0.85, 0.5), (0.9, 0.45), (1.0, 0.5)),
    "cup": ((0.0, 1.0), (0.9, 0.8), (1.0, 0.74)),
}
# Height over width, and how open the top is drawn (its ellipse's height over its width; 0: none).
_HEIGHTS: Final = {
    "ball": (1.0, 0.0), "cylinder": (1.25, 0.38), "cone": (1.3, 0.0), "bottle": (2.4, 0.2), "vase": (1.7, 0.3),
    "bowl": (0.6, 0.38), "cup": (1.15, 0.36),
}  # fmt: skip
# Half width, half depth and height by the radius.
_SOLIDS: Final = {"cube": (0.72, 0.72, 1.2), "block": (0.85, 0.5, 0.75), "pyramid": (0.72, 0.72, 1.5)}
SHAPES: Final = (*_PROFILES, *_SOLIDS, "ring")
_TILT: Final = 0.45  # how far the camera looks down: depth is foreshortened to this


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing on the surface.

    Attributes:
        shape: one of `SHAPES`.
        colour: key of `COLOURS`.
        material: one of `MATERIALS`.
        size: word for it, such as "large".
        at: x, y in pixels of the middle of its foot.
        radius: half of its width in pixels.
        yaw: radians about the vertical.
        pattern: seed of its texture.
    """

    shape: str
    colour: str
    material: str
    size: str
    at: tuple[float, float]
    radius: float
    yaw: float
    pattern: int


def adjectives(thing: Thing) -> dict[str, str]:
    """What captions may say of a thing beside its shape."""
    return {"size": thing.size, "colour": thing.colour, "material": thing.material}


def sprite(thing: Thing, sun: NDArray[np.float64]) -> Sprite:
    """Shade a thing.

    Args:
        thing: what.
        sun: (3,) unit vector towards the light: right, up, towards the camera.
    """
    if thing.shape in _SOLIDS:
        x, y, alpha, normal = _faceted(thing)
    elif thing.shape == "ring":
        x, y, alpha, normal = _ring(thing)
    else:
        x, y, alpha, normal = _revolved(thing)
    return Sprite(x, y, alpha, _surface(thing, normal, sun))


def shadow(mask: NDArray[np.uint8], thing: Thing, sun: NDArray[np.float64]) -> None:
    """Add what a thing shades of the surface to a mask."""
    x, y = thing.at
    tall = _HEIGHTS.get(thing.shape, (1.0, 0.0))[0] * thing.radius
    reach = np.array([-sun[0], sun[2] * _TILT]) / max(sun[1], 0.3) * tall
    foot = np.array([x, y - _TILT * thing.radius * 0.6])
    ends = np.stack([foot, foot + reach])
    width = np.array([thing.radius, thing.radius * _TILT])
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rim = np.column_stack([np.cos(angles), np.sin(angles)]) * width
    outline = np.concatenate([ends[0] + rim, ends[1] + 0.8 * rim]).astype(np.float32)
    cv2.fillConvexPoly(mask, np.rint(16 * cv2.convexHull(outline)).astype(np.int32), 255, cv2.LINE_AA, 4)


# --- form: where a thing lies, how far it covers each pixel, and its normals -------------------------------------


def _revolved(thing: Thing) -> tuple[int, int, Array, Array]:
    tall, opening = _HEIGHTS[thing.shape]
    shares, radii = np.array(_PROFILES[thing.shape]).T
    height, rim, foot = 2 * thing.radius * tall, radii[0] * thing.radius, radii[-1] * thing.radius
    lip, sole = opening * rim, 0.36 * foot  # half heights of the ellipses at both ends
    x0, y0, u, v = _grid(thing, lip + height + sole)
    down = v[:, :1] - lip
    width = np.interp(down / height, shares, radii * thing.radius)
    lowest = height + sole * np.sqrt(np.clip(1 - (u / max(foot, 1)) ** 2, 0, 1))
    alpha = np.clip(np.minimum(np.minimum(width - np.abs(u), down), lowest - down) + 0.5, 0, 1)
    across = np.clip(u / np.maximum(width, 0.5), -1, 1)
    upward = np.clip(np.gradient(width[:, 0]), -2, 2)[:, None]
    normal = _unit(np.dstack([across, np.broadcast_to(upward, u.shape), np.sqrt(1 - across**2)]))
    if opening:
        lid = np.clip((1 - np.hypot(u / rim, (v - lip) / lip)) * lip + 0.5, 0, 1)
        alpha = np.maximum(alpha, lid)
        normal[lid > 0.5] = (0, 1, 0) if thing.shape in ("cylinder", "bottle") else (0, -0.4, 0.2)
    return x0, y0, alpha.astype(np.float32), normal


def _faceted(thing: Thing) -> tuple[int, int, Array, Array]:
    wide, deep, tall = {"cube": (0.72, 0.72, 1.2), "block": (0.85, 0.5, 0.75), "pyramid": (0.72, 0.72, 1.5)}[
        thing.shape
    ]
    x0, y0, u, _ = _grid(thing, thing.radius * (tall + 2 * _TILT))
    turn = np.array([[np.cos(thing.yaw), -np.sin(thing.yaw)], [np.sin(thing.yaw), np.cos(thing.yaw)]])
    floor = (np.array([[-wide, -deep], [wide, -deep], [wide, deep], [-wide, deep]]) * thing.radius) @ turn.T
    alpha, normal = np.zeros(u.shape, np.uint8), np.zeros((*u.shape, 3), np.float32)
    apex = np.zeros((4, 2)) if thing.shape == "pyramid" else floor
    bottom = _projected(floor, 0.0, thing, x0, y0)
    top = _projected(apex, tall * thing.radius, thing, x0, y0)
    for start in range(4):
        end = (start + 1) % 4
        edge = floor[end] - floor[start]
        outward = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
        if outward[1] < 0:  # faces away: depth grows towards the camera
            continue
        face = np.array([bottom[start], bottom[end], top[end], top[start]])
        lean = 0.45 if thing.shape == "pyramid" else 0.0
        _fill(alpha, normal, face, (outward[0], lean, outward[1]))
    if thing.shape != "pyramid":
        _fill(alpha, normal, top, (0.0, 1.0, 0.1))
    return x0, y0, (alpha / np.float32(255)).astype(np.float32), normal


def _ring(thing: Thing) -> tuple[int, int, Array, Array]:
    thick = 0.3 * thing.radius
    x0, y0, u, v = _grid(thing, 2 * thing.radius * _TILT + thick)
    middle = thing.radius - thick
    depth = (v - thick / 2 - thing.radius * _TILT) / _TILT
    away = np.hypot(u, depth) - middle
    alpha = np.clip((thick - np.abs(away)) * (0.5 + _TILT / 2) + 0.5, 0, 1)
    lean = np.clip(away / thick, -1, 1)
    radial = np.dstack([u, depth]) / np.maximum(np.hypot(u, depth), 1)[:, :, None]
    up = np.sqrt(np.clip(1 - lean**2, 0, 1))
    return (
        x0,
        y0,
        alpha.astype(np.float32),
        np.dstack([radial[:, :, 0] * lean, up, radial[:, :, 1] * lean]).astype(np.float32),
    )


def _grid(thing: Thing, height: float) -> tuple[int, int, Array, Array]:
    """Corner of a thing's rectangle, and of its pixels: distance from its axis, and from its upper end."""
    x, y = thing.at
    top = y - height
    x0, y0 = int(np.floor(x - thing.radius)) - 2, int(np.floor(top)) - 2
    columns, rows = int(np.ceil(2 * thing.radius)) + 5, int(np.ceil(height)) + 5
    u = np.arange(columns, dtype=np.float32) + np.float32(x0 + 0.5 - x)
    v = np.arange(rows, dtype=np.float32) + np.float32(y0 + 0.5 - top)
    columns_of, rows_of = np.broadcast_arrays(u[None, :], v[:, None])
    return x0, y0, columns_of, rows_of


def _unit(vectors: NDArray[np.floating]) -> Array:
    unit: Array = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)
    return unit


def _projected(floor: NDArray[np.float64], up: float, thing: Thing, x0: int, y0: int) -> NDArray[np.float64]:
    base = thing.at[1] - thing.radius * _TILT
    return np.column_stack([thing.at[0] + floor[:, 0] - x0, base + floor[:, 1] * _TILT - up - y0])


def _fill(
    alpha: NDArray[np.uint8], normal: Array, face: NDArray[np.float64], towards: tuple[float, float, float]
) -> None:
    outline = np.rint(16 * (face - 0.5)).astype(np.int32)
    cv2.fillConvexPoly(alpha, outline, 255, cv2.LINE_AA, 4)
    cv2.fillConvexPoly(normal, outline, towards, cv2.LINE_8, 4)
    cv2.polylines(normal, [outline], isClosed=True, color=towards, thickness=1, lineType=cv2.LINE_8, shift=4)


# --- surface ----------------------------------------------------------------------------------------------------


def _surface(thing: Thing, normal: Array, sun: NDArray[np.float64]) -> Array:
    facing = np.clip(normal @ sun.astype(np.float32), 0, 1)
    half = sun + np.array([0, 0.35, 0.94])
    gloss = np.clip(normal @ (half / np.linalg.norm(half)).astype(np.float32), 0, 1)
    tone = _PATTERNS[thing.material](thing, normal)
    light = np.array(COLOURS[thing.colour], np.float32) * (tone * (0.38 + 0.72 * facing))[:, :, None]
    if thing.material == "metal":
        mirrored = 0.5 + 0.5 * np.sin(5 * normal[:, :, 1] + 3 * normal[:, :, 0])
        light = light * (0.65 + 0.5 * mirrored)[:, :, None] + (190 * gloss**28 + 28 * mirrored)[:, :, None]
    elif thing.material == "plastic":
        light = light + (150 * gloss**40)[:, :, None]
    return light.astype(np.float32)


def _even(_thing: Thing, normal: Array) -> Array:
    return np.ones(normal.shape[:2], np.float32)


def _matte(thing: Thing, normal: Array) -> Array:
    return 1 + 0.05 * noise(np.random.default_rng(thing.pattern), "fine", normal.shape[:2])


def _wood(thing: Thing, normal: Array) -> Array:
    rows, columns = normal.shape[:2]
    rng = np.random.default_rng(thing.pattern)
    rings = np.arange(rows, dtype=np.float32)[:, None] * np.float32(9 / thing.radius)
    wavy: Array = rings + 1.1 * noise(rng, "clouds", (rows, columns), 0.4)
    return np.asarray(0.85 + 0.22 * np.sin(wavy * 2) * np.cos(wavy * 0.7), np.float32)


def _stripes(thing: Thing, normal: Array) -> Array:
    rows, columns = normal.shape[:2]
    along = np.arange(columns)[None, :] * np.sin(thing.yaw) + np.arange(rows)[:, None] * np.cos(thing.yaw)
    return np.where(np.sin(along * 8 / thing.radius) > 0, 1.0, 0.42).astype(np.float32)


def _dots(thing: Thing, normal: Array) -> Array:
    rows, columns = normal.shape[:2]
    step = 7.5 / thing.radius
    waves = np.sin(np.arange(columns)[None, :] * step) * np.sin(np.arange(rows)[:, None] * step)
    return np.where(np.abs(waves) > 0.45, 0.4, 1.05).astype(np.float32)


_PATTERNS: Final[dict[str, Callable[[Thing, Array], Array]]] = {
    "rubber": _matte, "metal": _even, "plastic": _even, "wooden": _wood, "striped": _stripes, "dotted": _dots,
}  # fmt: skip
