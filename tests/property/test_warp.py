"""The one resampler, held against an exact bilinear warp written from the convention, OpenCV, kornia and rasterio.

OpenCV rounds positions to 1/32 px, so values may differ by 1/64 px times the local gradient, and no more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onediff_plugins.types import Box, Frame, ImagePair, Piece, Registration
from onediff_plugins.warp import inside, lies_on_grid, warp_array, warp_frame, warp_pair, whole_pixel_shift

DTYPES = ["uint8", "uint16", "int16", "float32", "bool"]
OTHER_DTYPES = ["int8", "uint32", "int32", "float16", "float64"]

sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))
seeds = st.integers(0, 2**32 - 1)


def noise(seed: int, height: int, width: int, dtype: str = "float32") -> np.ndarray:
    """Any values that the type can hold; noise, since a wrong convention shows in it most."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random((height, width)) < 0.5
    if kind.kind == "f":
        return rng.uniform(-100, 100, (height, width)).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, (height, width), dtype=kind, endpoint=True)


def translation(dx: float, dy: float) -> np.ndarray:
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], dtype=np.float64)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Rotations, scales, shears and shifts such as two images of one place have."""
    angle = np.deg2rad(draw(st.floats(-30, 30)))
    scale_x, scale_y = draw(st.floats(0.8, 1.2)), draw(st.floats(0.8, 1.2))
    shear = draw(st.floats(-0.1, 0.1))
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    scale = np.array([[scale_x, shear, 0], [0, scale_y, 0], [0, 0, 1]])
    middle = translation(16, 16)
    shift = translation(draw(st.floats(-4, 4)), draw(st.floats(-4, 4)))
    return shift @ middle @ rotation @ scale @ np.linalg.inv(middle)


@st.composite
def homographies(draw: st.DrawFn) -> np.ndarray:
    bent = np.eye(3)
    bent[2, :2] = draw(st.floats(-1e-3, 1e-3)), draw(st.floats(-1e-3, 1e-3))
    assume(np.abs(bent[2, :2]).max() > 1e-5)
    return draw(affines()) @ bent


def before_points(matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width, 2): where the centre of each after pixel lies in the before image."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return Registration(matrix=matrix).to_before(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(height, width, 2)


def exact_bilinear(
    image: np.ndarray, matrix: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, tolerance (1/64 px times the local gradient) and where both are known: at least 1 px inside."""
    pixels = image.astype(np.float64)
    rows, columns = image.shape
    position = before_points(matrix, width, height) - 0.5
    x, y = position[..., 0], position[..., 1]
    known = (x >= 1) & (y >= 1) & (x < columns - 2) & (y < rows - 2)
    x0, y0 = np.floor(np.where(known, x, 1)).astype(int), np.floor(np.where(known, y, 1)).astype(int)
    u, v = np.where(known, x, 1) - x0, np.where(known, y, 1) - y0
    value = (1 - v) * ((1 - u) * pixels[y0, x0] + u * pixels[y0, x0 + 1]) + v * (
        (1 - u) * pixels[y0 + 1, x0] + u * pixels[y0 + 1, x0 + 1]
    )
    # Steepest step in x and in y among the pixels around: the gradient that a position error is multiplied with.
    step_x = cv2.dilate(np.abs(np.diff(pixels, axis=1, append=pixels[:, -1:])), np.ones((5, 5)))
    step_y = cv2.dilate(np.abs(np.diff(pixels, axis=0, append=pixels[-1:])), np.ones((5, 5)))
    return value, (step_x[y0, x0] + step_y[y0, x0]) / 64 + 1e-3, known


def assert_agrees(ours: np.ndarray, theirs: np.ndarray, tolerance: np.ndarray, known: np.ndarray) -> None:
    error = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))[known]
    assert (error <= tolerance[known]).all(), f"off by up to {(error / tolerance[known]).max():.2f} times the tolerance"


# --- bit-exact: identity and whole pixels ---


