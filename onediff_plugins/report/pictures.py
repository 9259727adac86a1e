"""Pictures as a page carries them: small, and crisp where a reader would see the difference."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image

from onediff_plugins.exporters import png_bytes
from onediff_plugins.rendering import OVERLAY_PIXELS, PREVIEW_SIDE, to_rgb8

if TYPE_CHECKING:
    from onediff_plugins.drawing import Picture
    from onediff_plugins.types import Array, BoolArray, ChangeMap, Frame

# Pages of text and flat colour need 0.1 to 0.3 bytes a pixel without loss, photographs 1.5 and more. With so many,
# three pictures of 1280x800 and the score stay under 1.5 MB as base64.
_BYTES_PER_PIXEL: Final = 0.33
_LOSSLESS_BYTES: Final = 3_000_000
_HOPELESS: Final = 3.0  # times as large as allowed as PNG; WebP saves at most two thirds
_PROBE_ROWS: Final = (16, 128)  # so many of so many rows tell a photograph from a page
_WEBP_QUALITIES: Final = (80, 50)  # the second for noise that the first cannot make small
_WEBP_SIDE: Final = 16_383  # the format's limit
_JPEG_SIDE: Final = 65_500  # libjpeg's
_JPEG_QUALITY: Final = 85
_SCORE_PIXELS: Final = 1024 * 1024
_SCORE_BYTES: Final = 120_000
_SCORE_STEPS: Final = 32
_HATCH: Final = ((244, 245, 247), (222, 226, 231), 10)  # two greys, and the distance between stripes in pixels


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """An encoded picture.

    Attributes:
        media_type: such as "image/png".
        data: the file.
    """

    media_type: str
    data: bytes

    @property
    def value(self) -> dict[str, str]:
        """As the script of a page reads it."""
        return {"type": self.media_type, "data": base64.b64encode(self.data).decode()}


def picture_of(frame: Frame, without: BoolArray | None = None) -> Picture:
    """A frame as the report shows it.

    Args:
        frame: any frame.
        without: (H, W) bool on its grid, what has no counterpart; hatched. None for nothing.

    Returns:
        (H, W, 3) uint8: the pixels themselves up to 16 megapixels, so that a page of 1280x8000 stays legible;
        georeferenced and larger images at most 2048 pixels a side. What is not valid is a checker.
    """
    whole = frame.georef is None and frame.width * frame.height <= OVERLAY_PIXELS
    picture = to_rgb8(frame, None if whole else PREVIEW_SIDE)
    if without is None or not without.any():
        return picture
    height, width = picture.shape[:2]
    hatched = cv2.resize(without.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    light, dark, period = _HATCH
    rows, columns = np.nonzero(hatched)
    stripe = (rows + columns) % period < period // 3
    picture[rows, columns] = np.where(stripe[:, None], dark, light)
    return picture


def embed(picture: Picture) -> Embedded:
    """Encode a picture: without loss if that is small, as it is for pages, else as a photograph.

    Args:
        picture: (H, W, 3) uint8.

    Returns:
        PNG or lossless WebP; for photographs WebP, reduced to the area of 2048 x 2048 pixels, or JPEG where WebP
        cannot be so long.
    """
    height, width = picture.shape[:2]
    allowed = min(max(_BYTES_PER_PIXEL * height * width, 20_000), _LOSSLESS_BYTES)
    if not _is_photograph(picture, allowed):
        png = Embedded(media_type="image/png", data=png_bytes(picture))
        if len(png.data) <= allowed:
            return png
        if max(height, width) <= _WEBP_SIDE:
            webp = _encoded(picture, "webp", lossless=True, quality=0, method=1)
            if len(webp.data) <= allowed:
                return webp
    scale = min((PREVIEW_SIDE * PREVIEW_SIDE / (height * width)) ** 0.5, _JPEG_SIDE / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    if max(picture.shape[:2]) <= _WEBP_SIDE:
        good, small = _WEBP_QUALITIES
        webp = _encoded(picture, "webp", quality=good, method=2)
        return webp if len(webp.data) <= allowed else _encoded(picture, "webp", quality=small, method=2)
    return _encoded(picture, "jpeg", quality=_JPEG_QUALITY)


def _is_photograph(picture: Picture, allowed: float) -> bool:
    """Whether no encoding without loss comes near; told from a part, since photographs take long to encode so."""
    rows, period = _PROBE_ROWS
    bands = [picture[top : top + rows] for top in range(0, len(picture), period)]
    share = sum(len(band) for band in bands) / len(picture)
    return len(png_bytes(np.concatenate(bands))) > allowed * share * _HOPELESS


def embed_score(change: ChangeMap) -> Embedded | None:
    """The score map from transparent over yellow to dark red.

    Args:
        change: any score map.

    Returns:
        A PNG with a palette of 32 steps, reduced until it is small; None where every score is 0.
    """
    score = np.where(change.valid, change.score, np.float32(0))
    if not score.any():
        return None
    height, width = score.shape
    scale = min(1.0, (_SCORE_PIXELS / score.size) ** 0.5)
    while True:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        drawn = _score_png(cv2.resize(score, size, interpolation=cv2.INTER_AREA) if scale < 1 else score)
        if len(drawn) <= _SCORE_BYTES or max(size) <= 256:
            return Embedded(media_type="image/png", data=drawn)
        scale /= 2


def _score_png(score: Array) -> bytes:
    steps = np.rint(score * (_SCORE_STEPS - 1)).clip(0, _SCORE_STEPS - 1).astype(np.uint8)
    share = np.linspace(0, 1, _SCORE_STEPS)
    cool, hot = np.array([255, 200, 60]), np.array([140, 0, 20])
    image = Image.fromarray(steps)
    image.putpalette(np.rint(cool + (hot - cool) * share[:, None]).astype(np.uint8).tobytes())
    stream = io.BytesIO()
    alpha = np.rint(255 * 0.9 * share**1.5).astype(np.uint8)  # what is under the operating point stays a hint
    image.save(stream, "PNG", compress_level=6, bits=8, transparency=alpha.tobytes())
    return stream.getvalue()


def _encoded(picture: Picture, kind: str, **options: float) -> Embedded:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind, **options)
    return Embedded(media_type=f"image/{kind}", data=stream.getvalue())
