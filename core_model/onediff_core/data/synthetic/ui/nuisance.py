"""Differences that nobody would report: of renderers, of files, and of what blinks or scrolls."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]  # (H, W, 3) RGB


def jpeg(image: Picture, rng: np.random.Generator) -> Picture:
    """As it comes back from a JPEG of quality 60 to 95."""
    held = io.BytesIO()
    Image.fromarray(image).save(held, "JPEG", quality=int(rng.integers(60, 96)))
    return np.asarray(Image.open(held).convert("RGB"))


def profile(image: Picture, rng: np.random.Generator) -> Picture:
    """Through another colour profile: gamma and gain a few levels off, a channel at a time."""
    levels = np.linspace(0, 1, 256)
    curves = [levels ** rng.uniform(0.95, 1.06) * rng.uniform(0.985, 1.0) for _ in range(3)]
    table = np.stack([np.rint(255 * curve) for curve in curves], axis=1).astype(np.uint8)  # (256, 3)
    return table[image, np.arange(3)]


def blur(image: Picture, rng: np.random.Generator) -> Picture:
    """Scaled down and up again by some percent, as by a viewer."""
    height, width = image.shape[:2]
    share = rng.uniform(0.7, 0.95)
    small = Image.fromarray(image).resize((round(width * share), round(height * share)), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def caret(image: Picture, rng: np.random.Generator) -> Picture:
    """A text cursor that happens to be shown."""
    height, width = image.shape[:2]
    x, y = int(rng.integers(4, width - 4)), int(rng.integers(4, max(height - 24, 5)))
    changed = image.copy()
    changed[y : y + int(rng.integers(12, 20)), x : x + int(rng.integers(1, 3))] = (
        20 if image[y, x].mean() > 128 else 235
    )
    return changed


def scrollbar(image: Picture, rng: np.random.Generator) -> Picture:
    """A scroll bar over the right edge."""
    height, width = image.shape[:2]
    thickness, start = int(rng.integers(4, 11)), int(rng.integers(0, height // 2))
    end = min(start + int(rng.integers(height // 5, height // 2)), height)
    changed = image.copy()
    thumb = changed[start:end, width - thickness : width - 1].astype(np.int16)
    changed[start:end, width - thickness : width - 1] = ((thumb + 2 * 128) // 3).astype(np.uint8)
    return changed


ON_IMAGES: Final[Mapping[str, Callable[[Picture, np.random.Generator], Picture]]] = {
    "blur": blur,
    "caret": caret,
    "jpeg": jpeg,
    "profile": profile,
    "scrollbar": scrollbar,
}
# What browsers do to letters and edges without anything moving by a whole pixel.
IN_PAGES: Final[Mapping[str, Callable[[np.random.Generator], str]]] = {
    "heavier letters": lambda rng: f"body{{-webkit-text-stroke:{rng.uniform(0.1, 0.3):.2f}px}}",
    "shifted by a part of a pixel": lambda rng: (
        f"body{{transform:translate({rng.uniform(-0.5, 0.5):.2f}px,{rng.uniform(-0.5, 0.5):.2f}px)}}"
    ),
    "other spacing": lambda rng: f"body{{letter-spacing:{rng.uniform(0.004, 0.02):.3f}px}}",
}