@pytest.mark.parametrize("dtype", DTYPES + OTHER_DTYPES)
@given(seed=seeds, size=sizes)
def test_the_identity_is_bit_exact(dtype: str, seed: int, size: tuple[int, int]) -> None:
    image = noise(seed, *size, dtype)
    warped = warp_array(image, np.eye(3), size[1], size[0])
    assert warped.dtype == image.dtype
    np.testing.assert_array_equal(warped, image)


@pytest.mark.parametrize("dtype", DTYPES + OTHER_DTYPES)
@given(seed=seeds, size=sizes, after=sizes, dx=st.integers(-30, 30), dy=st.integers(-30, 30), labels=st.booleans())
def test_a_whole_pixel_shift_is_bit_exact(
    dtype: str, seed: int, size: tuple[int, int], after: tuple[int, int], dx: int, dy: int, labels: bool
) -> None:
    image = noise(seed, *size, dtype)
    height, width = after
    warped = warp_array(image, translation(dx, dy), width, height, labels=labels)
    assert warped.dtype == image.dtype
    assert warped.shape == (height, width)
    there = inside(size, translation(dx, dy), width, height)
    for y in range(height):
        for x in range(width):
            is_inside = 0 <= x + dx < size[1] and 0 <= y + dy < size[0]
            assert there[y, x] == is_inside
            if is_inside:
                assert warped[y, x] == image[y + dy, x + dx]


@given(affines())
def test_only_a_pure_whole_pixel_move_counts_as_one(matrix: np.ndarray) -> None:
    shift = whole_pixel_shift(matrix)
    if shift is not None:
        np.testing.assert_allclose(matrix, translation(*shift), rtol=0, atol=1e-6)
    assert whole_pixel_shift(translation(3, -4) * 2.5) == (3, -4)  # a scaled matrix is the same transform
    assert whole_pixel_shift(translation(0.01, 0)) is None


def test_nan_and_infinity_survive_a_copy() -> None:
    image = np.array([[np.nan, np.inf], [-np.inf, -0.0]], np.float32)
    warped = warp_array(image, translation(0, 0), 2, 2)
    assert warped.tobytes() == image.tobytes()


# --- the corner convention ---


@settings(max_examples=200)
@given(seed=seeds, matrix=affines() | homographies())
def test_bilinear_values_are_those_of_the_corner_convention(seed: int, matrix: np.ndarray) -> None:
    image = noise(seed, 32, 36)
    value, tolerance, known = exact_bilinear(image, matrix, 34, 30)
    assert_agrees(warp_array(image, matrix, 34, 30), value, tolerance, known)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int8", "int32", "float16", "float64"])
@given(seed=seeds, matrix=affines())
def test_every_type_keeps_its_type(dtype: str, seed: int, matrix: np.ndarray) -> None:
    image = noise(seed, 32, 36, dtype)
    value, tolerance, known = exact_bilinear(image, matrix, 36, 32)
    warped = warp_array(image, matrix, 36, 32)
    assert warped.dtype == image.dtype
    # Integers are rounded; float16 has 11 bits.
    rounding = {"i": 0.5, "u": 0.5, "f": 0.0}[image.dtype.kind] + (np.abs(value) / 1024 if dtype == "float16" else 0)
    assert_agrees(warped, value, tolerance + rounding, known)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int8", "int32"])
@pytest.mark.parametrize(("shift", "rounded"), [(0.25, 0), (0.75, 1)])
def test_integers_are_rounded_to_the_nearest(dtype: str, shift: float, rounded: int) -> None:
    ramp = np.tile(np.arange(16), (4, 1)).astype(dtype)
    warped = warp_array(ramp, translation(shift, 0), 15, 4)
    np.testing.assert_array_equal(warped, ramp[:, :15] + rounded)


