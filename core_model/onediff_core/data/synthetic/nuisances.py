"""What differs between two pictures though nothing happened: light, lens, sensor, file, and where the camera stood."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from onediff_core.data.synthetic.textures import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]  # (H, W, 3) RGB
    Light = NDArray[np.float32]  # (H, W, 3) RGB, 0 to 255

_LUMA: Final = np.array([0.299, 0.587, 0.114])
_GREY: Final = np.tile(_LUMA, (3, 1))


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How one picture was taken.

    Attributes:
        colour: (3, 4) matrix of RGB in 0..255 and 1: gain, cast, saturation and offset.
        gamma: exponent of values in [0, 1].
        shade: how far brightness varies over the picture, as a share.
        blur: standard deviation in pixels.
        noise: standard deviation in grey values.
        quality: of the JPEG file, or None.
    """

    colour: NDArray[np.float64]
    gamma: float = 1.0
    shade: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    quality: int | None = None


def exposure(rng: np.random.Generator, strength: float) -> Exposure:
    """One picture's exposure; two of them make a pair differ.

    Args:
        rng: draws it.
        strength: 0 for a perfect camera in the same light, 1 for another day with another camera.
    """
    saturation = 1 + 0.3 * strength * rng.normal()
    gain = np.exp(strength * (0.14 * rng.normal() + 0.05 * rng.normal(size=3)))
    linear = gain[:, None] * (np.clip(saturation, 0.2, 1.6) * np.eye(3) + (1 - np.clip(saturation, 0.2, 1.6)) * _GREY)
    offset = strength * (8 * rng.normal() + 4 * rng.normal(size=3))
    return Exposure(
        colour=np.column_stack([linear, offset]),
        gamma=float(np.exp(0.16 * strength * rng.normal())),
        shade=float(0.22 * strength * rng.random()) if rng.random() < 0.4 else 0.0,
        blur=float(strength * rng.uniform(0.3, 1.0)) if rng.random() < 0.35 * min(strength * 2, 1) else 0.0,
        noise=float(strength * rng.uniform(1, 8)) if rng.random() < 0.6 else 0.0,
        quality=int(rng.integers(45, 96)) if rng.random() < 0.5 * min(strength * 2, 1) else None,
    )


def taken(light: Light, exposed: Exposure, rng: np.random.Generator) -> Pixels:
    """The picture that a camera makes of a scene."""
    shape = light.shape[:2]
    seen: Light = np.asarray(cv2.transform(light, exposed.colour), np.float32)
    if exposed.shade:
        seen *= 1 + exposed.shade * noise(rng, "clouds", shape, zoom=2.0)[:, :, None]
    if exposed.blur:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), exposed.blur), np.float32)
    if exposed.noise:
        seen += exposed.noise * np.dstack([noise(rng, "grain", shape) for _ in range(3)])
    pixels: Pixels = _curve(exposed.gamma)[developed(seen)]
    return pixels if exposed.quality is None else _compressed(pixels, exposed.quality)


def strength(rng: np.random.Generator) -> float:
    """How far the two sides of a pair differ in exposure: often little, sometimes much, now and then not at all."""
    return 0.0 if rng.random() < 0.06 else float(rng.beta(1.3, 1.6))


def knocked(rng: np.random.Generator, size: int, shift: float, tilt: float) -> NDArray[np.float64]:
    """(3, 3) homography of a camera that does not stand quite where it stood.

    Args:
        rng: draws it.
        size: side of the picture in pixels.
        shift: largest translation in pixels.
        tilt: by how large a share of the side the corners move at most.
    """
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    reach = rng.uniform(-tilt * size, tilt * size, (4, 2))
    moved = corners + reach + rng.uniform(-shift, shift, 2)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), np.float64)


def seen_from(light: Light, homography: NDArray[np.float64]) -> Light:
    """The scene as the knocked camera sees it; what lies outside is mirrored in."""
    height, width = light.shape[:2]
    warped = cv2.warpPerspective(
        light, homography, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, np.float32)


def developed(light: Light) -> Pixels:
    """The picture of a perfect camera: values rounded, what is too bright or too dark cut off."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(light, 0)), np.uint8)  # rounds and saturates


def _curve(gamma: float) -> Pixels:
    return np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)


def _compressed(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)
