"""Pictures and charts in SVG, as they stand in made-up pages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from onediff_core.data.synthetic.ui.themes import colour

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

_WIDTH, _HEIGHT = 160, 100  # of every drawing's own grid


def picture(rng: np.random.Generator) -> str:
    """The inside of an `svg` element of viewBox 0 0 160 100: what stands for a photograph or an illustration."""
    scenes = (_hills, _blobs, _stripes, _thing, _streets)
    return scenes[int(rng.integers(len(scenes)))](rng)


def chart(kind: str, accent: str, line: str, rng: np.random.Generator) -> str:
    """The inside of an `svg` element of viewBox 0 0 160 100: a chart with values that `rng` decides.

    Args:
        kind: one of CHARTS.
        accent: colour of the values.
        line: colour of grid lines.
        rng: decides the values.
    """
    return CHARTS[kind](accent, line, rng)


def _hills(rng: np.random.Generator) -> str:
    hue = rng.random()
    parts = [_rect(0, 0, _WIDTH, _HEIGHT, colour(rng.uniform(0.5, 0.65), rng.uniform(0.7, 0.9), 0.6))]
    parts.append(_circle(rng.uniform(20, 140), rng.uniform(14, 40), rng.uniform(6, 14), colour(0.13, 0.75, 0.9)))
    for layer in range(3):
        base, phase = 45 + 18 * layer, rng.uniform(0, 6)
        points = [(x, base + 9 * math.sin(x / rng.uniform(18, 30) + phase)) for x in range(0, _WIDTH + 1, 10)]
        path = [(0.0, _HEIGHT), *points, (_WIDTH, _HEIGHT)]
        parts.append(_polygon(path, colour(hue + 0.03 * layer, 0.58 - 0.14 * layer, 0.35)))
    return "".join(parts)


def _blobs(rng: np.random.Generator) -> str:
    hue = rng.random()
    parts = [_rect(0, 0, _WIDTH, _HEIGHT, colour(hue, rng.uniform(0.2, 0.92), 0.5))]
    for _ in range(int(rng.integers(3, 7))):
        tone = colour(hue + rng.uniform(-0.2, 0.2), rng.uniform(0.4, 0.75), 0.65)
        parts.append(_circle(rng.uniform(0, _WIDTH), rng.uniform(0, _HEIGHT), rng.uniform(8, 38), tone))
    return "".join(parts)


def _stripes(rng: np.random.Generator) -> str:
    hue, count = rng.random(), int(rng.integers(4, 9))
    width = _WIDTH / count
    tones = [colour(hue + rng.uniform(-0.1, 0.1), rng.uniform(0.3, 0.85), 0.5) for _ in range(count)]
    bands = "".join(_rect(i * width, 0, width + 0.5, _HEIGHT, tone) for i, tone in enumerate(tones))
    return bands + _circle(rng.uniform(40, 120), rng.uniform(30, 70), rng.uniform(14, 28), colour(hue + 0.5, 0.6, 0.7))


def _thing(rng: np.random.Generator) -> str:
    """Something to buy on a plain ground."""
    hue = rng.random()
    ground, body, dark = colour(hue, 0.9, 0.25), colour(hue + 0.4, 0.5, 0.5), colour(hue + 0.4, 0.32, 0.5)
    top, width = rng.uniform(18, 40), rng.uniform(18, 38)
    form = [(80 - width, 86), (80 - width * rng.uniform(0.5, 1.1), top), (80 + width * rng.uniform(0.5, 1.1), top)]
    lid = _circle(80, top, rng.uniform(5, 14), dark) if rng.random() < 0.6 else _rect(80 - 4, top - 12, 8, 14, dark)
    return _rect(0, 0, _WIDTH, _HEIGHT, ground) + lid + _polygon([*form, (80 + width, 86)], body)


def _streets(rng: np.random.Generator) -> str:
    """A map."""
    parts = [_rect(0, 0, _WIDTH, _HEIGHT, "#e9e5dc")]
    parts += [_rect(rng.uniform(0, 120), rng.uniform(0, 80), rng.uniform(14, 40), 24, "#cfe3c0") for _ in range(2)]
    for _ in range(int(rng.integers(4, 7))):
        one, other, wide = rng.uniform(0, 100), rng.uniform(0, 100), rng.choice([2, 4, 6])
        way = f"M0 {one:.0f}L160 {other:.0f}" if rng.random() < 0.5 else f"M{1.6 * one:.0f} 0L{1.6 * other:.0f} 100"
        parts.append(f'<path d="{way}" stroke="#fff" stroke-width="{wide}"/>')
    return "".join(parts) + _circle(rng.uniform(30, 130), rng.uniform(20, 80), 5, "#d6453d")


def _values(rng: np.random.Generator, count: int) -> list[float]:
    walk = rng.uniform(0.25, 0.75) + rng.normal(0, 0.16, count).cumsum() * rng.choice([0.4, 1.0])
    return [float(min(max(value, 0.06), 1.0)) for value in walk]


def _grid(line: str) -> str:
    return "".join(f'<path d="M4 {y}H156" stroke="{line}" stroke-width="0.8"/>' for y in (10, 32, 54, 76, 94))


def _bars(accent: str, line: str, rng: np.random.Generator) -> str:
    count = int(rng.integers(5, 13))
    step = 148 / count
    bars = [_rect(8 + i * step, 94 - 82 * v, step * 0.6, 82 * v, accent) for i, v in enumerate(_values(rng, count))]
    return _grid(line) + "".join(bars)


def _curve(accent: str, line: str, rng: np.random.Generator) -> str:
    count = int(rng.integers(7, 14))
    points = [(6 + i * 148 / (count - 1), 92 - 80 * v) for i, v in enumerate(_values(rng, count))]
    said = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return _grid(line) + f'<polyline points="{said}" fill="none" stroke="{accent}" stroke-width="2.2"/>'


def _area(accent: str, line: str, rng: np.random.Generator) -> str:
    count = int(rng.integers(7, 14))
    points = [(6 + i * 148 / (count - 1), 92 - 80 * v) for i, v in enumerate(_values(rng, count))]
    return _grid(line) + _polygon([(6, 94), *points, (154, 94)], accent)


def _ring(accent: str, line: str, rng: np.random.Generator) -> str:
    share, around = rng.uniform(0.1, 0.9), 2 * math.pi * 34
    ring = 'cx="80" cy="50" r="34" fill="none" stroke-width="14"'
    part = f'stroke-dasharray="{share * around:.1f} {around:.1f}" transform="rotate(-90 80 50)"'
    return f'<circle {ring} stroke="{line}"/><circle {ring} stroke="{accent}" {part}/>'


CHARTS: Final[Mapping[str, Callable[[str, str, np.random.Generator], str]]] = {
    "area": _area,
    "bar": _bars,
    "line": _curve,
    "ring": _ring,
}


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def _circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}"/>'


def _polygon(points: list[tuple[float, float]], fill: str) -> str:
    return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="{fill}"/>'