@given(seed=seeds, matrix=affines() | homographies())
def test_agrees_with_opencv_once_its_centres_are_converted(seed: int, matrix: np.ndarray) -> None:
    image = noise(seed, 32, 36)
    centres = np.linalg.inv(translation(0.5, 0.5)) @ matrix @ translation(0.5, 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    theirs = cv2.warpPerspective(image, centres, (36, 32), flags=flags)
    _, tolerance, known = exact_bilinear(image, matrix, 36, 32)
    assert_agrees(warp_array(image, matrix, 36, 32), theirs, 2 * tolerance, known)  # both round


@pytest.fixture(scope="module")
def kornia_transform() -> Any:
    torch = pytest.importorskip("torch")
    transform = pytest.importorskip("kornia.geometry.transform")
    torch.set_num_threads(1)
    return torch, transform


@settings(max_examples=50)
@given(seed=seeds, matrix=affines() | homographies())
def test_agrees_with_kornia_once_its_direction_and_centres_are_converted(
    kornia_transform: Any, seed: int, matrix: np.ndarray
) -> None:
    torch, transform = kornia_transform
    image = noise(seed, 32, 36)
    # kornia's matrix carries source to destination, between pixel centres.
    to_after = np.linalg.inv(np.linalg.inv(translation(0.5, 0.5)) @ matrix @ translation(0.5, 0.5))
    theirs = transform.warp_perspective(
        torch.tensor(image, dtype=torch.float64)[None, None],
        torch.tensor(to_after)[None],
        (32, 36),
        mode="bilinear",
        align_corners=True,
    )
    _, tolerance, known = exact_bilinear(image, matrix, 36, 32)
    assert_agrees(warp_array(image, matrix, 36, 32), theirs[0, 0].numpy(), tolerance, known)


@settings(max_examples=50)
@given(
    seed=seeds, matrix=affines(), ground=st.floats(0.1, 60), origin=st.tuples(st.floats(-1e6, 1e6), st.floats(0, 9e6))
)
def test_agrees_with_rasterio_for_two_transforms_of_one_crs(
    seed: int, matrix: np.ndarray, ground: float, origin: tuple[float, float]
) -> None:
    rasterio_warp = pytest.importorskip("rasterio.warp")
    image = noise(seed, 32, 36)
    before = Affine(ground, 0, origin[0], 0, -ground, origin[1])
    after = before @ Affine(*matrix[:2].ravel())
    theirs = np.zeros((32, 36), np.float32)
    rasterio_warp.reproject(
        image,
        theirs,
        src_transform=before,
        dst_transform=after,
        src_crs="EPSG:32631",
        dst_crs="EPSG:32631",
        resampling=rasterio_warp.Resampling.bilinear,
        tolerance=0,  # no approximation of positions
        XSCALE=1,  # plain bilinear, no wider kernel where the after grid is coarser
        YSCALE=1,
    )
    recovered = np.array(~before @ after).reshape(3, 3)
    _, tolerance, known = exact_bilinear(image, matrix, 36, 32)
    assert_agrees(warp_array(image, recovered, 36, 32), theirs, tolerance, known)


@given(seed=seeds, matrix=affines())
def test_inside_is_where_the_centre_falls_into_the_before_image(seed: int, matrix: np.ndarray) -> None:
    points = before_points(matrix, 36, 32)
    there = inside((20, 24), matrix, 36, 32)
    distance = np.minimum.reduce([points[..., 0], 24 - points[..., 0], points[..., 1], 20 - points[..., 1]])
    assert there[distance > 1 / 32].all()
    assert not there[distance < -1 / 32].any()


# --- labels ---


@given(seed=seeds, matrix=affines() | homographies(), dtype=st.sampled_from(["uint8", "int16", "int32", "bool"]))
def test_labels_are_those_of_the_nearest_pixel(seed: int, matrix: np.ndarray, dtype: str) -> None:
    image = noise(seed, 32, 36, dtype)
    warped = warp_array(image, matrix, 34, 30, labels=True)
    points = before_points(matrix, 34, 30)
    nearest = np.floor(points).astype(int)
    known = (nearest >= 0).all(axis=2) & (nearest[..., 0] < 36) & (nearest[..., 1] < 32)
    # Halfway between two pixels either may be taken.
    known &= (np.abs(points - np.round(points)) > 1 / 32).all(axis=2)
    x, y = nearest[known].T
    np.testing.assert_array_equal(warped[known], image[y, x])


@given(seed=seeds, matrix=affines())
def test_a_warp_of_labels_makes_no_new_label(seed: int, matrix: np.ndarray) -> None:
    image = noise(seed, 32, 36, "uint8") // 64 * 64
    assert set(np.unique(warp_array(image, matrix, 36, 32, labels=True))) <= {0, 64, 128, 192}


# --- frames and nodata ---


def frame(pixels: np.ndarray, valid: np.ndarray | None = None, **changes: Any) -> Frame:
    made = Frame(
        pixels=pixels,
        valid=np.ones(pixels.shape[1:], bool) if valid is None else valid,
        bands=tuple(f"b{number + 1}" for number in range(len(pixels))),
    )
    return replace(made, **changes)


def blank(height: int, width: int) -> Frame:
    return frame(np.zeros((1, height, width), np.uint8))


@given(seed=seeds, matrix=affines() | homographies(), share=st.floats(0, 0.5))
def test_nodata_never_bleeds(seed: int, matrix: np.ndarray, share: float) -> None:
    pixels = noise(seed, 32, 36)
    valid = np.random.default_rng(seed).random((32, 36)) >= share
    broken = np.where(valid, pixels, np.nan).astype(np.float32)
    warped = warp_frame(frame(broken[None], valid), Registration(matrix=matrix), blank(32, 36))
    assert np.isfinite(warped.pixels).all()
    assert (warped.pixels[0][~warped.valid] == 0).all()
    value, tolerance, known = exact_bilinear(pixels, matrix, 36, 32)
    assert_agrees(warped.pixels[0], value, tolerance, known & warped.valid)
    # What is far from every invalid pixel and from the edge stays valid.
    near_invalid = cv2.dilate((~valid).astype(np.uint8), np.ones((5, 5)))
    column, row = np.clip(np.floor(before_points(matrix, 36, 32)), 0, [35, 31]).astype(int).transpose(2, 0, 1)
    assert warped.valid[known & (near_invalid[row, column] == 0)].all()


def test_a_warped_frame_takes_the_after_grid_and_keeps_its_own_type_and_bands() -> None:
    before = frame(np.zeros((2, 10, 12), np.uint16), gsd_m=3.0, source="before.tif")
    warped = warp_frame(before, Registration(matrix=translation(0.5, 0.5)), replace(blank(7, 8), gsd_m=2.0))
    assert (warped.width, warped.height, warped.gsd_m) == (8, 7, 2.0)
    assert (warped.pixels.dtype, warped.bands, warped.source) == (np.uint16, ("b1", "b2"), "before.tif")
    assert (warped.grid.width, warped.grid.height) == (12, 10)


def test_an_identity_of_a_frame_copies_nothing() -> None:
    before = frame(np.zeros((3, 6, 5), np.uint8))
    assert np.shares_memory(warp_frame(before, Registration(), blank(6, 5)).pixels, before.pixels)


# --- pieces ---


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Piece, ...]:
    """A page in rows that moved up and down, some without a counterpart: pieces that do not overlap."""
    cuts = sorted(draw(st.sets(st.integers(1, 39), max_size=6)))
    rows = zip([0, *cuts], [*cuts, 40], strict=True)
    pieces = [Piece(Box(0, top, 30, end), draw(st.integers(-5, 5)), draw(st.integers(-20, 20))) for top, end in rows]
    return tuple(piece for piece in pieces if draw(st.booleans()))


