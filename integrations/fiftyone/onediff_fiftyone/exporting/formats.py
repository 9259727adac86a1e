"""The formats by name, and the one that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_fiftyone.exporting.coco import write_coco
from onediff_fiftyone.exporting.geo import write_geojson, write_geoparquet
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from onediff_fiftyone.accepted import AcceptedPair
    from onediff_fiftyone.exporting.files import Written

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
