"""How the things that come and go in the demo yard look: colour and gloss of each point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onediff_plugins.demo.yard.textures import Look, line, mix, tinted
from onediff_plugins.demo.yard.things import WHEEL_RADIUS, WHEELS

if TYPE_CHECKING:
    from onediff_plugins.demo.yard.textures import Spots


def cloth(spots: Spots) -> Look:
    """Folds."""
    u = spots.points[:, 0] + spots.points[:, 1]
    folds = spots.noise.at(u * 2.2, spots.points[:, 2], 0.14, 2)
    return tinted(spots, 1 + 0.22 * folds)


def plastic(spots: Spots) -> Look:
    """A bin with its lid."""
    seam = line(spots.local[:, 2] - 0.985, 0.03)
    return tinted(spots, (1 + 0.12 * spots.noise.at(*spots.across(), 0.4, 3)) * (1 - 0.6 * seam), mirror=0.035)


def carton(spots: Spots) -> Look:
    """Cardboard with tape, an address and a mark."""
    x, y, z, side = spots.local.T
    look = tinted(spots, 1 + 0.05 * spots.noise.at(x, z + y, 0.1, 3))
    top = np.rint(side) == 4
    tape = (np.abs(y - 0.22) < 0.035) & (top | ((z > 0.33) & (np.rint(side) % 2 == 1)))
    front = np.rint(side) == 0
    label = front & (np.abs(x - 0.44) < 0.09) & (np.abs(z - 0.27) < 0.06)
    mark = front & (np.abs(x - 0.13) < 0.05) & (np.abs(z - 0.12) < 0.05)
    albedo = mix(look.albedo, 0.8 * tape, (0.50, 0.39, 0.22))
    albedo = mix(albedo, label.astype(np.float32), (0.7, 0.7, 0.68))
    return Look(mix(albedo, 0.7 * mark, (0.08, 0.05, 0.03)), look.mirror + 0.2 * tape.astype(np.float32) * 0.1)


def ribbed(spots: Spots) -> Look:
    """A suitcase's shell with its zip."""
    rib = np.mod(spots.local[:, 0], 0.075) < 0.018
    zip_ = np.abs(spots.local[:, 1] - 0.13) < 0.008
    return tinted(spots, 1 - 0.5 * rib - 0.4 * zip_, mirror=0.04)


def wheel(spots: Spots) -> Look:
    """Tyre and rim."""
    x, _, z, _ = spots.local.T
    radius = np.hypot(x, z)
    spoke = np.abs(np.sin(2.5 * np.arctan2(z, x))) > 0.42
    look = tinted(spots, 1.0)
    rim = (radius < 0.2) & (radius > 0.05) & (spoke | (radius > 0.175))
    hub = radius < 0.06
    albedo = mix(look.albedo, (rim | hub).astype(np.float32), (0.36, 0.365, 0.37))
    return Look(albedo, np.where(rim | hub, 0.06, 0.0).astype(np.float32))


def car_paint(spots: Spots) -> Look:
    """Body, windows, lamps, plate and gaps of the car, by where they are on it."""
    x, y, z, mark = spots.local.T
    at = spots.noise.at
    look = tinted(spots, 1 + 0.02 * at(x, z, 0.5, 2))
    albedo, mirror = look.albedo, np.full(len(x), 0.055, np.float32)
    black = (z < 0.34) | ((mark > 2.1) & (x < 0.1) & (z < 0.45))
    for place in WHEELS:
        arch = (np.hypot(x - place, z - WHEEL_RADIUS) < WHEEL_RADIUS + 0.055) & (mark > 2.4)
        black |= arch
    gaps = line(z - 0.62, 0.012) * (x < 0.1)
    for door in (0.98, 1.88, 2.86):
        gaps = np.maximum(gaps, line(x - door - 0.1 * np.clip(z - 0.9, 0, 1), 0.014) * (mark > 1.1) * (z > 0.36))
    gaps = np.maximum(gaps, line(z - 0.40, 0.014) * (x > 0.98) * (x < 2.86))
    handle = (np.abs(z - 0.80) < 0.018) & (mark > 2.1) & ((np.abs(x - 1.16) < 0.09) | (np.abs(x - 2.05) < 0.09))
    side = (mark > 1.18) & (mark < 1.93) & (x > 0.62) & (x < 2.98) & (np.abs(x - 1.84 - 0.1 * (z - 1)) > 0.035)
    side &= np.abs(x - 0.95 - 0.2 * (z - 1)) > 0.03
    back = (mark < 1.0) & (x > 0.10) & (x < 0.44)
    front = (mark < 1.0) & (x > 2.45) & (x < 3.18)
    glass = side | back | front
    lamps = (x < 0.2) & (z > 0.66) & (z < 0.93) & (np.abs(y) > 0.60) & (mark > 0.7)
    head = (x > 3.82) & (z > 0.55) & (z < 0.74) & (np.abs(y) > 0.42)
    plate = (x < 0.06) & (np.abs(y) < 0.26) & (np.abs(z - 0.52) < 0.055)
    albedo = mix(albedo, 0.8 * gaps, (0.012, 0.012, 0.012))
    for where, colour, gloss in (
        (handle, (0.03, 0.03, 0.03), 0.03),
        (glass, (0.012, 0.014, 0.016), 0.11),
        (lamps, (0.30, 0.012, 0.012), 0.08),
        (head, (0.45, 0.46, 0.47), 0.1),
        (plate, (0.62, 0.62, 0.58), 0.0),
        (black, (0.014, 0.014, 0.015), 0.01),
    ):
        albedo = np.where(where[:, None], np.array(colour, np.float32), albedo)
        mirror = np.where(where, np.float32(gloss), mirror)
    dust = np.clip(0.9 - z, 0, 1) * 0.22 * (1 + 0.4 * at(x, z, 0.3, 3)) * ~glass
    return Look(mix(albedo, dust, (0.20, 0.18, 0.15)), mirror)
