"""The values that flow through the pipeline.

Pixel convention, stated once and used everywhere: x is the column, y the row; **(0, 0) is the outer corner of the
first pixel**, so its centre is (0.5, 0.5). Boxes are (x0, y0, x1, y1) with x1 and y1 exclusive. The reference grid
is the **after** image; registration matrices carry after pixels to before pixels.

Array carriers are frozen dataclasses whose arrays are read-only; what becomes JSON is in `onediff_plugins.records`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onediff_plugins.errors import MissingDependencyError, UnsupportedSourceError
from onediff_plugins.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from affine import Affine

    from onediff_plugins.records import ChangeRegion

Array = NDArray[Any]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Number = int | float
BBox = tuple[Number, Number, Number, Number]


def _read_only(array: Array) -> Array:
    """A view that cannot be written through; the caller's own array keeps its flags."""
    view = array.view()
    view.flags.writeable = False
    return view


class Box(NamedTuple):
    """A box of whole pixels; x1 and y1 are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns, never negative."""
        return max(self.x1 - self.x0, 0)

    @property
    def height(self) -> int:
        """Rows, never negative."""
        return max(self.y1 - self.y0, 0)

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an (H, W) array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def shifted(self, dx: int, dy: int) -> Box:
        """The box moved by whole pixels."""
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def intersection(self, other: Box) -> Box:
        """What both cover; width or height 0 when they do not meet."""
        x0, y0 = max(self.x0, other.x0), max(self.y0, other.y0)
        return Box(x0, y0, max(min(self.x1, other.x1), x0), max(min(self.y1, other.y1), y0))


@dataclass(frozen=True, kw_only=True)
class GeoRef:
    """Where a pixel grid lies on the earth.

    Attributes:
        crs: "EPSG:32631" where the CRS has an authority code, else WKT.
        transform: pixel (outer corner convention) -> map coordinates in that CRS.
    """

    crs: str
    transform: Affine

    def pixel_to_map(self, xy: FloatArray) -> FloatArray:
        """Map coordinates of pixel points.

        Args:
            xy: (N, 2) pixel points.

        Returns:
            (N, 2) points in `crs`, x (east or longitude) first.
        """
        return _apply_affine(self.transform, xy)

    def map_to_pixel(self, xy: FloatArray) -> FloatArray:
        """Pixel points of map coordinates; the inverse of `pixel_to_map`."""
        return _apply_affine(~self.transform, xy)

    def to_crs(self, xy: FloatArray, crs: str) -> FloatArray:
        """Map points of this CRS in another one.

        Args:
            xy: (N, 2) points in `self.crs`, x first.
            crs: target CRS.

        Returns:
            (N, 2) points in `crs`, x first.

        Raises:
            MissingDependencyError: pyproj is not installed.
        """
        if crs == self.crs:
            return np.asarray(xy, dtype=np.float64)
        x, y = _transformer(self.crs, crs).transform(xy[:, 0], xy[:, 1])
        return np.stack([x, y], axis=1)


def _apply_affine(transform: Affine, xy: FloatArray) -> FloatArray:
    points = np.asarray(xy, dtype=np.float64)
    a, b, c, d, e, f = transform[:6]
    return np.stack(
        [a * points[:, 0] + b * points[:, 1] + c, d * points[:, 0] + e * points[:, 1] + f],
        axis=1,
    )


