"""What was accepted, written as GeoJSON, GeoParquet or COCO, whole or not at all."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
import shapely.geometry

from onediff_fiftyone.accepted import AcceptedPair, AcceptedRegion, in_pixels
from onediff_plugins.atomic import unfinished, write_atomically
from onediff_plugins.errors import ExportError, MissingDependencyError
from onediff_plugins.types import GeoRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

GEO_CRS: Final = "EPSG:4326"
_DECIMALS: Final = 7  # of degrees: about a centimetre


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an export wrote.

    Attributes:
        path: the file.
        pairs: accepted pairs that it holds.
        regions: accepted regions that it holds.
        left_out: accepted pairs that the format has no place for, such as one without a georeference.
    """

    path: Path
    pairs: int
    regions: int
    left_out: int = 0


def write_geojson(pairs: Iterable[AcceptedPair], path: Path) -> Written:
    """Write accepted regions as an RFC 7946 FeatureCollection in EPSG:4326.

    Args:
        pairs: those without a georeference are left out and counted.
        path: of the file, which is replaced.

    Raises:
        ExportError: no pair has a georeference, or the file cannot be written.
        MissingDependencyError: pyproj is not installed.
    """
    features, count = _rows(pairs)
    collected = [
        {
            "type": "Feature",
            "id": f"{pair.id}/{_number(region, at)}",
            "geometry": shapely.geometry.mapping(shapely.orient_polygons(geometry)),
            "properties": _properties(pair, region),
        }
        for at, (pair, region, geometry) in enumerate(features)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": collected}, ensure_ascii=False, allow_nan=False)
    _write_text(path, text + "\n")
    return Written(path=path, pairs=count.pairs, regions=len(collected), left_out=count.left_out)


def write_geoparquet(pairs: Iterable[AcceptedPair], path: Path) -> Written:
    """Write accepted regions as GeoParquet 1.1: WKB in longitude and latitude, one row a region.

    Args:
        pairs: those without a georeference are left out and counted.
        path: of the file, which is replaced.

    Raises:
        ExportError: no pair has a georeference, or the file cannot be written.
        MissingDependencyError: pyarrow or pyproj is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as exc:
        raise MissingDependencyError("pyarrow", "a GeoParquet file", "onediff-fiftyone[parquet]") from exc
    features, count = _rows(pairs)
    rows = [{**_properties(pair, region), "geometry": shapely.to_wkb(geometry)} for pair, region, geometry in features]
    fields = [*_COLUMNS, *sorted({name for row in rows for name in row} - {*_COLUMNS, "geometry"})]
    types = _arrow_types(pa)
    columns = {name: pa.array([row.get(name) for row in rows], types.get(name)) for name in fields}
    columns["geometry"] = pa.array([row["geometry"] for row in rows], pa.binary())
    geometries = [geometry for _, _, geometry in features]
    kinds = sorted({geometry.geom_type for geometry in geometries})
    geo: dict[str, Any] = {"encoding": "WKB", "geometry_types": kinds, "orientation": "counterclockwise"}
    if geometries:
        geo["bbox"] = [round(float(value), _DECIMALS) for value in shapely.total_bounds(geometries)]
    # Without "crs" a column is in longitude and latitude, OGC:CRS84.
    about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geo}}
    table = pa.table(columns).replace_schema_metadata({"geo": json.dumps(about)})
    with _new_file(path) as new:
        pq.write_table(table, new)
    return Written(path=path, pairs=count.pairs, regions=len(rows), left_out=count.left_out)


def write_coco(pairs: Iterable[AcceptedPair], path: Path) -> Written:
    """Write accepted pairs as COCO detection JSON: an image a pair (the after picture), an annotation a region.

    An annotation has `attributes` beside COCO's own: kind, caption, number and the record's facts. An image carries
    `before`, the pair's caption and its id.

    Args:
        pairs: accepted ones without regions are images without annotations.
        path: of the file, which is replaced.

    Raises:
        ExportError: nothing was accepted, a picture is missing, or the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    for pair in pairs:
        width, height = pair.grid or _picture_size(pair)
        image = {"id": len(images) + 1, "file_name": pair.after if pair.grid else pair.picture}
        images.append(
            {**image, "width": width, "height": height, "before": pair.before, "pair": pair.id, "caption": pair.caption}
        )
        for region in pair.regions:
            category = categories.setdefault(region.label or region.kind or "changed", len(categories) + 1)
            annotations.append(_annotation(region, (width, height), len(annotations) + 1, image["id"], category))
    if not images:
        raise _nothing_accepted()
    about = {"description": "Changes accepted in a review; boxes and outlines lie on the after image"}
    named = [{"id": id_, "name": name, "supercategory": "change"} for name, id_ in categories.items()]
    document = {"info": about, "licenses": [], "images": images, "annotations": annotations, "categories": named}
    _write_text(path, json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    return Written(path=path, pairs=len(images), regions=len(annotations))


WRITERS: Final[Mapping[str, tuple[str, Callable[[Iterable[AcceptedPair], Path], Written]]]] = {
    "GeoJSON": (".geojson", write_geojson),
    "GeoParquet": (".parquet", write_geoparquet),
    "COCO": (".json", write_coco),
}
"""Name of a format -> the ending of its files, and what writes them."""


def export_accepted(pairs: Iterable[AcceptedPair], format_: str, path: Path) -> Written:
    """Write what was accepted in one of WRITERS.

    Args:
        pairs: accepted ones.
        format_: a key of WRITERS.
        path: of the file; it must have the ending of the format, and its folder must exist.

    Raises:
        ExportError: another format or ending, nothing to write, or a file that cannot be written.
    """
    if format_ not in WRITERS:
        raise ExportError(f"there is no format {format_!r}: choose one of {', '.join(WRITERS)}")
    suffix, write = WRITERS[format_]
    if path.suffix.lower() != suffix:
        raise ExportError(f"{path}: {format_} files end in {suffix}: change the name")
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent} is no folder on the machine of the server: make it, or choose another")
    return write(pairs, path)


# --- on the map ---------------------------------------------------------------------------------------------------

_Row = tuple[AcceptedPair, AcceptedRegion, "BaseGeometry"]


@dataclass
class _Count:
    pairs: int = 0
    left_out: int = 0


def _rows(pairs: Iterable[AcceptedPair]) -> tuple[list[_Row], _Count]:
    rows: list[_Row] = []
    count = _Count()
    for pair in pairs:
        if pair.crs is None or pair.transform is None or pair.grid is None:
            count.left_out += 1
            continue
        count.pairs += 1
        rows += [(pair, region, _on_map(region, pair.crs, pair.transform, pair.grid)) for region in pair.regions]
    if not count.pairs:
        if count.left_out:
            raise ExportError(
                f"none of the {count.left_out} accepted pairs has a georeference, so their regions have no place on "
                "the map: export COCO or training records instead"
            )
        raise _nothing_accepted()
    return rows, count


def _on_map(region: AcceptedRegion, crs: str, transform: tuple[float, ...], grid: tuple[int, int]) -> BaseGeometry:
    from affine import Affine

    georef = GeoRef(crs=crs, transform=Affine(*transform))
    pixels = in_pixels(region.geometry, grid)
    on_map = shapely.transform(pixels, lambda points: georef.to_crs(georef.pixel_to_map(points), GEO_CRS))
    return shapely.orient_polygons(shapely.transform(on_map, lambda points: np.round(points, _DECIMALS)))


_COLUMNS: Final = (
    "pair",
    "number",
    "kind",
    "label",
    "score",
    "caption",
    "pair_caption",
    "domain",
    "reviewed_at",
    "reviewed_by",
)


def _arrow_types(pa: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Of the columns that may hold nothing at all, which would have no type otherwise."""
    return {
        **dict.fromkeys(_COLUMNS, pa.string()),
        "number": pa.int64(),
        "score": pa.float64(),
    }


def _properties(pair: AcceptedPair, region: AcceptedRegion) -> dict[str, Any]:
    own = {
        "pair": pair.id,
        "number": region.number,
        "kind": region.kind,
        "label": region.label,
        "score": region.score,
        "caption": region.caption,
        "pair_caption": pair.caption,
        "domain": pair.domain,
        "reviewed_at": None if pair.reviewed_at is None else f"{pair.reviewed_at:%Y-%m-%dT%H:%M:%SZ}",
        "reviewed_by": pair.reviewed_by,
    }
    return {**{name: value for name, value in region.attributes.items() if name != "geometry"}, **own}


def _number(region: AcceptedRegion, at: int) -> str:
    return f"drawn-{at}" if region.number is None else str(region.number)


# --- on the picture -----------------------------------------------------------------------------------------------


def _annotation(region: AcceptedRegion, size: tuple[int, int], id_: int, image: Any, category: int) -> dict[str, Any]:  # noqa: ANN401
    geometry = in_pixels(region.geometry, size)
    x0, y0, x1, y1 = (round(float(value), 2) for value in geometry.bounds)
    facts = {**region.attributes, "kind": region.kind, "caption": region.caption, "number": region.number}
    return {
        "id": id_,
        "image_id": image,
        "category_id": category,
        "bbox": [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)],
        # COCO's polygons have no holes; the area does not count them.
        "segmentation": [
            np.round(shapely.get_coordinates(part.exterior)[:-1], 2).ravel().tolist()
            for part in shapely.get_parts(geometry)
        ],
        "area": round(float(geometry.area), 2),
        "iscrowd": 0,
        **({} if region.score is None else {"score": region.score}),
        "attributes": facts,
    }


def _picture_size(pair: AcceptedPair) -> tuple[int, int]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(pair.picture) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError) as exc:
        raise ExportError(f"pair {pair.id!r}: the size of {pair.picture} cannot be read: {exc}") from exc


# --- files --------------------------------------------------------------------------------------------------------


def _nothing_accepted() -> ExportError:
    return ExportError("nothing was accepted in this view: accept pairs or regions first, or choose another view")


def _write_text(path: Path, text: str) -> None:
    try:
        write_atomically(path, [text])
    except OSError as exc:
        raise ExportError(f"{path} cannot be written: {exc.strerror or exc}; choose another folder") from exc


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    new = unfinished(path.parent)
    try:
        yield new
        new.replace(path)
    except OSError as exc:
        raise ExportError(f"{path} cannot be written: {exc.strerror or exc}; choose another folder") from exc
    finally:
        new.unlink(missing_ok=True)
