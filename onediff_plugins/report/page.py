"""The report of one pair: a single HTML file that shows the images, what differs, and what is behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from PIL import Image

from onediff_plugins.exporters import file_target, only_one, write_file
from onediff_plugins.rendering import pair_of
from onediff_plugins.report.facts import sections
from onediff_plugins.report.pages import render, script_data
from onediff_plugins.report.pictures import Embedded, embed, embed_score, picture_of
from onediff_plugins.report.places import region_values, registration_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onediff_plugins.records import ChangeResult

REPORT: Final = "report.html"

_SUFFIXES: Final = (".html",)
# Pictures of plugins are embedded until all pictures are so large, 1.4 MB as base64, and always up to the second
# figure; those beyond are linked, and lie beside the report.
_PICTURE_BYTES: Final = 1_050_000
_LEAST_LAYER_BYTES: Final = 100_000
_NOTE_LENGTH: Final = 4000


def write_html(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    """Write one result's report.

    Args:
        results: exactly one, as the host returned it. Pictures of plugins that its `files.overlays` name, and that are
            in the target's folder, become layers of the report.
        out: "x.html", or a folder for "report.html".

    Returns:
        {"report": file name}.

    Raises:
        ExportError: not exactly one result, one read from JSON, or a target that cannot be written.
    """
    result = only_one(results, out)
    folder, name = file_target(out, _SUFFIXES, "html")
    pictures = _pictures(result)
    taken = sum(len(picture.data) for picture in pictures.values() if picture)
    allowed = max(_PICTURE_BYTES - taken, _LEAST_LAYER_BYTES)
    overlays = _read_overlays(result.files.get("overlays", {}), folder, allowed)
    values = {
        "result": result,
        "sections": sections(result, overlays.notes),
        "files": _links(result.files),
        "data": script_data(_data(result, pictures, overlays.layers)),
    }
    page = "".join(render("pair", "data: blob:", values))
    name = name or REPORT
    write_file(folder / name, page.encode(errors="replace"))  # a path may hold bytes that are no text
    return {"report": name}


def _pictures(result: ChangeResult) -> dict[str, Embedded | None]:
    """What the views show; None for an aligned image that is the before image itself, and for no score."""
    pair = pair_of(result)
    before, aligned = picture_of(pair.before), picture_of(pair.aligned, pair.unmatched_after)
    return {
        "before": embed(before),
        "aligned": None if np.array_equal(before, aligned) else embed(aligned),
        "after": embed(picture_of(pair.after)),
        "score": None if result.change is None else embed_score(result.change),
    }


def _data(result: ChangeResult, pictures: Mapping[str, Embedded | None], layers: Sequence[_Layer]) -> dict[str, Any]:
    pair = pair_of(result)
    return {
        "id": result.id,
        "grids": {
            "before": {"width": pair.before.width, "height": pair.before.height},
            "after": {"width": pair.after.width, "height": pair.after.height},
        },
        "pictures": {name: picture and picture.value for name, picture in pictures.items()},
        "layers": [
            {"name": layer.name, "width": layer.width, "height": layer.height, **layer.picture.value}
            for layer in layers
        ],
        "registration": registration_values(pair.registration),
        "regions": [region_values(region, pair.before, pair.after) for region in result.regions],
    }


def _links(files: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, path) of every file beside the report."""
    links = []
    for name, value in files.items():
        if isinstance(value, str):
            links.append((name, value))
        else:
            links += [(f"{name}: {inner}", path) for inner, path in value.items()]
    return [*links, ("record", "result.json")] if links else []


class _Layer(NamedTuple):
    """A picture of a plugin, with its size in pixels."""

    name: str
    picture: Embedded
    width: int
    height: int


class _Overlays(NamedTuple):
    """Plugins' overlays as they were written: pictures to lay over, and notes to read."""

    layers: list[_Layer]
    notes: dict[str, str]


def _read_overlays(paths: Mapping[str, str], folder: Path, allowed: int) -> _Overlays:
    """The overlays that are there, their pictures up to so many bytes."""
    overlays = _Overlays([], {})
    for name, relative in paths.items():
        path = folder / relative
        if not path.is_file():
            continue
        if path.suffix == ".txt":
            overlays.notes[name] = path.read_text(encoding="utf-8", errors="replace").strip()[:_NOTE_LENGTH]
        elif path.suffix == ".png" and path.stat().st_size <= allowed:
            data = path.read_bytes()
            allowed -= len(data)
            with Image.open(path) as image:
                overlays.layers.append(_Layer(name, Embedded(media_type="image/png", data=data), *image.size))
    return overlays
