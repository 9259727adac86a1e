"""Paints screens with Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw

from onediff_core.data.synthetic.ui.drawn import letters
from onediff_core.data.synthetic.ui.icons import ICONS
from onediff_core.data.synthetic.ui.themes import colour, rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from onediff_core.data.synthetic.ui.drawn.nodes import Node, Placed
    from onediff_core.data.synthetic.ui.elements import Picture
    from onediff_plugins.types import Box

_FINER: Final = 4  # times, at which curved masks are drawn before they are scaled down


@dataclass(frozen=True)
class Letters:
    """How letters are set.

    Attributes:
        family: their typeface.
        smooth: whether their edges are.
        shift: by which parts of a pixel they start right of, and under, a whole one.
    """

    family: str
    smooth: bool = True
    shift: tuple[float, float] = (0.0, 0.0)


def paint(
    placed: Sequence[Placed], size: tuple[int, int], ground: str, how: Letters, hidden: Collection[str] = ()
) -> Picture:
    """The picture of a screen, (H, W, 3) uint8 RGB.

    Args:
        placed: as `nodes.place` has it.
        size: width and height.
        ground: colour behind everything.
        how: letters.
        hidden: uids of elements that are not painted.
    """
    image = Image.new("RGB", size, ground)
    brush = _Brush(image, how)
    for root in placed:
        brush.all(root, hidden)
    return np.asarray(image)


class _Brush:
    """Paints onto one image."""

    def __init__(self, image: Image.Image, how: Letters) -> None:
        self._image = image
        self._draw = ImageDraw.Draw(image)
        self._draw.fontmode = "L" if how.smooth else "1"
        self._how = how

    def all(self, placed: Placed, hidden: Collection[str]) -> None:
        """A node and what is in it."""
        if placed.node.uid in hidden and placed.node.uid:
            return
        box = placed.box
        if box.y0 >= self._image.height or box.x0 >= self._image.width or not box.area:
            return
        _KINDS[placed.node.kind](self, placed.node, box)
        for child in placed.children:
            self.all(child, hidden)

    def box(self, node: Node, box: Box) -> None:
        """Ground and border."""
        if node.line:
            self._rounded(box, node.radius, node.line)
            box = box._replace(x0=box.x0 + 1, y0=box.y0 + 1, x1=box.x1 - 1, y1=box.y1 - 1)
        if node.fill:
            self._rounded(box, max(node.radius - 1, 0), node.fill)

    def text(self, node: Node, box: Box) -> None:
        """One line, cut where there is no more room."""
        font = letters.Font(self._how.family, node.font, node.bold)
        x, y = box.x0 + self._how.shift[0], (box.y0 + box.y1) / 2 + self._how.shift[1]
        said = letters.fitted(node.text, font, box.width)
        self._draw.text((x, y), said, node.ink, letters.load(font), anchor="lm")

    def icon(self, node: Node, box: Box) -> None:
        """Strokes."""
        self._image.paste(node.ink, (box.x0, box.y0), _icon_mask(node.motif, max(box.height, 4)))

    def avatar(self, node: Node, box: Box) -> None:
        """A disc with the first letters of a name."""
        self._rounded(box, box.height // 2, node.fill)
        middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        font = letters.Font(self._how.family, max(round(box.height * 0.4), 6))
        self._draw.text(middle, node.text, node.ink, letters.load(font), anchor="mm")

    def checkbox(self, node: Node, box: Box) -> None:
        """A square, with a tick where it is on."""
        self._rounded(box, min(node.radius, 3), node.ink)
        inside = box._replace(x0=box.x0 + 1, y0=box.y0 + 1, x1=box.x1 - 1, y1=box.y1 - 1)
        self._rounded(inside, min(node.radius, 3), node.fill if node.on else node.line)
        if node.on:
            tick = _icon_mask("check", box.height)
            self._image.paste(node.line, (box.x0, box.y0), tick)

    def switch(self, node: Node, box: Box) -> None:
        """A slot, with a knob at the end that it is at."""
        self._rounded(box, box.height // 2, node.fill if node.on else node.line)
        side = box.height - 4
        left = box.x1 - side - 2 if node.on else box.x0 + 2
        self._rounded(box._replace(x0=left, y0=box.y0 + 2, x1=left + side, y1=box.y0 + 2 + side), side // 2, "#ffffff")

    def progress(self, node: Node, box: Box) -> None:
        """A bar that is full in part."""
        self._rounded(box, box.height // 2, node.line)
        self._rounded(box._replace(x1=box.x0 + max(box.width * node.share // 100, 1)), box.height // 2, node.fill)

    def picture(self, node: Node, box: Box) -> None:
        """A ground with discs and bands of kindred colours."""
        self._image.paste(_picture(node.seed, max(box.width, 1), max(box.height, 1)), (box.x0, box.y0))

    def chart(self, node: Node, box: Box) -> None:
        """Bars, a line, an area, or a ring over grid lines."""
        values = np.random.default_rng(node.seed).uniform(0.08, 1, 9)
        for share in (0.0, 0.33, 0.66, 1.0):
            y = box.y0 + share * (box.height - 1)
            self._draw.line((box.x0, y, box.x1 - 1, y), node.line)
        _CHARTS[node.motif](self._draw, values, box, node)

    def _rounded(self, box: Box, radius: int, fill: str) -> None:
        if not box.area:
            return
        radius = min(radius, box.width // 2, box.height // 2)
        if radius <= 1 or box.area > 60_000:
            self._draw.rounded_rectangle((box.x0, box.y0, box.x1 - 1, box.y1 - 1), radius, fill)
            return
        self._image.paste(fill, (box.x0 + radius, box.y0, box.x1 - radius, box.y1))
        self._image.paste(fill, (box.x0, box.y0 + radius, box.x1, box.y1 - radius))
        disc = _disc(radius)
        for across, left in enumerate((box.x0, box.x1 - radius)):
            for down, top in enumerate((box.y0, box.y1 - radius)):
                quarter = (across * radius, down * radius, (across + 1) * radius, (down + 1) * radius)
                self._image.paste(fill, (left, top), disc.crop(quarter))


_KINDS: Final[Mapping[str, Callable[[_Brush, Node, Box], None]]] = {
    "avatar": _Brush.avatar,
    "box": _Brush.box,
    "chart": _Brush.chart,
    "checkbox": _Brush.checkbox,
    "icon": _Brush.icon,
    "picture": _Brush.picture,
    "progress": _Brush.progress,
    "switch": _Brush.switch,
    "text": _Brush.text,
}


def _bars(draw: ImageDraw.ImageDraw, values: np.ndarray, box: Box, node: Node) -> None:
    step = box.width / len(values)
    for number, value in enumerate(values):
        left = box.x0 + (number + 0.2) * step
        draw.rectangle((left, box.y1 - value * box.height, left + 0.6 * step, box.y1 - 1), node.ink)


def _points(values: np.ndarray, box: Box) -> list[tuple[float, float]]:
    step = (box.width - 1) / (len(values) - 1)
    return [(box.x0 + n * step, box.y1 - 1 - value * (box.height - 2)) for n, value in enumerate(values)]


def _line(draw: ImageDraw.ImageDraw, values: np.ndarray, box: Box, node: Node) -> None:
    draw.line(_points(values, box), node.ink, 2)


def _area(draw: ImageDraw.ImageDraw, values: np.ndarray, box: Box, node: Node) -> None:
    draw.polygon([(box.x0, box.y1 - 1), *_points(values, box), (box.x1 - 1, box.y1 - 1)], node.ink)


def _ring(draw: ImageDraw.ImageDraw, values: np.ndarray, box: Box, node: Node) -> None:
    side = min(box.width, box.height) - 3
    around = (box.x0 + 1, box.y0 + 1, box.x0 + side, box.y0 + side)
    draw.arc(around, 0, 360, node.line, max(side // 5, 2))
    draw.arc(around, -90, -90 + int(360 * values[0]), node.ink, max(side // 5, 2))


_CHARTS: Final[Mapping[str, Callable[[ImageDraw.ImageDraw, np.ndarray, Box, Node], None]]] = {
    "area": _area,
    "bar": _bars,
    "line": _line,
    "ring": _ring,
}


@lru_cache(maxsize=64)
def _disc(radius: int) -> Image.Image:
    """(2 radius, 2 radius) L, smooth."""
    large = Image.new("L", (2 * radius * _FINER,) * 2)
    ImageDraw.Draw(large).ellipse((0, 0, large.width - 1, large.height - 1), 255)
    return large.resize((2 * radius,) * 2, Image.Resampling.BOX)


@lru_cache(maxsize=1024)
def _icon_mask(name: str, side: int) -> Image.Image:
    """(side, side) L, smooth."""
    scale = side * _FINER / 24
    large = Image.new("L", (side * _FINER,) * 2)
    draw, wide = ImageDraw.Draw(large), max(round(2 * scale), 3)
    for line in ICONS[name].lines:
        draw.line([(x * scale, y * scale) for x, y in line], 255, wide, joint="curve")
    for x, y, radius in ICONS[name].circles:
        outside = radius + 1
        draw.ellipse(
            tuple(scale * value for value in (x - outside, y - outside, x + outside, y + outside)), None, 255, wide
        )
    return large.resize((side, side), Image.Resampling.BOX)


@lru_cache(maxsize=64)
def _picture(seed: int, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    hue = rng.random()
    image = Image.new("RGB", (width, height), colour(hue, rng.uniform(0.25, 0.9), 0.5))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 6))):
        tone = rgb(colour(hue + rng.uniform(-0.15, 0.15), rng.uniform(0.3, 0.8), 0.6))
        x, y, side = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.1, 0.5) * max(width, height)
        if rng.random() < 0.6:
            draw.ellipse((x - side / 2, y - side / 2, x + side / 2, y + side / 2), tone)
        else:
            draw.polygon([(x - side, height), (x, y), (x + side, height)], tone)
    return image