@functools.lru_cache(maxsize=16)  # making one costs 10 ms, and every region of a pair needs the same two
def _transformer(source: str, target: str) -> Any:  # noqa: ANN401  # pyproj stays optional
    try:
        import pyproj
    except ImportError as exc:
        raise MissingDependencyError("pyproj", "a georeferenced pair", "onediff-plugins[geo]") from exc
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True, kw_only=True)
class SourceGrid:
    """The pixel grid of the source file, where a frame holds only a part of it or a reprojection.

    Attributes:
        width: columns of the source file.
        height: rows of the source file.
        georef: the source file's own georeference, or None.
        window: the part of the source that the frame holds, in source pixels; None for all of it.
    """

    width: int
    height: int
    georef: GeoRef | None = None
    window: Box | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One image with everything that is known of it.

    Attributes:
        pixels: (C, H, W), any real dtype after load, float32 after preprocess. May be a view of (H, W, C) memory.
        valid: (H, W) bool, False where there is nothing to compare (nodata, cloud, outside).
        bands: one name per channel: STAC common names ("red", "green", "blue", "nir", ...), else "b1", "b2", ...
            Colour is in RGB order, never BGR.
        georef: where the grid lies, or None.
        gsd_m: ground sample distance in metres, or None.
        captured_at: time of capture with a time zone, or None.
        source: path or URL as given, or "<array>".
        source_grid: grid of the source file where it differs from this frame's grid, or None.
    """

    pixels: Array
    valid: BoolArray
    bands: tuple[str, ...]
    georef: GeoRef | None = None
    gsd_m: float | None = None
    captured_at: datetime | None = None
    source: str = "<array>"
    source_grid: SourceGrid | None = None

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only.

        Raises:
            UnsupportedSourceError: a shape, dtype or band list that does not fit; the message gives what came.
        """
        if self.pixels.ndim != 3 or self.pixels.size == 0:
            raise UnsupportedSourceError(
                f"{self.source}: pixels must be (C, H, W) and not empty, got shape {self.pixels.shape}"
            )
        if self.pixels.dtype.kind not in "buif":
            raise UnsupportedSourceError(f"{self.source}: pixels of dtype {self.pixels.dtype} cannot be compared")
        if self.valid.shape != self.pixels.shape[1:] or self.valid.dtype != np.bool_:
            raise UnsupportedSourceError(
                f"{self.source}: valid must be bool of shape {self.pixels.shape[1:]}, "
                f"got {self.valid.dtype} {self.valid.shape}"
            )
        if len(self.bands) != self.pixels.shape[0]:
            raise UnsupportedSourceError(
                f"{self.source}: {len(self.bands)} band names for {self.pixels.shape[0]} bands"
            )
        if self.gsd_m is not None and not 0 < self.gsd_m < math.inf:  # NaN is none of it
            raise UnsupportedSourceError(f"{self.source}: gsd_m must be a length in metres or None, got {self.gsd_m}")
        if self.captured_at is not None and self.captured_at.tzinfo is None:
            raise UnsupportedSourceError(f"{self.source}: captured_at {self.captured_at} has no time zone")
        object.__setattr__(self, "pixels", _read_only(self.pixels))
        object.__setattr__(self, "valid", _read_only(self.valid))

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[2])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[1])

    @property
    def box(self) -> Box:
        """The whole grid as a box."""
        return Box(0, 0, self.width, self.height)

    @property
    def hwc(self) -> Array:
        """(H, W, C) view of the pixels."""
        return np.moveaxis(self.pixels, 0, 2)

    @property
    def grid(self) -> SourceGrid:
        """Grid of the source file: `source_grid`, or this frame's own."""
        return self.source_grid or SourceGrid(width=self.width, height=self.height, georef=self.georef)

    def to_source(self, xy: FloatArray) -> FloatArray:
        """Pixels of the source file for pixels of this frame.

        Args:
            xy: (N, 2) points on this frame's grid.

        Returns:
            (N, 2) points on the grid of the source file: the same points, shifted by a window's corner, or carried
            through both georeferences when the frame was reprojected or reduced at load.
        """
        grid = self.source_grid
        points = np.asarray(xy, dtype=np.float64)
        if grid is None:
            return points
        if grid.georef is not None and self.georef is not None:
            return grid.georef.map_to_pixel(self.georef.to_crs(self.georef.pixel_to_map(points), grid.georef.crs))
        window = grid.window or Box(0, 0, grid.width, grid.height)
        return points * [window.width / self.width, window.height / self.height] + [window.x0, window.y0]


@dataclass(frozen=True, kw_only=True, eq=False)
class PairRequest:
    """What somebody wants compared.

    Attributes:
        before: path, URL that rasterio reads, numpy array (H, W) or (H, W, 3|4), PIL image, open rasterio dataset or
            `Frame`.
        after: the same.
        domain: a domain's name, or "auto".
        window: compare only this box of the after image; the result lies on the window's own grid.
        max_side: read at most this many pixels a side (the host asks for a scene's overview this way), or None.
        id: kept as given; the pipeline's callers number requests without one.
        meta: carried along untouched.
    """

    before: Any
    after: Any
    domain: str = "auto"
    window: Box | None = None
    max_side: int | None = None
    id: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePair:
    """Two frames of one request.

    Attributes:
        before: as read, on its own grid.
        after: as read; its grid is the reference.
        before_on_after: the before image on the after grid, from stage 3 on. Its `valid` is False where the before
            image has nothing to compare.
        unmatched_before: (H_before, W_before) bool, parts of the before image without a counterpart: a change, not
            invalid.
        unmatched_after: (H_after, W_after) bool, parts of the after image without a counterpart.
        registration: how the pair was aligned, from stage 3 on.
        domain: the domain that the pair belongs to.
        id: the request's id.
    """

    before: Frame
    after: Frame
    before_on_after: Frame | None = None
    unmatched_before: BoolArray | None = None
    unmatched_after: BoolArray | None = None
    registration: Registration | None = None
    domain: str = ""
    id: str = ""

    @property
    def aligned(self) -> Frame:
        """`before_on_after`, once it exists.

        Raises:
            ValueError: the pair was not warped yet.
        """
        if self.before_on_after is None:
            raise ValueError(f"pair {self.id!r} has no before_on_after yet: it exists from stage 3 (warp) on")
        return self.before_on_after

    @functools.cached_property  # asked for once per region, and as large as the image
    def valid(self) -> BoolArray:
        """(H, W) bool on the after grid: what can be compared, parts without a counterpart included."""
        both = self.after.valid & self.aligned.valid
        if self.unmatched_after is not None:
            both |= self.after.valid & self.unmatched_after
        return _read_only(both)


