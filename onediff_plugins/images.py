"""Plain images into arrays: files, PIL images and numpy arrays, for every domain that compares pictures.

Nothing is lost on the way: 16 bits stay 16 bits, palettes are expanded, transparency is handed over apart from the
colour. The header is read first, so that an image over the limit is refused before a pixel of it is decoded.
"""

from __future__ import annotations

import re
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from PIL import ExifTags, Image

from onediff_plugins.errors import UnsupportedSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from onediff_plugins.types import Array

# Named, so that no other plugin of Pillow (PostScript runs a program) ever sees a file.
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")

_BROKEN: Final = (OSError, SyntaxError, ValueError, IndexError, TypeError, KeyError, EOFError, struct.error, zlib.error)
_GEOTIFF_TAGS: Final = frozenset({33550, 33922, 34264, 34735})  # scale, tie points, transform, key directory
_TIFF_BITS: Final = 258
_EMPTY: Final = "{}: the file is empty; make or copy it again"
_ORIENTATION: Final[dict[int, Callable[[Array], Array]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@dataclass(frozen=True)
class DecodedImage:
    """One decoded image.

    Attributes:
        array: (H, W, 1) grey or (H, W, 3) RGB, contiguous, in the source's own dtype.
        alpha: (H, W) of the same dtype, 0 to its full range; None where the image is opaque.
        mode: the source's colour mode in Pillow's words ("RGB", "P", "I;16", ...), or "array".
        captured_at: time of capture from EXIF, only if it comes with a time zone.
        source: the name used in messages and records.
    """

    array: Array
    alpha: Array | None
    mode: str
    captured_at: datetime | None
    source: str


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image before a pixel of it is decoded.

    Attributes:
        width: columns, as displayed (after the EXIF orientation).
        height: rows, as displayed.
        format: one of `FORMATS`, or "array".
        mode: see `DecodedImage.mode`.
        camera: EXIF names a camera.
        georeferenced: the file carries GeoTIFF tags.
    """

    width: int
    height: int
    format: str
    mode: str
    camera: bool
    georeferenced: bool


def decode(source: object, *, max_pixels: int, name: str | None = None) -> DecodedImage:
    """An image as an array.

    EXIF orientation is applied; of an animation the first frame is taken.

    Args:
        source: path, PIL image, or numpy array (H, W), (H, W, 1) or (H, W, 3|4) in RGB order. Arrays are not copied
            unless their memory is not contiguous.
        max_pixels: a larger image is refused from its header alone; arrays are in memory already and have no limit.
        name: how messages and records call it; the path, or "<array>".

    Raises:
        UnsupportedSourceError: the source is missing, a folder, damaged, too large, not an image, empty, holds NaN,
            or has a dtype or shape that cannot be compared.
    """
    label = source_name(source, name)
    if isinstance(source, np.ndarray):
        array, alpha = _split_alpha(_checked_array(source, label), label)
        return DecodedImage(array, alpha, "array", None, label)
    with _opened(source, label) as (image, stream):
        _check_size(image.size, max_pixels, label)
        mode = image.mode
        exif = Image.Exif() if image.format == "PNG" else _exif(image)
        pixels = _decode_deep(stream, label) if _is_deep(image, stream) else _decode_pillow(image)
        if image.format == "PNG":  # its EXIF may stand behind the pixels
            exif = _exif(image)
    pixels = _ORIENTATION.get(_orientation(exif), np.asarray)(pixels)
    array, alpha = _split_alpha(_checked_array(pixels, label), label)
    return DecodedImage(array, alpha, mode, _captured_at(exif), label)


def header(source: object, *, name: str | None = None) -> ImageHeader:
    """What the header of an image says; no pixel is decoded.

    Args:
        source: see `decode`.
        name: see `decode`.

    Raises:
        UnsupportedSourceError: see `decode`; damage behind the header stays unseen.
    """
    label = source_name(source, name)
    if isinstance(source, np.ndarray):
        shape = _checked_shape(source, label)
        return ImageHeader(shape[1], shape[0], "array", "array", camera=False, georeferenced=False)
    with _opened(source, label) as (image, _):
        exif = _exif(image)
        width, height = image.size if _orientation(exif) < 5 else image.size[::-1]
        tags = getattr(image, "tag_v2", None)
        return ImageHeader(
            width=width,
            height=height,
            format=image.format or "array",
            mode=image.mode,
            camera=bool({ExifTags.Base.Make, ExifTags.Base.Model} & set(exif)),
            georeferenced=tags is not None and not _GEOTIFF_TAGS.isdisjoint(tags),
        )


def size(source: object, *, name: str | None = None) -> tuple[int, int]:
    """Width and height as displayed, from the header alone.

    Args:
        source: see `decode`.
        name: see `decode`.

    Raises:
        UnsupportedSourceError: see `header`.
    """
    found = header(source, name=name)
    return found.width, found.height


def source_name(source: object, name: str | None = None) -> str:
    """How records and messages call a source: the name given, its path, or "<array>".

    Args:
        source: see `decode`.
        name: a name that wins over the source's own.
    """
    if name:
        return name
    if isinstance(source, str | Path):
        return str(source)
    return str(getattr(source, "filename", "") or "<array>")


def refuse_missing(source: object) -> None:
    """Refuse a path that names no file, a folder, or an empty file; everything else passes.

    Args:
        source: see `decode`; a URL or a path inside an archive ("/vsizip/...") is not looked at.

    Raises:
        UnsupportedSourceError: see `decode`.
    """
    if not isinstance(source, str | Path) or "://" in str(source) or str(source).startswith("/vsi"):
        return
    label = source_name(source)
    with _file(source, label) as stream:
        if not stream.read(1):
            raise UnsupportedSourceError(_EMPTY.format(label))


@contextmanager
def _opened(source: object, label: str) -> Iterator[tuple[Image.Image, IO[bytes] | None]]:
    """The image with its header read, and its file (None for a PIL image); what goes wrong inside is one error."""
    if isinstance(source, Image.Image):
        with _one_error(label):
            yield source, None
        return
    if not isinstance(source, str | Path):
        raise UnsupportedSourceError(
            f"{label}: a {type(source).__name__} cannot be read as an image; "
            "pass a path, a PIL image or a numpy array (H, W) or (H, W, 3|4)"
        )
    if isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+://", source):
        raise UnsupportedSourceError(f"{label}: images are read from files, not from URLs; download it first")
    with _file(source, label) as stream, _one_error(label):
        image = _identify(stream, label)
        with image:
            yield image, stream


def _file(source: str | Path, label: str) -> IO[bytes]:
    try:
        return Path(source).open("rb")
    except FileNotFoundError:
        raise UnsupportedSourceError(f"{label}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise UnsupportedSourceError(
            f"{label}: is a folder, not an image; name a file in it, or compare folders with `onediff batch`"
        ) from None
    except (OSError, ValueError) as exc:
        raise UnsupportedSourceError(f"{label}: cannot be opened: {exc}; check its name and its permissions") from exc


@contextmanager
def _one_error(label: str) -> Iterator[None]:
    try:
        yield
    except MemoryError as exc:
        raise UnsupportedSourceError(f"{label}: does not fit into memory; compare a window of it") from exc
    except _BROKEN as exc:
        raise UnsupportedSourceError(
            f"{label}: the image is damaged or cut short ({exc}); make or copy the file again"
        ) from exc


def _identify(stream: IO[bytes], label: str) -> Image.Image:
    """The image with its header read. `Image.open` would do, but it refuses large images by a global of its own."""
    start = stream.read(16)
    if not start:
        raise UnsupportedSourceError(_EMPTY.format(label))
    Image.init()
    broken: Exception | None = None
    for name in FORMATS:
        if name not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[name]
        if accept is not None and not _accepts(accept, start):
            continue
        stream.seek(0)
        try:
            return factory(stream, "")
        except _BROKEN as exc:
            broken = exc
    if broken is not None:
        raise UnsupportedSourceError(
            f"{label}: the image's header is damaged ({broken}); make or copy the file again"
        ) from broken
    raise UnsupportedSourceError(
        f"{label}: is not an image that can be read (its first bytes are {start[:8]!r}); "
        f"convert it to one of {', '.join(FORMATS)}"
    )


def _accepts(accept: Callable[[bytes], bool | str], start: bytes) -> bool:
    """Pillow answers with a text where a format is known but its decoder is missing."""
    answer = accept(start)
    return bool(answer) and not isinstance(answer, str)


def _check_size(found: tuple[int, int], max_pixels: int, label: str) -> None:
    width, height = found
    if width < 1 or height < 1:
        raise UnsupportedSourceError(f"{label}: the image is empty ({width}x{height})")
    if width * height > max_pixels:
        raise UnsupportedSourceError(
            f"{label}: {width}x{height} is {width * height:,} pixels, over the limit of {max_pixels:,}; "
            f"it was not decoded. If you trust the file, raise the setting `max_pixels`: "
            f"--set max_pixels={width * height}"
        )


def _is_deep(image: Image.Image, stream: IO[bytes] | None) -> bool:
    """More than 8 bits in several channels, which Pillow would reduce to 8."""
    if stream is None or image.mode not in ("RGB", "RGBA", "LA"):
        return False
    if image.format == "PNG":
        stream.seek(24)  # bit depth in the first chunk, which is always the header
        return stream.read(1) == b"\x10"
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (8,))
    return image.format == "TIFF" and max(bits) > 8


def _decode_deep(stream: IO[bytes] | None, label: str) -> Array:
    assert stream is not None  # noqa: S101  # _is_deep saw it
    stream.seek(0)
    data = stream.read()
    # libpng would complain of a missing end on the process's own stderr.
    whole = not data.startswith(b"\x89PNG") or b"IEND" in data[-1024:]
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if pixels is None:
        raise UnsupportedSourceError(f"{label}: the image is damaged or cut short; make or copy the file again")
    if pixels.ndim == 2:
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def _decode_pillow(image: Image.Image) -> Array:
    transparent = "transparency" in image.info or image.mode in ("PA", "La", "LA", "RGBa", "RGBA")
    if image.mode in ("I;16", "I;16L", "I;16B", "F"):
        return np.asarray(image)
    if image.mode == "I":
        values = np.asarray(image)
        fits = int(values.min()) >= 0 and int(values.max()) <= 65535
        return values.astype(np.uint16) if fits else values
    if transparent:
        return np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return np.asarray(image if image.mode == "L" else image.convert("L"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _checked_shape(array: Array, label: str) -> tuple[int, int]:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise UnsupportedSourceError(
            f"{label}: an array must be (H, W), (H, W, 3) or (H, W, 4) with channels last, got shape {array.shape}"
        )
    if array.size == 0:
        raise UnsupportedSourceError(f"{label}: the image is empty, got shape {array.shape}")
    return int(array.shape[0]), int(array.shape[1])


def _checked_array(array: Array, label: str) -> Array:
    """(H, W, 1|3|4), contiguous, native byte order, finite."""
    _checked_shape(array, label)
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise UnsupportedSourceError(
            f"{label}: pixels of dtype {array.dtype} cannot be compared; convert them to uint8, uint16 or float32"
        )
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UnsupportedSourceError(
            f"{label}: holds NaN or infinite values; fill them, or pass a Frame whose `valid` is False there"
        )
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return native if native.ndim == 3 else native[:, :, None]


def _split_alpha(pixels: Array, label: str) -> tuple[Array, Array | None]:
    """Colour, and alpha where some pixel is not opaque."""
    if pixels.shape[2] != 4:
        return pixels, None
    alpha = np.ascontiguousarray(pixels[:, :, 3])
    opaque = full_range(pixels, label)
    return np.ascontiguousarray(pixels[:, :, :3]), None if (alpha >= opaque).all() else alpha


def full_range(pixels: Array, label: str) -> int:
    """The value of white: the dtype's largest for integers, 1 for floats.

    Args:
        pixels: any image array.
        label: name for the message.

    Raises:
        UnsupportedSourceError: the dtype is signed, so that white is not defined.
    """
    if pixels.dtype.kind == "f":
        return 1
    if pixels.dtype.kind == "u":
        return int(np.iinfo(pixels.dtype).max)
    raise UnsupportedSourceError(
        f"{label}: the range of {pixels.dtype} pixels is not defined for a picture; convert them to uint8 or uint16"
    )


def _exif(image: Image.Image) -> Image.Exif:
    """The image's EXIF; one that cannot be parsed says nothing, and the pixels are good."""
    try:
        return Image.Image.getexif(image)  # that of PNG files decodes the pixels
    except _BROKEN:
        return Image.Exif()


def _orientation(exif: Image.Exif) -> int:
    value: Any = exif.get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _captured_at(exif: Image.Exif) -> datetime | None:
    """Time of capture where EXIF gives its zone: a time without one could be anywhere on earth."""
    try:
        inner = exif.get_ifd(ExifTags.IFD.Exif)
    except _BROKEN:
        inner = {}
    taken = inner.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    zone = inner.get(ExifTags.Base.OffsetTimeOriginal) or inner.get(ExifTags.Base.OffsetTime)
    try:
        return datetime.strptime(f"{taken}{zone}".strip("\x00 "), "%Y:%m:%d %H:%M:%S%z") if taken and zone else None
    except ValueError:
        return None
