"""Where a fixed camera hangs: what it sees when nobody is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onediff_core.data.synthetic import surfaces
from onediff_core.data.synthetic.camera.scenery import Scenery
from onediff_core.data.synthetic.camera.view import View
from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rng = np.random.Generator
    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255
    Points = NDArray[np.float64]
    Bay = tuple[float, float, float]  # right, away, yaw


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """A place without people and things.

    Attributes:
        view: the camera.
        light: what it sees.
        floor: (H, W) where somebody may stand.
        leaves: (H, W) in [0, 1], where leaves may move.
        bays: where vehicles stand or drive, as right, away and yaw; empty where there are none.
        indoors: whether the sun is kept out.
        people: what may stand there, as labels of figures.
    """

    view: View
    light: Light
    floor: NDArray[np.bool_]
    leaves: NDArray[np.float32]
    bays: tuple[Bay, ...] = ()
    indoors: bool = False
    people: tuple[str, ...] = field(
        default=("person", "bag", "box", "suitcase", "bicycle", "dog", "bin", "traffic cone")
    )


def place(rng: Rng, size: int) -> Place:
    """A place of a random kind."""
    kinds = tuple(_KINDS)
    return _KINDS[kinds[rng.choice(len(kinds), p=(0.27, 0.2, 0.2, 0.2, 0.13))]](rng, size)


def _view(rng: Rng, size: int, *, height: tuple[float, float], horizon: tuple[float, float]) -> View:
    return View(
        size=size,
        middle=float(size * rng.uniform(0.35, 0.65)),
        horizon=float(size * rng.uniform(*horizon)),
        focal=float(size * rng.uniform(0.9, 1.5)),
        height=float(rng.uniform(*height)),
    )


def _finished(scene: Scenery, **about: Any) -> Place:
    return Place(view=scene.view, light=scene.finished(), floor=scene.floor, leaves=scene.leaves, **about)


def _street(rng: Rng, size: int) -> Place:
    view = _view(rng, size, height=(3.5, 8), horizon=(-0.25, 0.3))
    scene = Scenery(rng, view)
    scene.ground(surfaces.concrete)
    if rng.random() < 0.4:
        scene.ground(surfaces.grass)
    middle, half, slope = rng.uniform(-4, 4), rng.uniform(2.8, 5.5), rng.uniform(-0.25, 0.25)
    asphalt = rng.uniform(70, 125)
    scene.strip(middle - half - 2.2, middle + half + 2.2, slope, np.full(3, asphalt + rng.uniform(30, 60)))
    scene.strip(middle - half, middle + half, slope, np.full(3, asphalt))
    for share in (-0.94, 0.94):
        scene.strip(middle + share * half - 0.07, middle + share * half + 0.07, slope, np.full(3, 214.0))
    for away in np.arange(2.0, 70, 5.0):
        scene.strip(middle - 0.08, middle + 0.08, slope, np.full(3, 214.0), (away, away + 2.4))
    scene.sides(middle, half + rng.uniform(3, 7), slope)
    bays = []
    for _ in range(10):
        away, lane = rng.uniform(7, 34), rng.choice([-1, 1])
        bays.append((middle + slope * away + lane * half * 0.5, away, lane * np.pi / 2 - slope))
    return _finished(scene, bays=tuple(bays))


def _car_park(rng: Rng, size: int) -> Place:
    view = _view(rng, size, height=(4, 9), horizon=(-0.3, 0.2))
    scene = Scenery(rng, view)
    scene.ground(surfaces.concrete)
    left, pitch, line = rng.uniform(-14, -9), rng.uniform(2.5, 3.0), np.full(3, rng.uniform(180, 235))
    yaw, bays = rng.choice([-1, 1]) * np.pi / 2, []
    for row in (rng.uniform(6, 10), rng.uniform(15, 19), rng.uniform(24, 28)):
        for slot in range(10):
            x = left + slot * pitch
            scene.quad([(x - 0.06, 0, row), (x + 0.06, 0, row), (x + 0.06, 0, row + 5), (x - 0.06, 0, row + 5)], line)
            bays.append((x + pitch / 2, row + 2.5, yaw + rng.normal() * 0.04))
    scene.backdrop(rng.uniform(32, 45))
    return _finished(scene, bays=tuple(bays))


def _yard(rng: Rng, size: int) -> Place:
    view = _view(rng, size, height=(2.4, 4.5), horizon=(0.0, 0.4))
    scene = Scenery(rng, view)
    scene.ground((surfaces.concrete, surfaces.tiles, surfaces.grass, surfaces.earth)[rng.integers(4)])
    depth = rng.uniform(8, 16)
    scene.wall(depth, rng.uniform(2.6, 7))
    if rng.random() < 0.5:
        scene.bushes(int(rng.integers(2, 7)), depth)
    bays = [(rng.uniform(-4, 4), rng.uniform(6, depth - 1.5), rng.uniform(0, 2 * np.pi)) for _ in range(2)]
    return _finished(scene, bays=tuple(bays) if rng.random() < 0.5 else ())


def _room(rng: Rng, size: int) -> Place:
    view = _view(rng, size, height=(1.9, 2.9), horizon=(0.1, 0.35))
    scene = Scenery(rng, view)
    scene.ground((surfaces.planks, surfaces.tiles, surfaces.fabric, surfaces.concrete)[rng.integers(4)])
    depth = rng.uniform(4.5, 8)
    scene.wall(depth, 3.2, indoors=True)
    for _ in range(int(rng.integers(1, 5))):
        scene.furniture(depth)
    return _finished(scene, indoors=True, people=("person", "bag", "box", "suitcase", "chair", "bin", "dog"))


def _undergrowth(rng: Rng, size: int) -> Place:
    """Grass, leaves and stems everywhere, as a camera for animals sees them."""
    view = _view(rng, size, height=(1.2, 2.2), horizon=(-0.6, 0.1))
    shape = (size, size)
    light = (surfaces.grass, surfaces.earth)[rng.integers(2)](rng, shape)
    light = light * (1 + 0.3 * noise(rng, "patches", shape, rng.uniform(0.3, 1.2)))[:, :, None]
    light *= (0.75 + 0.25 * noise(rng, "clouds", shape, 1.0))[:, :, None]
    for _ in range(int(rng.integers(80, 320))):
        x, y, lean, tall = (
            rng.uniform(0, size),
            rng.uniform(0, size * 1.2),
            rng.normal() * 0.3,
            rng.uniform(0.05, 0.35) * size,
        )
        colour = light[int(min(y, size - 1)), int(x)] * rng.uniform(0.5, 1.6)
        ends = np.rint([[16 * x, 16 * y], [16 * (x + lean * tall), 16 * (y - tall)]]).astype(int).tolist()
        cv2.line(light, ends[0], ends[1], colour.tolist(), int(rng.integers(1, 3)), cv2.LINE_AA, 4)
    everywhere = np.ones(shape, np.float32)
    floor = np.zeros(shape, np.bool_)
    floor[int(0.35 * size) :] = True
    return Place(
        view=view,
        light=np.clip(light, 4, 255),
        floor=floor,
        leaves=everywhere,
        people=("person", "dog", "box", "bag", "animal", "animal"),
    )


_KINDS: Final[dict[str, Callable[[Rng, int], Place]]] = {
    "street": _street, "car park": _car_park, "yard": _yard, "room": _room, "undergrowth": _undergrowth,
}  # fmt: skip
