"""How land looks on one date, and what is seen where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_core.data.synthetic.satellite.ground import ground
from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from onediff_core.data.synthetic.satellite.land import Building, Date, Land, Road, Spot, State

    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255
    Ids = NDArray[np.int16]  # (H, W) key of what is seen
    Points = NDArray[np.float64]

_ROOFS: Final = (
    (126, 122, 118), (96, 92, 90), (150, 140, 128), (112, 92, 78), (84, 72, 64), (164, 104, 78),
    (186, 178, 166), (216, 214, 208), (134, 110, 92), (74, 76, 82), (152, 84, 66), (88, 110, 150),
)  # fmt: skip
_SHEDS: Final = ((214, 214, 212), (176, 180, 184), (92, 122, 170), (150, 152, 150), (196, 188, 172), (110, 128, 116))
_VEHICLES: Final = ((226, 226, 224), (40, 42, 46), (150, 152, 156), (150, 34, 34), (44, 66, 120), (96, 98, 102))


def seen(land: Land, state: State, date: Date, texture: int, *, calm: bool) -> tuple[Light, Ids]:
    """The land from above.

    Args:
        land: what could be there.
        state: what is.
        date: light and season.
        texture: seed of what looks the same on all dates.
        calm: without shadows, and with no traces around buildings.

    Returns:
        Light, and for each pixel the key of what is seen there.
    """
    light = ground(land, state, date, np.random.default_rng([texture, 0]))
    canvas = _Canvas(light, land.parcels.copy(), land.gsd)
    buildings = {key: building for key, building in land.buildings.items() if key not in state.absent}
    trees = {key: tree for key, tree in land.trees.items() if key not in state.absent}
    if not calm:
        _yards(canvas, buildings, texture)
    for key, road in land.roads.items():
        if key not in state.absent:
            _road(canvas, key, road, land.gsd)
    if not calm:
        light *= 1 - date.depth * _shadows(land, buildings, trees, date)[:, :, None]
    for key, vehicle in land.vehicles.items():
        if key not in state.absent:
            _vehicle(canvas, key, vehicle)
    for key, building in buildings.items():
        _roof(canvas, key, building, date)
    for key, tree in trees.items():
        _tree(canvas, key, tree, date)
    rng = np.random.default_rng([texture, 1])
    light *= 1 + 0.035 * noise(rng, "fine", light.shape[:2])[:, :, None]
    light *= 1 + 0.22 * (canvas.ids // 1000 == 4)[:, :, None] * noise(rng, "rough", light.shape[:2], 0.6)[:, :, None]
    return light, canvas.ids


@dataclass(frozen=True, eq=False)
class _Canvas:
    """Light and keys that are drawn on together; shapes are in metres."""

    light: Light
    ids: Ids
    gsd: float

    def polygon(self, outline: Points, colour: NDArray[np.float64], key: int | None = None) -> None:
        points = self._pixels(outline)
        cv2.fillPoly(self.light, [points], colour.tolist(), cv2.LINE_AA, 4)
        if key is not None:
            cv2.fillPoly(self.ids, [points], key, cv2.LINE_8, 4)

    def line(self, line: Points, width: float, colour: NDArray[np.float64], key: int | None = None) -> None:
        thickness = max(round(width / self.gsd), 1)
        points = self._pixels(line)
        cv2.polylines(self.light, [points], False, colour.tolist(), thickness, cv2.LINE_AA, 4)
        if key is not None:
            cv2.polylines(self.ids, [points], False, key, thickness, cv2.LINE_8, 4)

    def disc(self, at: tuple[float, float], radius: float, colour: NDArray[np.float64], key: int | None = None) -> None:
        centre = self._pixels(np.array(at)).tolist()
        reach = round(16 * radius / self.gsd)
        cv2.circle(self.light, centre, reach, colour.tolist(), -1, cv2.LINE_AA, 4)
        if key is not None:
            cv2.circle(self.ids, centre, reach, key, -1, cv2.LINE_8, 4)

    def _pixels(self, metres: Points) -> NDArray[np.int32]:
        return np.rint(16 * (metres / self.gsd - 0.5)).astype(np.int32)


def _yards(canvas: _Canvas, buildings: Mapping[int, Building], texture: int) -> None:
    """Trodden and paved ground around buildings, with soft borders."""
    worn = np.zeros(canvas.ids.shape, np.uint8)
    for building in buildings.values():
        for wing in building.wings:
            outline = wing + 0.35 * (wing - wing.mean(axis=0))
            cv2.fillConvexPoly(worn, np.rint(outline / canvas.gsd).astype(np.int32), 255)
    rng = np.random.default_rng([texture, 2])
    tone = rng.choice([0.0, 0.35, 0.6]) / 255
    soft = cv2.GaussianBlur(worn, (0, 0), 1.8 / canvas.gsd).astype(np.float32)[:, :, None] * np.float32(tone)
    light = canvas.light
    light += soft * (np.array([166, 156, 138], np.float32) - light)


def _road(canvas: _Canvas, key: int, road: Road, gsd: float) -> None:
    rng = np.random.default_rng(key)
    colour = np.full(3, rng.uniform(92, 150)) if road.paved else np.array([178, 160, 130]) * rng.uniform(0.85, 1.1)
    canvas.line(road.line, road.width, colour, key)
    if road.paved and gsd < 0.8 and road.width > 6:
        canvas.line(road.line, 0.3, colour + 55)


def _shadows(
    land: Land, buildings: Mapping[int, Building], trees: Mapping[int, Spot], date: Date
) -> NDArray[np.float32]:
    """Where no sun falls, in [0, 1]."""
    shaded = np.zeros(land.parcels.shape, np.uint8)
    away = -np.array(date.sun) * date.cotangent
    for building in buildings.values():
        for wing in building.wings:
            outline = np.concatenate([wing, wing + away * building.height]) / land.gsd
            cv2.fillConvexPoly(
                shaded, np.rint(16 * cv2.convexHull(outline.astype(np.float32))).astype(np.int32), 255, cv2.LINE_AA, 4
            )
    for tree in trees.values():
        start = np.array(tree.at)
        end = start + away * tree.radius * 1.5
        ends = np.rint(16 * np.stack([start, end]) / land.gsd).astype(np.int32)
        cv2.polylines(shaded, [ends], False, 255, max(round(1.7 * tree.radius / land.gsd), 1), cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(shaded, (0, 0), 0.6), np.float32) / np.float32(255)


# --- what stands on it ------------------------------------------------------------------------------------------


def _roof(canvas: _Canvas, key: int, building: Building, date: Date) -> None:
    rng = np.random.default_rng(building.tone)
    large = np.ptp(np.concatenate(building.wings), axis=0).max() > 26
    colours = _SHEDS if large else _ROOFS
    colour = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.85, 1.1)
    for wing in building.wings:
        if building.roof == "flat":
            canvas.polygon(wing, colour, key)
            _on_flat_roof(canvas, wing, colour, rng, large=bool(large))
        else:
            _pitched(canvas, key, wing, colour, date, hip=building.roof == "hip")
    if building.roof != "flat" and rng.random() < 0.2:
        corner, right, _, down = building.wings[0]
        panel = corner + np.array([[0.2, 0.15], [0.4, 0.15], [0.4, 0.7], [0.2, 0.7]]) @ np.stack(
            [right - corner, down - corner]
        )
        canvas.polygon(panel, np.array([38.0, 44.0, 66.0]))


def _pitched(canvas: _Canvas, key: int, wing: Points, colour: NDArray[np.float64], date: Date, *, hip: bool) -> None:
    a, b, c, d = wing
    if np.hypot(*(b - a)) > np.hypot(*(d - a)):
        a, b, c, d = b, c, d, a
    # a-b and c-d are the short sides now; the ridge runs between their middles.
    first, last = (a + b) / 2, (c + d) / 2
    if hip:
        inset = min(np.hypot(*(b - a)) / 2 / max(np.hypot(*(last - first)), 1e-6), 0.45) * (last - first)
        first, last = first + inset, last - inset
    faces = [np.array([b, c, last, first]), np.array([d, a, first, last])]
    faces += [np.array([a, b, first]), np.array([c, d, last])] if hip else []
    canvas.polygon(wing, colour, key)
    middle = wing.mean(axis=0)
    for face in faces:
        outward = face[:2].mean(axis=0) - middle
        facing = float(np.dot(outward / max(np.hypot(*outward), 1e-6), date.sun))
        canvas.polygon(face, colour * (0.95 + 0.27 * facing))
    if canvas.gsd < 0.7:
        canvas.line(np.stack([first, last]), 0.3, colour * 1.12)


def _on_flat_roof(
    canvas: _Canvas, wing: Points, colour: NDArray[np.float64], rng: np.random.Generator, *, large: bool
) -> None:
    corner, right, _, down = wing
    axes = np.stack([right - corner, down - corner])
    ring = corner + np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) @ axes
    canvas.line(ring, 0.4, colour * 1.1)
    if not large:
        return
    if rng.random() < 0.5:
        for share in np.linspace(0.1, 0.9, int(rng.integers(4, 12))):
            canvas.line(corner + np.array([[0.05, share], [0.95, share]]) @ axes, 0.5, colour * rng.choice([0.86, 1.1]))
    for _ in range(int(rng.integers(0, 7))):
        x, y = rng.uniform(0.1, 0.85, 2)
        unit = corner + np.array([[x, y], [x + 0.06, y], [x + 0.06, y + 0.05], [x, y + 0.05]]) @ axes
        canvas.polygon(unit, colour * rng.choice([0.6, 1.15]))


def _tree(canvas: _Canvas, key: int, tree: Spot, date: Date) -> None:
    colour = np.array([62, 80, 48]) * (0.75 + 0.5 * tree.tone) * np.array(date.season)
    canvas.disc(tree.at, tree.radius, colour * 0.7, key)
    if tree.tone * 7 % 1 < date.bleak:
        canvas.disc(tree.at, tree.radius * 0.8, np.array([112.0, 104.0, 92.0]))
        return
    (x, y), (east, south) = tree.at, date.sun
    for share, tone in ((0.25, 1.0), (0.4, 1.3)):
        aside = (tree.tone * 31 * tone % 1 - 0.5) * 0.3  # no two crowns are alike
        at = x + (share * east + aside) * tree.radius, y + (share * south - aside) * tree.radius
        canvas.disc(at, tree.radius * (0.85 - share), colour * tone)


def _vehicle(canvas: _Canvas, key: int, vehicle: Spot) -> None:
    colour = np.array(_VEHICLES[int(vehicle.tone * len(_VEHICLES))], np.float64)
    ahead = np.array([np.cos(vehicle.angle), np.sin(vehicle.angle)])
    aside = np.array([-ahead[1], ahead[0]])
    axes = np.stack([ahead * vehicle.radius, aside * 0.95])
    body = np.array([[-1, -0.9], [0.9, -0.9], [1, -0.6], [1, 0.6], [0.9, 0.9], [-1, 0.9]])
    glass = np.array([[0.15, -0.75], [0.45, -0.75], [0.45, 0.75], [0.15, 0.75]])
    canvas.polygon(np.array(vehicle.at) + body @ axes, colour, key)
    canvas.polygon(np.array(vehicle.at) + glass @ axes, np.full(3, 48.0))
    canvas.polygon(np.array(vehicle.at) + (glass - np.array([0.95, 0])) @ axes, np.full(3, 62.0))
