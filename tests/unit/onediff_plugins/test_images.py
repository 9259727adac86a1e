from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from onediff_plugins import images
from onediff_plugins.errors import UnsupportedSourceError

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 180_000_000


def colours(height: int = 6, width: int = 9, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def decoded(source: object) -> images.DecodedImage:
    return images.decode(source, max_pixels=LIMIT)


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "tif", "ppm"])
def test_a_lossless_file_gives_its_pixels_in_rgb_order(tmp_path: Path, suffix: str) -> None:
    pixels = colours()
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path, **({"lossless": True} if suffix == "webp" else {}))
    found = decoded(path)
    np.testing.assert_array_equal(found.array, pixels)
    assert (found.array.dtype, found.alpha, found.mode, found.source) == (np.uint8, None, "RGB", str(path))


def test_a_path_may_be_text(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png")
    assert decoded(str(tmp_path / "a.png")).array.shape == (6, 9, 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_colour_stays_sixteen_bit(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    path = tmp_path / f"deep.{suffix}"
    assert cv2.imwrite(str(path), pixels[:, :, ::-1])
    found = decoded(path)
    assert found.array.dtype == np.uint16
    np.testing.assert_array_equal(found.array, pixels)


def test_sixteen_bit_transparency_stays_sixteen_bit(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 65535, (5, 7, 4), dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / "deep.png"), pixels[:, :, [2, 1, 0, 3]])
    found = decoded(tmp_path / "deep.png")
    np.testing.assert_array_equal(found.array, pixels[:, :, :3])
    np.testing.assert_array_equal(found.alpha, pixels[:, :, 3])


def test_sixteen_bit_grey_stays_sixteen_bit(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 65536, (5, 7), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    found = decoded(tmp_path / "deep.png")
    assert found.array.dtype == np.uint16
    np.testing.assert_array_equal(found.array[:, :, 0], pixels)


def test_a_palette_is_expanded(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[1] = (200, 10, 30)
    Image.fromarray(pixels).quantize(4).save(tmp_path / "p.png")
    found = decoded(tmp_path / "p.png")
    np.testing.assert_array_equal(found.array, pixels)
    assert found.mode == "P"


def test_a_transparent_palette_entry_becomes_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.save(tmp_path / "p.png", transparency=1)
    np.testing.assert_array_equal(decoded(tmp_path / "p.png").alpha, [[255, 0]])


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255, 255]], np.uint8)).convert("1").save(tmp_path / "b.png")
    np.testing.assert_array_equal(decoded(tmp_path / "b.png").array[:, :, 0], [[0, 255, 255]])


def test_grey_with_alpha_keeps_both(tmp_path: Path) -> None:
    pixels = colours(channels=2)
    Image.fromarray(pixels).save(tmp_path / "la.png")
    found = decoded(tmp_path / "la.png")
    np.testing.assert_array_equal(found.array[:, :, 0], pixels[:, :, 0])
    np.testing.assert_array_equal(found.alpha, pixels[:, :, 1])


def test_alpha_that_hides_nothing_is_left_out(tmp_path: Path) -> None:
    pixels = colours(channels=4)
    pixels[:, :, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert decoded(tmp_path / "a.png").alpha is None


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (3, 2), (0, 0, 0, 0)).save(tmp_path / "c.tif")
    np.testing.assert_array_equal(decoded(tmp_path / "c.tif").array, np.full((2, 3, 3), 255))


@pytest.mark.parametrize(
    ("orientation", "as_stored"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a)),
        (7, lambda a: np.rot90(a, 2).transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a, -1)),
    ],
)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, as_stored) -> None:
    shown = colours()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(np.ascontiguousarray(as_stored(shown))).save(tmp_path / "o.png", exif=exif)
    found = decoded(tmp_path / "o.png")
    np.testing.assert_array_equal(found.array, shown)
    assert found.array.flags.c_contiguous
    assert images.size(tmp_path / "o.png") == (9, 6)


def test_exif_behind_the_pixels_is_read(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    data = (tmp_path / "a.png").read_bytes()
    end = data.index(b"IEND") - 4
    (tmp_path / "b.png").write_bytes(data[:end] + chunk(b"eXIf", exif.tobytes()[6:]) + data[end:])
    np.testing.assert_array_equal(decoded(tmp_path / "b.png").array, colours()[::-1, ::-1])


def test_a_capture_time_counts_only_with_its_zone(tmp_path: Path) -> None:
    exif = Image.Exif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.DateTimeOriginal] = "2024:05:06 07:08:09"
    image = Image.fromarray(colours())
    image.save(tmp_path / "floating.jpg", exif=exif)
    inner[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    image.save(tmp_path / "zoned.jpg", exif=exif)
    assert decoded(tmp_path / "floating.jpg").captured_at is None
    captured = decoded(tmp_path / "zoned.jpg").captured_at
    assert captured == datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
    assert captured == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)


