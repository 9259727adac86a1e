"""What the demo yard is made of: colour and gloss of each point, by name of the surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_plugins.demo.yard import skins
from onediff_plugins.demo.yard.place import BAYS_X, BAYS_Y
from onediff_plugins.demo.yard.textures import Look, every, line, mix, scatter, tinted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from onediff_plugins.demo.yard.textures import Spots

    Array = NDArray[np.floating[Any]]


def paint(surface: str, spots: Spots) -> Look:
    """Colour and gloss of points.

    Args:
        surface: name of a surface.
        spots: the points.

    Returns:
        How they look.
    """
    return _SURFACES[surface](spots)


def _plain(spots: Spots) -> Look:
    return tinted(spots, 1 + 0.05 * spots.noise.at(*spots.across(), 0.3, 3))


def _lacquer(spots: Spots) -> Look:
    return tinted(spots, 1 + 0.04 * spots.noise.at(*spots.across(), 0.2, 2), mirror=0.05)


def _asphalt(spots: Spots) -> Look:
    x, y = spots.points[:, 0], spots.points[:, 1]
    at = spots.noise.at
    tone = 1 + 0.09 * at(x, y, 5.0, 3) + 0.07 * at(x, y, 0.6, 2) + 0.16 * at(x, y, 0.05, 3)
    albedo = spots.colour * np.clip(tone, 0.3, 3)[:, None]
    pebbles = np.clip(at(x + 3, y, 0.03, 1) - 1.5, 0, 1) * np.clip(1.6 - y / 8, 0, 1)
    albedo = mix(albedo, 0.5 * pebbles, (0.34, 0.33, 0.31))
    # A trench that was filled with newer, darker asphalt, and its sealed seams.
    edge = np.abs(y - 0.24 * x - 5.5 + 0.02 * at(x, y, 0.8))
    albedo = albedo * (1 - 0.3 * np.clip((0.47 - edge) * 30, 0, 1))[:, None]
    albedo = mix(albedo, 0.75 * line(edge - 0.47, 0.05), (0.03, 0.03, 0.032))
    # Cracks follow a level of the random field.
    crack = line(at(x, y, 3.1, 3) - 0.35, 0.022) * np.clip(at(x + 9, y + 4, 4.0) * 1.4, 0, 1)
    albedo = mix(albedo, 0.75 * crack, (0.025, 0.025, 0.025))
    for left, top, radius, depth in _STAINS:
        away = np.hypot(x - left, (y - top) * 1.25) + 0.1 * radius * at(x, y, 0.35, 3)
        albedo = albedo * (1 - depth * np.clip((radius - away) / (0.7 * radius), 0, 1))[:, None]
    albedo = mix(albedo, _bay_lines(spots), (0.50, 0.50, 0.48))
    for cover_x, cover_y, size in ((-0.6, 7.3, 0.34), (4.0, 10.35, 0.2)):
        away = np.hypot(x - cover_x, y - cover_y)
        ribs = 0.5 + 0.5 * np.sign(every(x - cover_x, 0.11) * every(y - cover_y, 0.11))
        iron = np.stack([0.07 + 0.05 * ribs] * 3, axis=1).astype(np.float32)
        albedo = np.where((away < size)[:, None], iron, albedo)
        albedo = mix(albedo, 0.9 * line(away - size, 0.035), (0.02, 0.02, 0.02))
        albedo = mix(albedo, 0.6 * line(away - size - 0.07, 0.09), (0.20, 0.195, 0.185))
    return Look(np.clip(albedo, 0.01, 0.8).astype(np.float32), np.zeros(len(x), np.float32))


# Oil and damp: x, y, radius in metres, depth.
_STAINS: Final = (
    (6.9, 6.0, 0.75, 0.45),
    (6.7, 8.5, 0.6, 0.4),
    (7.3, 8.3, 0.25, 0.5),
    (2.4, 10.2, 1.5, 0.2),
    (-2.2, 6.3, 0.35, 0.35),
    (-3.4, 8.0, 0.9, 0.16),
    (1.7, 5.8, 0.5, 0.25),
)


def _lawn(spots: Spots) -> Look:
    x, y = spots.points[:, 0], spots.points[:, 1]
    return tinted(spots, 1 + 0.2 * spots.noise.at(x, y, 2.5, 3) + 0.2 * spots.noise.at(x, y, 0.1, 2))


def _bay_lines(spots: Spots) -> Array:
    """How much of the bays' white paint is left at each point."""
    x, y = spots.points[:, 0], spots.points[:, 1]
    inside = np.clip((x - BAYS_X[0]) * 60, 0, 1) * np.clip((BAYS_X[1] - x) * 60, 0, 1)
    white = np.max([line(y - middle, 0.11) for middle in BAYS_Y], axis=0) * inside
    worn = np.clip(0.62 + 0.3 * spots.noise.at(x, y, 0.5, 3) + 0.3 * spots.noise.at(x, y, 0.05, 2), 0, 1)
    paint: Array = (white * worn).astype(np.float32)
    return paint


