"""Accepted regions on the map: GeoJSON and GeoParquet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
import shapely.geometry

from onediff_fiftyone.accepted import AcceptedPair, AcceptedRegion, in_pixels
from onediff_fiftyone.exporting.files import Written, new_file, nothing_accepted, write_text
from onediff_plugins.errors import ExportError, MissingDependencyError
from onediff_plugins.types import GeoRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

GEO_CRS: Final = "EPSG:4326"
_DECIMALS: Final = 7  # of degrees: about a centimetre


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
    write_text(path, text + "\n")
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
    with new_file(path) as new:
        pq.write_table(table, new)
    return Written(path=path, pairs=count.pairs, regions=len(rows), left_out=count.left_out)


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
        raise nothing_accepted()
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