@given(seed=seeds, pieces=layouts(), channels_last=st.booleans())
def test_pieces_are_copied_exactly_and_the_rest_is_unmatched(
    seed: int, pieces: tuple[Piece, ...], channels_last: bool
) -> None:
    pixels = np.stack([noise(seed + band, 36, 32, "uint8") for band in range(3)], axis=2).transpose(2, 0, 1)
    before = frame(pixels if channels_last else np.ascontiguousarray(pixels))
    pair = warp_pair(ImagePair(before=before, after=blank(40, 30)), Registration(pieces=pieces, method="pieces"))
    matched_after, matched_before = np.zeros((40, 30), bool), np.zeros((36, 32), bool)
    expected, valid = np.zeros((3, 40, 30), np.uint8), np.zeros((40, 30), bool)
    for (x0, y0, x1, y1), dx, dy in pieces:
        matched_after[y0:y1, x0:x1] = True
        for y in range(y0, y1):
            for x in range(x0, x1):
                if 0 <= y + dy < 36 and 0 <= x + dx < 32:
                    expected[:, y, x], valid[y, x] = pixels[:, y + dy, x + dx], True
                    matched_before[y + dy, x + dx] = True
    np.testing.assert_array_equal(pair.aligned.pixels, expected)
    np.testing.assert_array_equal(pair.aligned.valid, valid)
    np.testing.assert_array_equal(pair.unmatched_after, ~matched_after)
    np.testing.assert_array_equal(pair.unmatched_before, ~matched_before)