class Piece(NamedTuple):
    """A box of the after image that lies elsewhere in the before image: before = after + (dx, dy), whole pixels."""

    after_box: Box
    dx: int
    dy: int

    @property
    def before_box(self) -> Box:
        """The same content in the before image."""
        return self.after_box.shifted(self.dx, self.dy)


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """Where each after pixel lies in the before image.

    Attributes:
        matrix: (3, 3) float64, after pixel -> before pixel; when there are pieces, the transform of most of the page.
        pieces: for layouts that moved in parts, else None. Pieces do not overlap; what none covers is unmatched.
        method: how it was found: "identity", "georeference", "assumed", "phase-correlation", ...
        residual_px: how far aligned content still lies apart, or None where it was not measured.
        overlap: share of the after grid that the before image covers, in [0, 1].
        unusable: why the images cannot be compared although both were read, such as "the camera moved ...", or None.
            The pair then gets no verdict (`changed` null), no regions, and this as its `reason`.
    """

    matrix: FloatArray = field(default_factory=lambda: np.eye(3))
    pieces: tuple[Piece, ...] | None = None
    method: str = "identity"
    residual_px: float | None = None
    overlap: float = 1.0
    unusable: str | None = None

    def __post_init__(self) -> None:
        """Check the matrix and make it read-only."""
        matrix = np.asarray(self.matrix, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"Registration.matrix must be a finite (3, 3) matrix, got {matrix!r}")
        object.__setattr__(self, "matrix", _read_only(matrix))

    def to_before(self, xy: FloatArray) -> FloatArray:
        """Before pixels of after pixels, through the matrix.

        Args:
            xy: (N, 2) points.
        """
        points = np.asarray(xy, dtype=np.float64)
        homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ self.matrix.T
        return homogeneous[:, :2] / homogeneous[:, 2:]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangeMap:
    """What a detector found.

    Attributes:
        score: (H, W) float32 in [0, 1] on the after grid; the detector's operating point is 0.5.
        valid: (H, W) bool, where the score means something.
        class_scores: (K, H, W) float32 in [0, 1], or None.
        class_names: K names. One that ends in "+" or "-" is what came or went of one thing: "building+", "building-".
        class_kinds: K kinds of change, None for a class without a direction. With them the host gives each region that
            it extracts the label and kind of its class (`onediff_plugins.regions.classified`); without, classes are
            evidence for the domain alone.
        candidates: regions that the detector already knows, sub-threshold ones included, or None for the host to
            extract them from the score.
        pair_score: confidence that the pair changed at all, from a pair-level head, or None.
    """

    score: NDArray[np.float32]
    valid: BoolArray
    class_scores: NDArray[np.float32] | None = None
    class_names: tuple[str, ...] = ()
    class_kinds: tuple[str | None, ...] = ()
    candidates: tuple[ChangeRegion, ...] | None = None
    pair_score: float | None = None

    def __post_init__(self) -> None:
        """Check shapes, dtype and range, and make the arrays read-only."""
        if self.score.ndim != 2 or self.score.dtype != np.float32:
            raise ValueError(f"ChangeMap.score must be (H, W) float32, got {self.score.dtype} {self.score.shape}")
        if self.valid.shape != self.score.shape or self.valid.dtype != np.bool_:
            raise ValueError(
                f"ChangeMap.valid must be bool {self.score.shape}, got {self.valid.dtype} {self.valid.shape}"
            )
        low, high = float(self.score.min()), float(self.score.max())
        if not (low >= 0 and high <= 1):  # NaN fails both
            raise ValueError(f"ChangeMap.score must lie in [0, 1], got [{low}, {high}]")
        if self.class_scores is not None and self.class_scores.shape != (len(self.class_names), *self.score.shape):
            raise ValueError(
                f"ChangeMap.class_scores must be {(len(self.class_names), *self.score.shape)}, "
                f"got {self.class_scores.shape}"
            )
        if self.class_kinds and (self.class_scores is None or len(self.class_kinds) != len(self.class_names)):
            raise ValueError(
                f"ChangeMap.class_kinds has {len(self.class_kinds)} kinds for {len(self.class_names)} classes"
                + (" and no class_scores" if self.class_scores is None else "")
            )
        if unknown := [kind for kind in self.class_kinds if kind is not None and kind not in KINDS]:
            raise ValueError(f"ChangeMap.class_kinds has the unknown kinds {unknown}; they are {', '.join(KINDS)}")
        object.__setattr__(self, "score", _read_only(self.score))
        object.__setattr__(self, "valid", _read_only(self.valid))
        if self.class_scores is not None:
            object.__setattr__(self, "class_scores", _read_only(self.class_scores))


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlay:
    """Something further to look at, saved under `files.overlays`.

    Attributes:
        name: unique within the result, such as "registration".
        kind: what `data` is: "mask" (H, W) bool; "heatmap" (H, W) float in [0, 1]; "boxes" list of (x0, y0, x1, y1);
            "polygons" list of shapely geometries in pixels; "scalar" a number; "text" a string.
        slice: the image that it lies on.
        data: see `kind`.
    """

    name: str
    kind: Literal["mask", "heatmap", "boxes", "polygons", "scalar", "text"]
    slice: Literal["before", "after"]
    data: Any
