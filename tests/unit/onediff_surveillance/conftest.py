"""Views of a fixed camera, and what happens to them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

import onediff_surveillance.plugin
from onediff_plugins import Host
from onediff_plugins.plain import to_frame
from onediff_plugins.types import ImagePair
from onediff_surveillance.settings import SurveillanceSettings

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH, HEIGHT = 480, 320


@pytest.fixture
def settings() -> SurveillanceSettings:
    return SurveillanceSettings()


@pytest.fixture
def make_host() -> Callable[..., Host]:
    def make(**settings: object) -> Host:
        return Host([onediff_surveillance.plugin], entry_points=False, settings=settings)

    return make


@pytest.fixture(scope="session")
def view() -> Callable[..., np.ndarray]:
    """(H, W, 3) uint8: walls, windows and ground with texture, seen by a camera without noise."""

    def make(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
        rng = np.random.default_rng(seed)
        picture = np.empty((height, width, 3))
        picture[: height // 2] = (150, 120, 100)
        picture[height // 2 :] = (105, 105, 110)
        grain = sum(
            cv2.resize(rng.normal(size=(height // step, width // step)), (width, height), interpolation=cv2.INTER_CUBIC)
            for step in (2, 5, 12)
        )
        picture += 9 * grain[:, :, None]
        for _ in range(30):
            x, y = int(rng.integers(0, width - 40)), int(rng.integers(0, height - 30))
            w, h = (int(size) for size in rng.integers(8, 32, 2))
            picture[y : y + h, x : x + w] += rng.uniform(-45, 45, 3)
        return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8), 0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def camera() -> Callable[..., np.ndarray]:
    """What the sensor makes of a view: noise, and a JPEG."""

    def take(view: np.ndarray, seed: int, noise: float = 2.0, quality: int = 88) -> np.ndarray:
        seen = view + np.random.default_rng(seed).normal(size=view.shape) * noise
        file = io.BytesIO()
        Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        return np.array(Image.open(file))

    return take


@pytest.fixture(scope="session")
def with_thing() -> Callable[..., np.ndarray]:
    """The view with a red thing that has a white stripe, in the box (x0, y0, x1, y1)."""

    def put(view: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
        out = view.copy()
        x0, y0, x1, y1 = box
        out[y0:y1, x0:x1] = (165, 40, 45)
        out[(y0 + y1) // 2 - 2 : (y0 + y1) // 2 + 2, x0:x1] = (235, 235, 230)
        return out

    return put


@pytest.fixture(scope="session")
def shaken() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The view through a camera that was shaken, and the matrix from its pixels to the view's (outer corners)."""

    def shake(
        view: np.ndarray, dx: float = 0, dy: float = 0, degrees: float = 0, tilt: float = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = view.shape[:2]
        angle = np.deg2rad(degrees)
        middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
        turn = np.array([[np.cos(angle), -np.sin(angle), dx], [np.sin(angle), np.cos(angle), dy], [tilt, 0, 1]])
        matrix = middle @ turn @ np.linalg.inv(middle)
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        centres = np.linalg.inv(half) @ matrix @ half
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        out = cv2.warpPerspective(view, centres, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        return out, matrix / matrix[2, 2]

    return shake


@pytest.fixture
def pair() -> Callable[[np.ndarray, np.ndarray], ImagePair]:
    """Two pictures as loaded."""

    def make(before: np.ndarray, after: np.ndarray) -> ImagePair:
        return ImagePair(before=to_frame(before, 10**9), after=to_frame(after, 10**9))

    return make