def _slabs(spots: Spots) -> Look:
    u, v = spots.across()
    row = np.floor(v / 0.5)
    shifted = u + 0.25 * (row % 2)
    tone = scatter(np.floor(shifted / 0.5), row)
    joint = np.maximum(line(every(shifted, 0.5), 0.022), line(every(v, 0.5), 0.022))
    at = spots.noise.at
    tone = 0.92 + 0.16 * tone + 0.07 * at(u, v, 1.8, 3) + 0.07 * at(u, v, 0.06, 2)
    look = tinted(spots, tone)
    moss = 0.6 + 0.4 * np.clip(at(u, v, 2.5), -1, 1)
    return Look(mix(look.albedo, joint * 0.75, (0.09, 0.09, 0.06)) * (1 - 0.08 * moss)[:, None], look.mirror)


def _kerb(spots: Spots) -> Look:
    u, v = spots.across()
    joint = line(every(u, 1.0), 0.02)
    return tinted(spots, (1 + 0.09 * spots.noise.at(u, v, 0.7, 4)) * (1 - 0.6 * joint))


def _concrete(spots: Spots) -> Look:
    u, v = spots.across()
    streaks = spots.noise.at(u, v * 0.12, 0.18, 3)
    damp = np.clip(1 - spots.points[:, 2] / 0.35, 0, 1) * (np.abs(spots.normals[:, 2]) < 0.5)
    return tinted(spots, (1 + 0.06 * streaks + 0.06 * spots.noise.at(u, v, 0.9, 4)) * (1 - 0.3 * damp))


def _bricks(spots: Spots) -> Look:
    u, v = spots.across()
    row = np.floor(v / 0.085)
    shifted = u + 0.125 * (row % 2)
    column = np.floor(shifted / 0.25)
    tone = 0.72 + 0.5 * scatter(column, row)
    joint = np.maximum(line(every(shifted, 0.25), 0.016), line(every(v, 0.085), 0.016))
    at = spots.noise.at
    tone = tone * (1 + 0.08 * at(u, v, 0.05, 2)) * (1 + 0.07 * at(u, v * 0.4, 2.2, 4))
    albedo = spots.colour * tone[:, None]
    albedo = mix(albedo, 0.35 * (scatter(row, column) > 0.86), (0.17, 0.09, 0.075))
    albedo = mix(albedo, 0.8 * joint, (0.30, 0.27, 0.235))
    soot = np.clip(1.3 - v / 0.9, 0, 1) * (0.24 + 0.08 * at(u, v, 0.5, 3))
    return Look((albedo * (1 - soot)[:, None]).astype(np.float32), np.zeros(len(u), np.float32))


def _steel_door(spots: Spots) -> Look:
    x, z = spots.local[:, 0], spots.local[:, 2]
    look = tinted(spots, 1 + 0.05 * spots.noise.at(*spots.across(), 0.6, 4), mirror=0.03)
    pane = (np.abs(x - 0.52) < 0.2) & (np.abs(z - 1.55) < 0.26)
    rim = (np.abs(x - 0.52) < 0.24) & (np.abs(z - 1.55) < 0.3) & ~pane
    plate = (np.abs(x - 0.52) < 0.46) & (np.abs(z - 0.14) < 0.1)
    handle = (np.abs(x - 0.92) < 0.022) & (np.abs(z - 0.98) < 0.14)
    albedo = mix(look.albedo, rim.astype(np.float32), (0.03, 0.05, 0.065))
    albedo = mix(albedo, pane.astype(np.float32), (0.03, 0.035, 0.04))
    albedo = mix(albedo, (plate | handle).astype(np.float32), (0.38, 0.38, 0.38))
    return Look(albedo, np.where(pane, 0.12, look.mirror).astype(np.float32))


