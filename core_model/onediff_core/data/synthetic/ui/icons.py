"""Icons as strokes on a grid of 24, for browsers and for drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Icon:
    """An icon.

    Attributes:
        lines: polylines on a grid of 24.
        circles: centre x, centre y and radius.
    """

    lines: tuple[Points, ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()


def _icon(strokes: str, *circles: tuple[float, float, float]) -> Icon:
    """An icon from "x,y x,y ...; x,y ..."."""
    lines = [[point.split(",") for point in stroke.split()] for stroke in strokes.split(";") if stroke.strip()]
    return Icon(tuple(tuple((float(x), float(y)) for x, y in line) for line in lines), circles)


ICONS: Final[Mapping[str, Icon]] = {
    "arrow": _icon("4,12 20,12; 14,6 20,12 14,18"),
    "bag": _icon("5,8 19,8 20,21 4,21 5,8; 9,10 9,6 11,4 13,4 15,6 15,10"),
    "bell": _icon("6,17 6,11 8,6 12,4 16,6 18,11 18,17; 4,17 20,17; 10,20 14,20"),
    "bookmark": _icon("6,3 18,3 18,21 12,16 6,21 6,3"),
    "calendar": _icon("4,6 20,6 20,21 4,21 4,6; 4,10 20,10; 8,3 8,7; 16,3 16,7"),
    "chart": _icon("4,4 4,20 20,20; 9,16 9,12; 13,16 13,7; 17,16 17,10"),
    "check": _icon("4,13 9,18 20,6"),
    "clock": _icon("12,7 12,12 16,14", (12, 12, 9)),
    "cloud": _icon("7,18 4,17 3,14 5,11 7,11 8,7 12,5 16,7 17,10 20,11 21,14 20,17 17,18 7,18"),
    "cross": _icon("5,5 19,19; 19,5 5,19"),
    "download": _icon("12,3 12,15; 7,10 12,15 17,10; 4,20 20,20"),
    "eye": _icon("2,12 6,7 12,5 18,7 22,12 18,17 12,19 6,17 2,12", (12, 12, 3)),
    "file": _icon("6,2 14,2 19,7 19,22 6,22 6,2; 14,2 14,7 19,7"),
    "flag": _icon("5,22 5,3 18,3 15,8 18,13 5,13"),
    "folder": _icon("3,6 9,6 11,8 21,8 21,19 3,19 3,6"),
    "heart": _icon("12,20 4,12 3,8 5,5 8,4 12,8 16,4 19,5 21,8 20,12 12,20"),
    "home": _icon("3,11 12,3 21,11; 5,10 5,20 19,20 19,10; 10,20 10,14 14,14 14,20"),
    "info": _icon("12,11 12,17; 12,7 12,8", (12, 12, 9)),
    "lock": _icon("5,11 19,11 19,21 5,21 5,11; 8,11 8,7 10,4 14,4 16,7 16,11"),
    "mail": _icon("3,5 21,5 21,19 3,19 3,5; 3,6 12,13 21,6"),
    "menu": _icon("4,6 20,6; 4,12 20,12; 4,18 20,18"),
    "minus": _icon("5,12 19,12"),
    "pencil": _icon("4,20 5,15 16,4 20,8 9,19 4,20; 13,7 17,11"),
    "pin": _icon("12,22 6,13 5,9 7,5 12,3 17,5 19,9 18,13 12,22", (12, 9.5, 2.5)),
    "play": _icon("7,4 20,12 7,20 7,4"),
    "plus": _icon("12,5 12,19; 5,12 19,12"),
    "search": _icon("15.5,15.5 21,21", (10.5, 10.5, 6.5)),
    "settings": _icon("4,7 20,7; 4,17 20,17", (9, 7, 2.5), (15, 17, 2.5)),
    "share": _icon("8,11 16,6; 8,13 16,18", (6, 12, 2.5), (18, 5, 2.5), (18, 19, 2.5)),
    "star": _icon("12,3 15,9 21,10 16,14 18,21 12,17 6,21 8,14 3,10 9,9 12,3"),
    "trash": _icon("4,6 20,6; 6,6 7,21 17,21 18,6; 9,6 9,3 15,3 15,6; 10,10 10,17; 14,10 14,17"),
    "user": _icon("4,21 5,17 8,15 16,15 19,17 20,21", (12, 8, 4)),
    "warning": _icon("12,3 22,20 2,20 12,3; 12,9 12,14; 12,17 12,17.5"),
}


def svg_strokes(name: str) -> str:
    """The inside of an `svg` element of viewBox 0 0 24 24, to be stroked in its own colour."""
    icon = ICONS[name]
    lines = "".join(f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in line)}"/>' for line in icon.lines)
    return lines + "".join(f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}"/>' for x, y, r in icon.circles)
