from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from onediff_plugins.types import PairRequest
from onediff_plugins.warp import warp_pair
from onediff_ui.detect import detect_pair
from onediff_ui.io import load_pair
from onediff_ui.preprocess import preprocess_pair
from onediff_ui.registration import align_pair
from onediff_ui.settings import UiSettings

NAMES = (
    "Amber",
    "Birch",
    "Cedar",
    "Dahlia",
    "Elder",
    "Fennel",
    "Ginger",
    "Hazel",
    "Iris",
    "Juniper",
    "Laurel",
    "Maple",
)


class Page:
    """A page with a head, a side bar that stands still, and a table."""

    def __init__(self, width: int = 640, height: int = 480) -> None:
        self.image = Image.new("RGB", (width, height), "#f9fafb")
        self.draw = ImageDraw.Draw(self.image)

    def text(self, x: float, y: float, words: str, size: int = 14, fill: str = "#1e293b") -> Page:
        self.draw.text((x, y), words, font=ImageFont.load_default(size), fill=fill)
        return self

    def box(self, x0: int, y0: int, x1: int, y1: int, fill: str, outline: str | None = None, radius: int = 0) -> Page:
        self.draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), radius, fill=fill, outline=outline)
        return self

    def frame(self) -> Page:
        self.box(0, 0, self.image.width, 40, "#0f172a").text(16, 11, "Console", 16, "#ffffff")
        self.box(0, 40, 150, self.image.height, "#ffffff")
        for row, name in enumerate(("Orders", "Customers", "Reports", "Settings", "Archive", "Help")):
            self.text(16, 60 + 36 * row, name)
        return self

    def table(self, names: tuple[str, ...], y: int = 60, pitch: int = 31) -> Page:
        for row, name in enumerate(names):
            top = y + pitch * row
            self.box(170, top, 620, top + pitch + 1, "#ffffff", "#e2e8f0")
            self.text(184, top + 7, name).text(330, top + 7, f"{len(name) * 137} units").text(520, top + 7, name[::-1])
        return self

    def array(self) -> np.ndarray:
        return np.asarray(self.image).copy()


def run(before, after, **settings):
    chosen = UiSettings(**settings)
    pair = load_pair(PairRequest(before=before, after=after, id="t"), chosen)
    registration = align_pair(pair, chosen)
    change = detect_pair(preprocess_pair(warp_pair(pair, registration)), chosen)
    kept = tuple(region for region in change.candidates if region.score >= chosen.threshold)
    return replace(change, candidates=kept), registration


@pytest.fixture
def new_page():
    return Page


@pytest.fixture
def names():
    return NAMES


@pytest.fixture
def compare():
    """(change map with the kept regions only, registration) of two arrays."""
    return run


@pytest.fixture
def overlap():
    def iou(a, b) -> float:
        width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)

    return iou