def test_arrays_and_pil_images_are_sources_too() -> None:
    pixels = colours(channels=4)
    for source in (pixels, Image.fromarray(pixels)):
        found = decoded(source)
        np.testing.assert_array_equal(found.array, pixels[:, :, :3])
        np.testing.assert_array_equal(found.alpha, pixels[:, :, 3])
        assert found.source == "<array>"
        assert images.size(source) == (9, 6)


def test_a_grey_array_has_one_channel_and_is_not_copied() -> None:
    pixels = colours()[:, :, 0].copy()
    found = decoded(pixels).array
    assert found.shape == (6, 9, 1)
    assert np.shares_memory(found, pixels)


def test_big_endian_arrays_become_native() -> None:
    found = decoded(np.array([[1, 258]], ">u2")).array
    assert found.dtype.isnative
    np.testing.assert_array_equal(found[:, :, 0], [[1, 258]])


def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))
    # No valid pixel data at all: decoding would fail in another way.
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"x") + chunk(b"IEND", b""))
    with pytest.raises(UnsupportedSourceError, match=r"bomb\.png: 30000x30000 .*180,000,000.*max_pixels"):
        decoded(tmp_path / "bomb.png")
    assert images.size(tmp_path / "bomb.png") == (30_000, 30_000)


def test_the_limit_is_the_callers(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png")
    assert images.decode(tmp_path / "a.png", max_pixels=54).array.size == 54 * 3
    with pytest.raises(UnsupportedSourceError, match=r"54 pixels, over the limit of 53"):
        images.decode(tmp_path / "a.png", max_pixels=53)
    with pytest.raises(UnsupportedSourceError, match="over the limit"):
        images.decode(Image.fromarray(colours()), max_pixels=53)


def test_an_image_above_the_limits_of_pillow_is_decoded_when_allowed(tmp_path: Path, monkeypatch) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert decoded(tmp_path / "a.png").array.shape == (6, 9, 3)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UnsupportedSourceError, match=r"nowhere\.png: there is no such file"):
        decoded("nowhere.png")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedSourceError, match=r"is a folder.*onediff batch"):
        decoded(tmp_path)


def test_a_url_is_no_file() -> None:
    with pytest.raises(UnsupportedSourceError, match="download it first"):
        decoded("https://example.org/a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif"])
def test_a_file_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(colours(64, 64)).save(tmp_path / f"whole.{suffix}")
    data = (tmp_path / f"whole.{suffix}").read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnsupportedSourceError, match=rf"cut\.{suffix}: .*(damaged|cut short)"):
        decoded(tmp_path / f"cut.{suffix}")


def test_a_deep_file_cut_short_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.random.default_rng(0).integers(0, 65536, (64, 64, 3), dtype=np.uint16))
    data = (tmp_path / "deep.png").read_bytes()
    (tmp_path / "deep.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnsupportedSourceError, match=r"deep\.png: the image is damaged"):
        decoded(tmp_path / "deep.png")


def test_a_text_named_png_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello, this is text")
    with pytest.raises(UnsupportedSourceError, match=r"a\.png: is not an image .*convert it to one of PNG"):
        decoded(tmp_path / "a.png")


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(UnsupportedSourceError, match="the file is empty"):
        decoded(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        (np.zeros((4, 4, 2), np.uint8), r"got shape \(4, 4, 2\)"),
        (np.zeros((4,), np.uint8), r"got shape \(4,\)"),
        (np.zeros((4, 4), np.complex64), "dtype complex64"),
        (np.full((4, 4), "a"), "dtype <U1"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.zeros((4, 4, 4), np.int16), "range of int16"),
    ],
)
def test_arrays_that_are_no_images_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(UnsupportedSourceError, match=f"left: .*{message}"):
        images.decode(array, max_pixels=LIMIT, name="left")


def test_other_objects_are_refused_by_their_type() -> None:
    with pytest.raises(UnsupportedSourceError, match="a dict cannot be read as an image"):
        decoded({})


def test_the_header_knows_cameras_and_geotiffs(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Pinhole 1"
    Image.fromarray(colours()).save(tmp_path / "photo.jpg", exif=exif)
    Image.fromarray(colours()).save(tmp_path / "scene.tif", tiffinfo={33550: (1.0, 1.0, 0.0)})
    photo, scene = images.header(tmp_path / "photo.jpg"), images.header(tmp_path / "scene.tif")
    assert (photo.format, photo.camera, photo.georeferenced) == ("JPEG", True, False)
    assert (scene.format, scene.camera, scene.georeferenced) == ("TIFF", False, True)
