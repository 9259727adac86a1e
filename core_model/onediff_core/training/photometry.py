"""What differs between two pictures of one place although nothing changed: light, colour, focus, noise, compression.

Images are (H, W, 3) uint8 RGB and are given back new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Statistics = NDArray[np.float32]

_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)


def statistics(image: Image) -> Statistics:
    """(2, 3) mean and standard deviation of each channel, in grey levels."""
    mean, deviation = cv2.meanStdDev(image)
    return np.stack([mean[:, 0], deviation[:, 0]]).astype(np.float32)


def nuisance(rng: np.random.Generator, image: Image, other: Statistics) -> Image:
    """One image as another sensor on another day might have taken it.

    Args:
        rng: where chance comes from.
        image: (H, W, 3).
        other: statistics of some other image, which a quarter of the images take over.
    """
    if rng.random() < 0.8:
        image = light(rng, image)
    if rng.random() < 0.25:
        image = recoloured(image, statistics(image), other, strength=float(rng.uniform(0.4, 1.0)))
    if rng.random() < 0.5:
        image = saturated(image, float(rng.uniform(0.4, 1.5)))
    if rng.random() < 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.3))), np.uint8)
    if rng.random() < 0.25:
        image = noisy(rng, image, float(rng.uniform(2.0, 10.0)))
    if rng.random() < 0.3:
        image = compressed(image, int(rng.integers(30, 95)))
    return image


def light(rng: np.random.Generator, image: Image) -> Image:
    """Gain, offset and gamma, common to all channels and a little apart for each, as one table."""
    gain = np.exp(rng.normal(0, 0.16) + rng.normal(0, 0.06, (3, 1)))
    gamma = np.exp(rng.normal(0, 0.17) + rng.normal(0, 0.05, (3, 1)))
    offset = rng.normal(0, 0.06) + rng.normal(0, 0.025, (3, 1))
    table = gain * np.linspace(0, 1, 256) ** gamma + offset  # (3, 256)
    return _looked_up(image, 255 * table)


def recoloured(image: Image, own: Statistics, wanted: Statistics, strength: float = 1.0) -> Image:
    """Shift each channel's mean and spread towards wanted ones.

    Args:
        image: (H, W, 3).
        own: (2, 3) mean and deviation that count as the image's.
        wanted: (2, 3) mean and deviation to reach.
        strength: 0 leaves the image, 1 goes all the way.
    """
    # A flat image has no spread that could be stretched: no more than threefold.
    ratio = np.clip(wanted[1] / np.maximum(own[1], 1.0), 1 / 3, 3.0)
    values = np.arange(256, dtype=np.float32)
    reached = (values - own[0][:, None]) * ratio[:, None] + wanted[0][:, None]  # (3, 256)
    return _looked_up(image, values + strength * (reached - values))


def saturated(image: Image, amount: float) -> Image:
    """Away from grey by a factor; 0 is grey, 1 the image itself."""
    matrix = amount * np.eye(3, dtype=np.float32) + (1 - amount) * np.tile(_LUMA, (3, 1))
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def noisy(rng: np.random.Generator, image: Image, deviation: float) -> Image:
    """Gaussian noise of a deviation in grey levels."""
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(deviation)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


def compressed(image: Image, quality: int) -> Image:
    """Through JPEG and back."""
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def shadowed(rng: np.random.Generator, image: Image) -> Image:
    """With the shadow of something that is not in the picture: a polygon, darker, with a soft edge."""
    height, width = image.shape[:2]
    middle = rng.uniform(0, 1, 2) * (width, height)
    corners = middle + rng.normal(0, 0.25, (int(rng.integers(3, 7)), 2)) * (width, height)
    shade = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(shade, cv2.convexHull(corners.astype(np.int32)), 1.0)
    soft = np.asarray(cv2.GaussianBlur(shade, (0, 0), float(rng.uniform(0.7, 6.0))), np.float32)
    factor = 1 - soft[..., None] * rng.uniform(0.2, 0.6)
    return np.rint(image * factor).astype(np.uint8)


def swayed(rng: np.random.Generator, image: Image) -> Image:
    """Parts of the picture moved by a pixel or so, each in its own way, as leaves and grass are by wind."""
    height, width = image.shape[:2]
    cells = int(rng.integers(4, 24))
    amount = 0.3 * (2.0 / 0.3) ** rng.random()
    field = rng.normal(0, amount, (cells, cells, 2)).astype(np.float32)
    moves = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(image, x + moves[..., 0], y + moves[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.uint8)


def _looked_up(image: Image, table: NDArray[np.floating]) -> Image:
    """Each channel through its row of a (3, 256) table."""
    rounded = np.clip(table + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, np.ascontiguousarray(rounded.T)[None]), np.uint8)