def _shutter(spots: Spots) -> Look:
    z = spots.local[:, 2]
    phase = np.mod(z, 0.115) / 0.115
    tone = 0.80 + 0.28 * np.sin(np.pi * phase) - 0.45 * (phase < 0.1)
    rust = np.clip(1 - z / 0.5, 0, 1) * np.clip(spots.noise.at(spots.local[:, 0], z, 0.5, 3), 0, 1)
    look = tinted(spots, tone * (1 + 0.05 * spots.noise.at(spots.local[:, 0], z * 0.2, 0.4, 3)), mirror=0.02)
    return Look(mix(look.albedo, 0.4 * rust, (0.2, 0.13, 0.09)), look.mirror)


def _sign(spots: Spots) -> Look:
    x, z = spots.local[:, 0], spots.local[:, 2]
    look = tinted(spots, 1.0)
    band = (z > 0.5) & (x > 0.03) & (x < 0.47) & (z < 0.67)
    text = (
        (np.abs(every(z - 0.03, 0.09)) < 0.018)
        & (z < 0.45)
        & (x > 0.06)
        & (x < 0.44 - 0.1 * scatter(np.rint(z / 0.09), z * 0))
    )
    albedo = mix(look.albedo, band.astype(np.float32), (0.42, 0.05, 0.04))
    return Look(mix(albedo, 0.8 * text.astype(np.float32), (0.06, 0.06, 0.07)), look.mirror)


def _bollard(spots: Spots) -> Look:
    stripe = np.mod(spots.points[:, 2], 0.4) < 0.2
    look = tinted(spots, 1 + 0.08 * spots.noise.at(*spots.across(), 0.2, 3))
    return Look(mix(look.albedo, stripe.astype(np.float32), (0.03, 0.03, 0.03)), look.mirror)


def _boards(spots: Spots) -> Look:
    y, z = spots.points[:, 1], spots.points[:, 2]
    board = np.floor((y - 1) / 0.15)
    tone = 0.75 + 0.45 * scatter(board, board * 0 + 3)
    grain = spots.noise.at(y, z * 0.07 + board * 0.37, 0.03, 3)
    grey = np.clip(0.35 + 0.35 * spots.noise.at(y, z, 1.4, 2), 0, 1)
    look = tinted(spots, tone * (1 + 0.1 * grain))
    return Look(mix(look.albedo, 0.6 * grey, (0.21, 0.19, 0.165)), look.mirror)


def _glass(spots: Spots) -> Look:
    x, z = spots.local[:, 0], spots.local[:, 1]
    blind = np.clip((z - 0.85) * 50, 0, 1) * (0.55 + 0.3 * (np.mod(z, 0.06) < 0.04))
    seen = scatter(np.floor(spots.points[:, 0] / 2.1), np.floor(spots.points[:, 2] / 2.5)) > 0.45
    albedo = mix(tinted(spots, 1.0).albedo, blind * seen * 0.6, (0.42, 0.41, 0.37))
    return Look(albedo, np.full(len(x), 0.22, np.float32))


def _leaf(spots: Spots) -> Look:
    tone = 0.6 + 0.75 * spots.local[:, 3]
    look = tinted(spots, tone, mirror=0.01, through=0.45)
    yellow = np.clip(spots.local[:, 3] * 6 - 5.2, 0, 1)
    return Look(mix(look.albedo, 0.6 * yellow, (0.20, 0.19, 0.04)), look.mirror, look.through)


def _bark(spots: Spots) -> Look:
    angle = np.arctan2(spots.normals[:, 1], spots.normals[:, 0])
    return tinted(spots, 1 + 0.3 * spots.noise.at(angle * 0.15, spots.points[:, 2] * 0.3, 0.05, 3))


_SURFACES: Final[Mapping[str, Callable[[Spots], Look]]] = {
    "asphalt": _asphalt,
    "bark": _bark,
    "boards": _boards,
    "bollard": _bollard,
    "bricks": _bricks,
    "car_paint": skins.car_paint,
    "carton": skins.carton,
    "cloth": skins.cloth,
    "concrete": _concrete,
    "glass": _glass,
    "kerb": _kerb,
    "lacquer": _lacquer,
    "lawn": _lawn,
    "leaf": _leaf,
    "plain": _plain,
    "plastic": skins.plastic,
    "ribbed": skins.ribbed,
    "shutter": _shutter,
    "sign": _sign,
    "slabs": _slabs,
    "steel_door": _steel_door,
    "wheel": skins.wheel,
}
