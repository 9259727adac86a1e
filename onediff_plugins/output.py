"""One pair's folder: everything that `compare --out` and `batch` write, appearing by one rename."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins import exporters
from onediff_plugins.atomic import replaced_folder, unfinished
from onediff_plugins.errors import ExportError, OneDiffError
from onediff_plugins.records import SCHEMA
from onediff_plugins.report import write_thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from onediff_plugins.host import Host
    from onediff_plugins.records import ChangeResult

RECORD: Final = "result.json"


def write_pair(host: Host, result: ChangeResult, folder: Path) -> ChangeResult:
    """Write a result with its pictures and rasters.

    Args:
        host: for exporters and overlays.
        result: as `Host.compare` returned it, pixels included.
        folder: need not exist; it is replaced only if it is empty or holds a record of ours.

    Returns:
        The result with `files` filled in, relative to the folder.

    Raises:
        ExportError: the folder holds something else, or cannot be written.
        StageError: a plugin's exporter or overlay raised.
    """
    check_replaceable(folder)
    try:
        with replaced_folder(folder) as new:
            return _fill(host, result, new)
    except OSError as exc:
        raise ExportError(f"{folder} cannot be written: {exc.strerror or exc}. Choose another --out.") from exc


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds something that is not ours.

    Raises:
        ExportError: with what it holds and what to do.
    """
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise ExportError(f"{folder} is a file: --out names a folder")
        empty = next(folder.iterdir(), None) is None
    except OSError as exc:
        raise ExportError(f"{folder} cannot be read: {exc.strerror or exc}. Choose another --out.") from exc
    if not empty and read_record(folder) is None:
        raise ExportError(f"{folder} holds files that are not a result of onediff: choose an empty or new folder")


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a pair's folder, or None when it holds none of ours."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("schema") == SCHEMA else None


def files_below(folder: str, files: Mapping[str, Any]) -> dict[str, Any]:
    """The `files` of a record, relative to where the folder lies.

    Args:
        folder: path of the folder that they are relative to now, with slashes.
        files: of the record in that folder.
    """
    return {
        key: files_below(folder, value) if isinstance(value, dict) else f"{folder}/{value}"
        for key, value in files.items()
    }


def remove_pair(folder: Path) -> None:
    """Delete a pair's folder if it holds a record of ours; it is gone at once, or stays whole."""
    if read_record(folder) is not None:
        old = unfinished(folder.parent)
        folder.rename(old)
        shutil.rmtree(old)


def _fill(host: Host, result: ChangeResult, folder: Path) -> ChangeResult:
    files: dict[str, Any] = {}
    try:
        if result.georef is None:
            files |= host.export([result], folder, "png")
        else:
            files |= host.export([result], folder, "cog")
            files |= exporters.write_overlay([result], folder)
            files |= exporters.write_previews([result], folder)
            files |= exporters.write_map_previews([result], folder)
            files |= host.export([result], folder, "geojson")
        if overlays := _write_overlays(host, result, folder):
            files["overlays"] = overlays
        files |= write_thumbnail(result, folder)
        files |= host.export([result.replace(files=files)], folder, "html")
        written = result.replace(files=files)
        host.export([written], folder, "json")
    except OneDiffError as exc:
        exc.stage = exc.stage or "export"
        raise
    return written


def _write_overlays(host: Host, result: ChangeResult, folder: Path) -> dict[str, str]:
    if result.pair is None:
        return {}
    return dict(exporters.write_plugin_overlays(host.overlays(result, result.pair), result, folder))