def test_a_matrix_leaves_nothing_unmatched() -> None:
    pair = warp_pair(ImagePair(before=blank(8, 8), after=blank(8, 8)), Registration(matrix=translation(3, 0)))
    assert pair.unmatched_after is None
    assert pair.unmatched_before is None
    assert not pair.aligned.valid[:, 5:].any()


# --- larger than OpenCV can take ---


@pytest.mark.parametrize("size", [(8, 40_000), (40_000, 8), (3, 33_000), (33_000, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_longer_than_opencvs_limit_are_warped_all_the_way(size: tuple[int, int], dtype: str) -> None:
    height, width = size
    image = noise(7, height, width, dtype)
    warped = warp_array(image, translation(0.5, 0), width, height)
    expected = (image[:, :-1].astype(np.float64) + image[:, 1:]) / 2
    np.testing.assert_allclose(warped[:, :-1], expected, atol=1 if dtype == "uint8" else 1e-3)
    moved = warp_array(image, translation(-7, 1), width, height)
    np.testing.assert_array_equal(moved[:-1, 7:], image[1:, :-7])


@pytest.mark.parametrize("size", [(8, 40_000), (40_000, 8)])
def test_a_long_image_has_no_seams_under_a_rotation(size: tuple[int, int]) -> None:
    height, width = size
    matrix = np.array([[1, 1e-5, 0.25], [-1e-5, 1, 0.25], [0, 0, 1]])
    image = noise(7, height, width)
    value, tolerance, known = exact_bilinear(image, matrix, width, height)
    assert known.mean() > 0.2
    assert_agrees(warp_array(image, matrix, width, height), value, tolerance, known)


def test_a_small_after_grid_can_look_at_a_huge_before_image() -> None:
    image = np.tile(np.arange(40_000, dtype=np.float32), (8, 1))
    matrix = np.array([[1000, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float64)
    np.testing.assert_allclose(warp_array(image, matrix, 40, 8), np.tile(np.arange(40) * 1000.0 + 499.5, (8, 1)))


@given(image=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=3)), matrix=affines())
def test_an_image_of_a_few_pixels_can_be_warped(image: np.ndarray, matrix: np.ndarray) -> None:
    assert warp_array(image, matrix, 3, 2).shape == (2, 3)


def test_the_input_is_never_written() -> None:
    image = noise(1, 16, 16)
    copy = image.copy()
    image.flags.writeable = False
    warp_array(image, translation(0.5, 0.25), 16, 16)
    np.testing.assert_array_equal(image, copy)


@pytest.mark.parametrize(
    ("registration", "lies"),
    [
        (Registration(), True),
        (Registration(matrix=translation(0.4, -0.4)), True),
        (Registration(matrix=translation(0.6, 0)), False),
        (Registration(matrix=np.array([[1.02, 0, 0], [0, 1, 0], [0, 0, 1]])), False),
        (Registration(pieces=(Piece(Box(0, 0, 40, 10), 0, 0), Piece(Box(0, 10, 40, 30), 0, 0))), True),
        (Registration(pieces=(Piece(Box(0, 0, 40, 10), 0, 0), Piece(Box(0, 10, 40, 30), 0, 5))), False),
        (Registration(pieces=(Piece(Box(0, 0, 40, 10), 0, 0),)), False),
    ],
)
def test_an_image_lies_on_a_grid_where_nobody_would_see_a_warp(registration: Registration, lies: bool) -> None:
    assert lies_on_grid(registration, (40, 30), (40, 30)) is lies
    assert not lies_on_grid(registration, (41, 30), (40, 30))
