"""The built-in writers of results: records, map polygons and pictures.

Each `write_*` is an `ExporterSpec.write`: it takes results and a target, and returns what it wrote as entries of the
record's `files`, relative to the folder. A target that has one of the writer's suffixes is a file; an existing folder
or a target without a suffix is a folder to fill. Every file appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import shapely
import shapely.geometry

from onediff_plugins import rendering
from onediff_plugins.errors import ExportError
from onediff_plugins.warp import lies_on_grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

    from onediff_plugins.records import ChangeRegion, ChangeResult, Record
    from onediff_plugins.types import Array, ChangeMap, Overlay

_JSON_SUFFIXES: Final = (".json", ".jsonl")
_GEOJSON_SUFFIXES: Final = (".geojson",)
_PNG_SUFFIXES: Final = (".png",)

# A preview whose PNG is larger is written as JPEG of this quality: photographs of 2048 pixels are, pages are not.
_PREVIEW_PNG_BYTES: Final = 2_000_000
_JPEG_QUALITY: Final = 90
_DECIMALS: Final = 7  # of degrees: about a centimetre
# Level 1 without a row filter is the fastest and, for pages, the smallest; OpenCV 4.10 cannot switch the filter off.
_PNG_OPTIONS: Final = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    *((cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE) if hasattr(cv2, "IMWRITE_PNG_FILTER") else ()),
]
_NUMBERS_OVER_LINES: Final = re.compile(r"\[\n\s+(-?[0-9][^][{}\"]*?)\n\s+\]")


def write_json(results: Sequence[Record], out: Path) -> Mapping[str, str]:
    """Write records as JSON.

    Args:
        results: results or failures.
        out: "x.json" for one record, indented; "x.jsonl" for any number, one a line; in a folder, "result.json" for
            one and "results.jsonl" for several.

    Returns:
        {"record": file name}.

    Raises:
        ExportError: several records for a .json file, a value that JSON cannot hold (such as an array; NaN becomes
            null), or a target that cannot be written.
    """
    folder, name = file_target(out, _JSON_SUFFIXES, "json")
    name = name or ("result.json" if len(results) == 1 else "results.jsonl")
    if name.lower().endswith(".jsonl"):
        lines = [_dumps(record) + "\n" for record in results]
        text = "".join(lines)
    elif len(results) == 1:
        text = _NUMBERS_OVER_LINES.sub(_on_one_line, _dumps(results[0], indent=2)) + "\n"
    else:
        raise ExportError(f"{out}: a .json file holds one result, got {len(results)}; write them to a .jsonl file")
    write_file(folder / name, text.encode())
    return {"record": name}


def write_geojson(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    """Write regions as an RFC 7946 FeatureCollection in EPSG:4326.

    Args:
        results: georeferenced results; of several, each feature names its result in the property "result".
        out: "x.geojson", or a folder for "changes.geojson".

    Returns:
        {"geojson": file name}.

    Raises:
        ExportError: a result has no georeference, or the target cannot be written.
    """
    folder, name = file_target(out, _GEOJSON_SUFFIXES, "geojson")
    for result in results:
        if result.georef is None:
            raise ExportError(
                f"pair {result.id!r} has no georeference, so its regions have no place on the map; "
                "write .json, or compare georeferenced rasters"
            )
    several = len(results) > 1
    features = [_feature(region, result.id, several) for result in results for region in result.regions]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False)
    name = name or "changes.geojson"
    write_file(folder / name, f"{text}\n".encode())
    return {"geojson": name}


def write_png(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    """Write one result's pictures as PNG.

    Args:
        results: exactly one, as the host returned it.
        out: "x.png" for the overlay alone, or a folder for "score.png" (8-bit grey, score times 255, rounded),
            "mask.png" (0 or 255) and "overlay.png", the first two on the after grid.

    Returns:
        {"score": ..., "mask": ..., "overlay": ...}, or {"overlay": file name}.

    Raises:
        ExportError: not exactly one result, one read from JSON, or a target that cannot be written.
    """
    result = only_one(results, out)
    folder, name = file_target(out, _PNG_SUFFIXES, "png")
    if name is not None:
        return write_overlay(results, out)
    if result.change is None or result.mask is None:
        rendering.pair_of(result)
        raise ExportError(f"pair {result.id!r} has no score map to draw; compare it again, or write .json")
    score = _score_bytes(result.change)
    write_file(folder / "score.png", png_bytes(score))
    write_file(folder / "mask.png", png_bytes(np.asarray(result.mask, dtype=np.uint8)))
    return {"score": "score.png", "mask": "mask.png", **write_overlay(results, folder)}


def write_overlay(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    """Write the overlay alone: "x.png", or "overlay.png" in a folder. As `write_png`."""
    result = only_one(results, out)
    folder, name = file_target(out, _PNG_SUFFIXES, "png")
    name = name or "overlay.png"
    write_file(folder / name, png_bytes(rendering.overlay(result)))
    return {"overlay": name}


def write_previews(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    """Write both images as read, 8-bit, at most 2048 pixels a side, for browsers.

    Args:
        results: exactly one, as the host returned it.
        out: a folder.

    Returns:
        {"preview_before": ..., "preview_after": ...}: PNG, or JPEG where the PNG would be over 2 MB. Where the before
        image does not lie on the after grid, also "preview_before_aligned", on which it does.

    Raises:
        ExportError: not exactly one result, one read from JSON, or a folder that cannot be written.
    """
    pair = rendering.pair_of(only_one(results, out))
    folder, _ = file_target(out, (), "previews")
    shown = {"preview_before": pair.before, "preview_after": pair.after}
    sizes = ((frame.width, frame.height) for frame in shown.values())
    if pair.registration is not None and not lies_on_grid(pair.registration, *sizes):
        shown["preview_before_aligned"] = pair.aligned
    return {key: write_preview(folder / key, rendering.preview(frame)).name for key, frame in shown.items()}


def write_map_previews(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    """Write mask and score as pictures of the size of `preview_after`, for browsers.

    Args:
        results: exactly one, as the host returned it.
        out: a folder.

    Returns:
        {"preview_mask": ..., "preview_score": ...}, grey PNG: 0 or 255, and the score times 255, rounded. Of a reduced
        mask nothing is lost: a pixel is 255 where any that it stands for was. Of a reduced score, the highest counts.

    Raises:
        ExportError: not exactly one result, one read from JSON, or a folder that cannot be written.
    """
    result = only_one(results, out)
    folder, _ = file_target(out, (), "previews")
    if result.change is None or result.mask is None:
        rendering.pair_of(result)
        raise ExportError(f"pair {result.id!r} has no score map to draw; compare it again, or write .json")
    maps = {"preview_mask": result.mask, "preview_score": _score_bytes(result.change)}
    for key, grey in maps.items():
        write_file(folder / f"{key}.png", png_bytes(rendering.reduced_map(grey)))
    return {key: f"{key}.png" for key in maps}


def write_preview(stem: Path, picture: Array) -> Path:
    """Write a picture for browsers: as PNG, or as JPEG where the PNG would be over 2 MB.

    Args:
        stem: path without a suffix.
        picture: (H, W, 3) uint8, RGB.

    Returns:
        The path with its suffix.

    Raises:
        ExportError: it cannot be written.
    """
    data, suffix = png_bytes(picture), ".png"
    if len(data) > _PREVIEW_PNG_BYTES:
        data, suffix = _encoded(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]), ".jpg"
    path = stem.with_name(stem.name + suffix)
    write_file(path, data)
    return path


def write_plugin_overlays(overlays: Iterable[Overlay], result: ChangeResult, out: Path) -> Mapping[str, str]:
    """Write what plugins want looked at, as `files.overlays`.

    Args:
        overlays: of one result, with unique names.
        result: as the host returned it.
        out: the result's folder.

    Returns:
        name -> path such as "overlays/registration.png": masks, heatmaps, boxes and polygons as pictures, scalars and
        texts as ".txt" files that hold the value alone.

    Raises:
        ExportError: two overlays of one name, data that do not fit the image, or a folder that cannot be written.
    """
    files: dict[str, str] = {}
    for drawn in overlays:
        if drawn.name in files:
            raise ExportError(f"pair {result.id!r} has two overlays named {drawn.name!r}; rename one of the plugins'")
        as_text = drawn.kind in ("scalar", "text")
        path = f"overlays/{_file_name(drawn.name)}{'.txt' if as_text else '.png'}"
        data = f"{drawn.data}\n".encode() if as_text else png_bytes(rendering.overlay_image(drawn, result))
        write_file(out / path, data)
        files[drawn.name] = path
    return files


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: under a temporary name in its folder, then renamed.

    Args:
        path: its folder is made where it is missing.
        data: the content.

    Raises:
        ExportError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name[:64]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as exc:
        raise ExportError(
            f"{path}: cannot be written: {exc.strerror or exc}; choose another place, or make room there"
        ) from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def file_target(out: Path, suffixes: Sequence[str], exporter: str) -> tuple[Path, str | None]:
    """Where an exporter writes.

    Args:
        out: a file with one of the suffixes, or a folder.
        suffixes: that the exporter writes.
        exporter: its name, for the message.

    Returns:
        Folder and file name; no name where the whole folder is to be filled.

    Raises:
        ExportError: a file with another suffix.
    """
    out = Path(out)
    if out.is_dir() or not out.suffix:
        return out, None
    if out.suffix.lower() in suffixes:
        return out.parent, out.name
    if not suffixes:
        return out, None
    raise ExportError(
        f"{out}: {exporter} writes {' and '.join(suffixes)} files, not {out.suffix!r}; "
        "change the suffix, or make a folder of that name first"
    )


def only_one(results: Sequence[ChangeResult], out: Path) -> ChangeResult:
    """The one result of an exporter that writes one at a time.

    Raises:
        ExportError: not exactly one.
    """
    if len(results) != 1:
        raise ExportError(f"{out}: pictures are written for one result at a time, got {len(results)}")
    return results[0]


def _plain(record: Record, pair_id: str) -> dict[str, Any]:
    """The record as JSON values; pydantic writes NaN as null."""
    try:
        return record.model_dump(mode="json")
    except ValueError as exc:  # pydantic's word for a type that is not JSON
        raise ExportError(
            f"pair {pair_id!r} cannot be written as JSON: {exc}; attributes must be plain JSON values"
        ) from exc


def _dumps(record: Record, indent: int | None = None) -> str:
    separators = (",", ": ") if indent else (",", ":")
    values = _plain(record, getattr(record, "id", ""))
    return json.dumps(values, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)


def _on_one_line(match: re.Match[str]) -> str:
    return f"[{', '.join(number.strip() for number in match[1].split(','))}]"


def _feature(region: ChangeRegion, result_id: str, several: bool) -> dict[str, Any]:
    values = _plain(region, result_id)
    facts = {key: value for key, value in values["attributes"].items() if isinstance(value, str | int | float | bool)}
    own = {key: values[key] for key in ("id", "kind", "label", "score", "caption", "area_px")}
    return {
        "type": "Feature",
        "id": f"{result_id}/{region.id}" if several else region.id,
        "geometry": None if region.map_polygon is None else _map_geometry(region.map_polygon),
        "properties": facts | own | ({"result": result_id} if several else {}),
    }


def _map_geometry(polygon: BaseGeometry) -> dict[str, Any]:
    """Outer rings counter-clockwise, as RFC 7946 asks."""
    oriented = shapely.orient_polygons(polygon)
    rounded = shapely.transform(oriented, lambda points: points.round(_DECIMALS))
    return dict(shapely.geometry.mapping(rounded))


def _score_bytes(change: ChangeMap) -> Array:
    scores: Array = np.rint(change.score * np.float32(255)).astype(np.uint8)
    return scores


def png_bytes(picture: Array) -> bytes:
    """A picture as a PNG file, quickly.

    Args:
        picture: (H, W) or (H, W, 3) uint8, RGB.
    """
    return _encoded(".png", picture, _PNG_OPTIONS)


def _encoded(suffix: str, picture: Array, options: Sequence[int]) -> bytes:
    channels_last = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    done, data = cv2.imencode(suffix, channels_last, options)
    if not done:
        raise ExportError(f"a picture of shape {picture.shape} could not be encoded as {suffix}")
    return data.tobytes()


def _file_name(name: str) -> str:
    """The name where any file system takes it, else a slug and a digest that keeps it apart."""
    if re.fullmatch(r"[a-z0-9_-][a-z0-9._-]{0,63}", name):
        return name
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{slug or 'overlay'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
