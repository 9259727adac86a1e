"""One pair's folder: everything that `compare --out` and `batch` write, appearing by one rename."""

from __future__ import annotations

import json
import shutil
import uuid
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins import exporters
from onediff_plugins.errors import ExportError, OneDiffError, StageError
from onediff_plugins.types import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from onediff_plugins.host import Host
    from onediff_plugins.types import ChangeResult

RECORD: Final = "result.json"
UNFINISHED: Final = ".unfinished-"


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
    """
    check_replaceable(folder)
    unfinished = folder.parent / f"{UNFINISHED}{uuid.uuid4().hex[:12]}"
    try:
        unfinished.mkdir(parents=True)
        written = _fill(host, result, unfinished)
        _swap(unfinished, folder)
    except OSError as exc:
        raise ExportError(f"{folder} cannot be written: {exc.strerror or exc}. Choose another --out.") from exc
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return written


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds something that is not ours.

    Raises:
        ExportError: with what it holds and what to do.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ExportError(f"{folder} is a file: --out names a folder")
    if next(folder.iterdir(), None) is not None and read_record(folder) is None:
        raise ExportError(f"{folder} holds files that are not a result of onediff: choose an empty or new folder")


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a pair's folder, or None when it holds none of ours."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("schema") == SCHEMA else None


def _fill(host: Host, result: ChangeResult, folder: Path) -> ChangeResult:
    files: dict[str, Any] = {}
    try:
        if result.georef is None:
            files |= host.exporter("png").write([result], folder)
        else:
            files |= host.exporter("cog").write([result], folder)
            files |= exporters.write_overlay([result], folder)
            files |= exporters.write_previews([result], folder)
            files |= host.exporter("geojson").write([result], folder)
        if overlays := _write_overlays(host, result, folder):
            files["overlays"] = overlays
        written = result.replace(files=files)
        host.exporter("json").write([written], folder)
    except OneDiffError as exc:
        exc.stage = exc.stage or "export"
        raise
    except OSError:
        raise
    except Exception as exc:
        error = StageError(f"an exporter raised {type(exc).__name__} in stage 'export': {exc}")
        error.stage = "export"
        raise error from exc
    return written


def _write_overlays(host: Host, result: ChangeResult, folder: Path) -> dict[str, str]:
    if result.pair is None:
        return {}
    return dict(exporters.write_plugin_overlays(host.overlays(result, result.pair), result, folder))


def _swap(new: Path, folder: Path) -> None:
    """`new` becomes `folder`; what was there is deleted only once it is replaced."""
    if not folder.exists():
        new.rename(folder)
        return
    old = folder.parent / f"{UNFINISHED}{uuid.uuid4().hex[:12]}"
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old)
