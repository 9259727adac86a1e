"""From a score map to regions, and from regions back to pixels, to the before image and to the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import cv2
import numpy as np
import shapely
import shapely.affinity

from onediff_plugins.errors import PluginContractError
from onediff_plugins.records import ChangeRegion
from onediff_plugins.specs import KINDS
from onediff_plugins.types import BBox, Box, ChangeMap, Frame, GeoRef, ImagePair, Registration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from onediff_plugins.types import Array, BoolArray, FloatArray

WGS84: Final = "EPSG:4326"

# How much stronger an outline must be on one side before it is evidence of direction, and the least mean gradient
# (of values in [0, 1]) that counts as an outline at all.
DIRECTION_RATIO: Final = 2.0
DIRECTION_FLOOR: Final = 0.02


def components(change: ChangeMap, threshold: float, min_area_px: int = 1) -> list[ChangeRegion]:
    """Connected components of the score map as regions of kind "changed".

    Args:
        change: score and valid, (H, W). With `class_kinds` of several things, a component is of one thing: what has the
            highest score of a class there. "building+" and "building-" are one thing.
        threshold: score from which a pixel belongs to a region.
        min_area_px: smaller components are dropped.

    Returns:
        One region per 8-connected component; its score is the mean score of its pixels, its geometry follows the
        pixel edges, holes included.
    """
    mask = (change.score >= threshold) & change.valid
    return [region for part in _things(change, mask) for region in _components(change.score, part, min_area_px)]


def _things(change: ChangeMap, mask: BoolArray) -> Iterator[BoolArray]:
    """A mask in parts, one for each thing that a detector names."""
    names = [_thing(name) for name in change.class_names] if change.class_kinds else []
    things = list(dict.fromkeys(names))
    if change.class_scores is None or len(things) < 2:
        yield mask
        return
    there = np.array([things.index(name) for name in names])[change.class_scores.argmax(axis=0)]  # (H, W)
    for number in range(len(things)):
        yield mask & (there == number)


def _components(score: Array, mask: BoolArray, min_area_px: int) -> Iterator[ChangeRegion]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for label in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= min_area_px):
        if label == 0:
            continue
        x, y, width, height = (int(v) for v in stats[label, :4])
        box = Box(x, y, x + width, y + height)
        inside = labels[box.slices] == label
        yield ChangeRegion(
            score=min(float(score[box.slices][inside].mean(dtype=np.float64)), 1.0),
            area_px=int(stats[label, cv2.CC_STAT_AREA]),
            bbox_after=box,
            geometry=polygonise(inside, box.x0, box.y0),
        )


def polygonise(mask: BoolArray, x0: int = 0, y0: int = 0) -> BaseGeometry:
    """The pixels of a mask as a polygon along their outer edges.

    Args:
        mask: (H, W) bool with at least one True.
        x0: column of the mask's first pixel on the grid.
        y0: row of the mask's first pixel on the grid.

    Returns:
        Valid Polygon or MultiPolygon whose area is the number of pixels.
    """
    # findContours walks along pixel centres. On the mask doubled in size, centre c belongs to the pixel edge
    # (c + 1) // 2, so its walk becomes the outline in the outer-corner convention, holes included.
    doubled = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
    contours, hierarchy = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [(contour[:, 0, :] + 1) // 2 + [x0, y0] for contour in contours]
    parts = []
    for index, (_, _, child, parent) in enumerate(hierarchy[0]):
        if parent != -1:
            continue
        holes = []
        while child != -1:
            holes.append(rings[child])
            child = hierarchy[0][child][0]
        parts.append(shapely.Polygon(rings[index], holes))
    geometry = shapely.union_all(shapely.make_valid(parts)) if len(parts) > 1 else parts[0]
    if not geometry.is_valid:  # a ring that touches itself, where pixels meet at a corner
        geometry = shapely.make_valid(geometry, method="structure")
    return shapely.simplify(geometry, 0)


def rasterise(geometries: Iterable[BaseGeometry], width: int, height: int) -> BoolArray:
    """The pixels whose centre lies in one of the geometries.

    Args:
        geometries: (Multi)Polygons on the grid.
        width: columns.
        height: rows.

    Returns:
        (height, width) bool.
    """
    out = np.zeros((height, width), dtype=np.bool_)
    for geometry in geometries:
        box, inside = covered(geometry, width, height)
        out[box.slices] |= inside
    return out


def covered(geometry: BaseGeometry, width: int, height: int) -> tuple[Box, BoolArray]:
    """The pixels whose centre lies in a geometry, as a part of the grid.

    Args:
        geometry: (Multi)Polygon on the grid.
        width: columns of the grid.
        height: rows of the grid.

    Returns:
        The geometry's box clipped to the grid (area 0 when it lies outside), and (box.height, box.width) bool.
    """
    box = _pixel_bounds(geometry.bounds).intersection(Box(0, 0, width, height))
    if not box.area or (_whole(geometry.bounds) and geometry.equals(shapely.box(*geometry.bounds))):
        return box, np.ones((box.height, box.width), dtype=np.bool_)
    if (edges := _pixel_edges(geometry)) is not None:
        return box, _between_edges(edges, box)
    columns, rows = np.meshgrid(np.arange(box.x0, box.x1) + 0.5, np.arange(box.y0, box.y1) + 0.5)
    shapely.prepare(geometry)
    return box, np.asarray(shapely.contains_xy(geometry, columns, rows), dtype=np.bool_)


def _pixel_edges(geometry: BaseGeometry) -> NDArray[np.int64] | None:
    """The upright edges (x, y, other y) of a geometry whose outline follows pixel edges; None for any other."""
    rings = [ring for part in shapely.get_parts(geometry) for ring in (part.exterior, *part.interiors)]
    edges = [np.concatenate([points[:-1], points[1:]], axis=1) for points in map(shapely.get_coordinates, rings)]
    ends = np.concatenate(edges)  # (N, 4): x, y, other x, other y
    upright = ends[:, 0] == ends[:, 2]
    if not (upright | (ends[:, 1] == ends[:, 3])).all() or not (ends == np.rint(ends)).all():
        return None
    return np.asarray(ends[upright][:, [0, 1, 3]], dtype=np.int64)


def _between_edges(edges: NDArray[np.int64], box: Box) -> BoolArray:
    """(box.height, box.width) bool: what lies right of an odd number of upright edges. Exact, and free of points."""
    columns = np.clip(edges[:, 0] - box.x0, 0, box.width)
    rows = np.clip(edges[:, 1:] - box.y0, 0, box.height)
    starts = np.zeros((box.height + 1, box.width + 1), dtype=np.int32)
    np.add.at(starts, (rows.min(axis=1), columns), 1)
    np.add.at(starts, (rows.max(axis=1), columns), -1)
    crossed = starts.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return np.asarray(crossed % 2 == 1)


def _whole(bounds: BBox) -> bool:
    return all(float(value).is_integer() for value in bounds)


def _pixel_bounds(bounds: BBox) -> Box:
    x0, y0, x1, y1 = bounds
    return Box(int(np.floor(x0)), int(np.floor(y0)), int(np.ceil(x1)), int(np.ceil(y1)))


def peak_score(score: Array, valid: BoolArray, min_area_px: int = 1) -> float:
    """The highest level that a square of about `min_area_px` pixels reaches everywhere.

    Ranks pairs whose score stays under the threshold, without letting a single pixel decide.

    Args:
        score: (H, W) float32 in [0, 1].
        valid: (H, W) bool.
        min_area_px: area of the smallest change that counts.
    """
    side = max(1, min(round(min_area_px**0.5), *score.shape))
    usable = np.where(valid, score, np.float32(0))
    return float(cv2.erode(usable, np.ones((side, side), np.uint8), borderValue=0).max())


def direction(region: ChangeRegion, pair: ImagePair) -> Literal["added", "removed", "changed"]:
    """Whether a region's outline is clearly stronger in one of the images: evidence that something came or went.

    Args:
        region: with a geometry on the after grid.
        pair: preprocessed, values in [0, 1].

    Returns:
        "added" when the outline is at least twice as strong after, "removed" when before, else "changed".
    """
    box = _pixel_bounds(region.geometry.bounds)
    wide = Box(box.x0 - 3, box.y0 - 3, box.x1 + 3, box.y1 + 3).intersection(pair.after.box)
    shape = shapely.affinity.translate(region.geometry, -wide.x0, -wide.y0)
    mask = rasterise([shape], wide.width, wide.height).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    outline = (cv2.dilate(mask, kernel) != cv2.erode(mask, kernel)) & pair.valid[wide.slices]
    if not outline.any():
        return "changed"
    before, after = (_edge_strength(frame, wide)[outline].mean() for frame in (pair.aligned, pair.after))
    if after > DIRECTION_RATIO * before and after > DIRECTION_FLOOR:
        return "added"
    if before > DIRECTION_RATIO * after and before > DIRECTION_FLOOR:
        return "removed"
    return "changed"


def classified(
    regions: Sequence[ChangeRegion], change: ChangeMap, pair: ImagePair, threshold: float
) -> list[ChangeRegion]:
    """Regions with the label and kind of the class that a detector finds in them.

    The label is the name of the class with the highest mean score inside the region, without its sign; a class that is
    called like a kind names no thing and gives none. A class that has a kind decides the region's, unless the same
    thing also came and went: then it was replaced, and the region is "changed". What the images themselves say of the
    direction stays where the class says nothing.

    Args:
        regions: on the after grid.
        change: with or without classes; without `class_kinds` the regions are as they were.
        pair: where most of a region has no counterpart, nothing was there before and no class was seen: it was added.
        threshold: mean score from which a class of the other direction counts, too.
    """
    if not change.class_kinds:
        return list(regions)
    return [_classified(region, change, pair.unmatched_after, threshold) for region in regions]


def _classified(region: ChangeRegion, change: ChangeMap, unmatched: BoolArray | None, threshold: float) -> ChangeRegion:
    height, width = change.score.shape
    box, inside = covered(region.geometry, width, height)
    inside = inside & change.valid[box.slices]
    if change.class_scores is None or not inside.any():
        return region
    if unmatched is not None and unmatched[box.slices][inside].mean() > 0.5:
        return region.replace(kind="added")
    means = change.class_scores[:, *box.slices][:, inside].mean(axis=1, dtype=np.float64)  # (K,)
    best = int(means.argmax())
    label, kind = _thing(change.class_names[best]), change.class_kinds[best]
    changes = {"label": region.label if label in KINDS else label}
    if kind is not None:
        against = [
            mean
            for name, other, mean in zip(change.class_names, change.class_kinds, means, strict=True)
            if _thing(name) == label and other not in (None, kind)
        ]
        changes["kind"] = "changed" if max(against, default=0.0) >= threshold else kind
    return region.replace(**changes)


def _thing(class_name: str) -> str:
    """What a class is of: "building+" and "building-" are both of "building"."""
    return class_name.removesuffix("+").removesuffix("-")


def _edge_strength(frame: Frame, box: Box) -> FloatArray:
    grey = np.asarray(frame.pixels[(..., *box.slices)], dtype=np.float32).mean(axis=0)
    gx, gy = (cv2.Scharr(grey, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    strength: FloatArray = np.hypot(gx, gy).astype(np.float64)
    return strength


def bbox_before(region: ChangeRegion, pair: ImagePair, registration: Registration) -> BBox | None:
    """The region's box in pixels of the before source.

    Args:
        region: with a geometry on the after grid.
        pair: as loaded; `pair.before` knows the grid of its source file.
        registration: carries after pixels to before pixels.

    Returns:
        Bounds of the region's corners through the matrix, or through the piece that covers most of the region,
        clipped to the source; None when nothing of it lies inside.
    """
    x0, y0, x1, y1 = region.geometry.bounds
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)
    if registration.pieces:
        box = _pixel_bounds((x0, y0, x1, y1))
        piece = max(registration.pieces, key=lambda p: p.after_box.intersection(box).area)
        mapped = corners + np.array([piece.dx, piece.dy])
    else:
        mapped = registration.to_before(corners)
    source = pair.before.to_source(mapped)
    grid = pair.before.grid
    low = np.clip(source.min(axis=0), 0, [grid.width, grid.height])
    high = np.clip(source.max(axis=0), 0, [grid.width, grid.height])
    if (high <= low).any():
        return None
    return _tidy((*low, *high))


def _tidy(bounds: Sequence[float]) -> BBox:
    """A hundredth of a pixel is all that a box can mean; whole pixels are integers."""
    rounded = (round(float(value), 2) for value in bounds)
    x0, y0, x1, y1 = (int(value) if value.is_integer() else value for value in rounded)
    return x0, y0, x1, y1


def finish(regions: Sequence[ChangeRegion], pair: ImagePair, registration: Registration) -> tuple[ChangeRegion, ...]:
    """Complete, sort and number regions.

    Args:
        regions: kept regions.
        pair: the pair they lie on.
        registration: how it was aligned.

    Returns:
        Sorted by (-score, y0, x0) and numbered from 1; with bbox_before, bbox_after, and for a georeferenced pair
        map_polygon and attributes.area_m2.

    Raises:
        PluginContractError: a removed region that lies outside the before image.
    """
    done = [_complete(region, pair, registration) for region in regions]
    if pair.after.georef is not None and done:
        geometries = [region.geometry for region in done]
        facts = zip(map_polygons(geometries, pair.after.georef), areas_m2(geometries, pair.after.georef), strict=True)
        done = [
            region.replace(map_polygon=polygon, attributes={**region.attributes, "area_m2": area})
            for region, (polygon, area) in zip(done, facts, strict=True)
        ]
    done.sort(key=lambda region: (-region.score, region.geometry.bounds[1], region.geometry.bounds[0]))
    return tuple(region.replace(id=number) for number, region in enumerate(done, start=1))


def _complete(region: ChangeRegion, pair: ImagePair, registration: Registration) -> ChangeRegion:
    area = round(float(region.area_px), 2)
    changes: dict[str, object] = {
        "score": round(region.score, 6),
        "area_px": int(area) if area.is_integer() else area,
        "bbox_after": None if region.kind == "removed" else _tidy(region.bbox_after or region.geometry.bounds),
        "bbox_before": None if region.kind == "added" else _before(region, pair, registration),
    }
    if region.kind == "removed" and changes["bbox_before"] is None:
        raise PluginContractError(f"a removed region lies outside the before image: {region.geometry.bounds}")
    return region.replace(**changes)


def _before(region: ChangeRegion, pair: ImagePair, registration: Registration) -> BBox | None:
    return bbox_before(region, pair, registration) if region.bbox_before is None else _tidy(region.bbox_before)


def map_polygons(geometries: Sequence[BaseGeometry], georef: GeoRef) -> list[BaseGeometry]:
    """Geometries in EPSG:4326, exterior rings counter-clockwise (RFC 7946), to about a centimetre.

    Args:
        geometries: (Multi)Polygons on the grid of `georef`.
        georef: georeference of the after grid.
    """

    def project(xy: FloatArray) -> FloatArray:
        return np.round(georef.to_crs(georef.pixel_to_map(xy), WGS84), 7)

    # One call for all: a projection is set up once, however many regions there are.
    return list(shapely.orient_polygons(shapely.transform(np.array(geometries), project), exterior_cw=False))


def areas_m2(geometries: Sequence[BaseGeometry], georef: GeoRef) -> list[float]:
    """Areas on the ground, in an equal-area projection centred on the geometries to the degree.

    Args:
        geometries: (Multi)Polygons on the grid of `georef`.
        georef: georeference of the after grid, projected or geographic.
    """
    middle = shapely.GeometryCollection(list(geometries)).envelope.centroid
    on_map = georef.pixel_to_map(np.array([[middle.x, middle.y]]))
    lon, lat = georef.to_crs(on_map, WGS84)[0]
    centred = f"+proj=laea +lat_0={lat:.0f} +lon_0={lon:.0f} +datum=WGS84 +units=m"
    projected = shapely.transform(np.array(geometries), lambda xy: georef.to_crs(georef.pixel_to_map(xy), centred))
    return [round(float(area), 2) for area in shapely.area(projected)]
