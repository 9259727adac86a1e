"""The built-in behaviour, itself a plugin on the public hooks; every domain falls back on it.

Imports nothing heavy at module level: listing plugins must stay cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.settings import DomainSettings
    from onediff_plugins.specs import BuildContext, ExecutorSpec, ExporterSpec, ModelSpec
    from onediff_plugins.types import ChangeMap, ImagePair, PairRequest, Registration


@hookimpl(trylast=True)
def onediff_load_pair(request: PairRequest, settings: DomainSettings) -> ImagePair | None:
    """Arrays, PIL images, frames and plain image files."""
    from onediff_plugins import plain

    return plain.load_pair(request, settings)


@hookimpl(trylast=True)
def onediff_align_pair(pair: ImagePair, settings: DomainSettings) -> Registration | None:
    """The georeferences, or equal sizes without one."""
    from onediff_plugins import plain

    return plain.prior(pair, settings)


@hookimpl(trylast=True)
def onediff_preprocess_pair(pair: ImagePair, overview: ImagePair, settings: DomainSettings) -> ImagePair | None:
    """Both images as float32 in [0, 1] on one scale."""
    from onediff_plugins import plain

    return plain.preprocess(pair, overview)


@hookimpl(trylast=True)
def onediff_extract_regions(
    change: ChangeMap, pair: ImagePair, settings: DomainSettings
) -> Sequence[ChangeRegion] | None:
    """Connected components of the score map."""
    from onediff_plugins import regions

    return regions.components(change, settings.threshold)


@hookimpl
def onediff_models() -> Iterable[ModelSpec]:
    """`difference` detects, `template` writes the words."""
    from onediff_plugins.specs import ModelSpec

    yield ModelSpec(name="difference", roles=frozenset({"detect"}), build=_build_difference, revision="1")
    yield ModelSpec(name="template", roles=frozenset({"describe"}), build=_build_template, revision="1")


def _build_difference(context: BuildContext) -> Any:  # noqa: ANN401  # a Detector
    from onediff_plugins.plain import DifferenceDetector

    return DifferenceDetector()


def _build_template(context: BuildContext) -> Any:  # noqa: ANN401  # a Describer
    from onediff_plugins.wording import TemplateCaptioner

    return TemplateCaptioner(context.domain)


@hookimpl
def onediff_exporters() -> Iterable[ExporterSpec]:
    """JSON, GeoJSON, PNG and the report."""
    from onediff_plugins.specs import ExporterSpec

    yield ExporterSpec(name="json", suffixes=(".json", ".jsonl"), write=_write_json, summary="the record, one or many")
    yield ExporterSpec(
        name="geojson", suffixes=(".geojson",), write=_write_geojson, summary="regions on the map, RFC 7946"
    )
    yield ExporterSpec(name="png", suffixes=(".png",), write=_write_png, summary="score, mask and overlay as pictures")
    yield ExporterSpec(name="html", suffixes=(".html",), write=_write_html, summary="a report to look at, in one file")


@hookimpl
def onediff_executors() -> Iterable[ExecutorSpec]:
    """`local`: processes on this machine."""
    from onediff_plugins.specs import ExecutorSpec

    yield ExecutorSpec(name="local", run=_run_local, summary="spawned processes on this machine")


# The modules behind these are loaded when something is written or run, not when it is listed.


def _write_json(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    from onediff_plugins.exporters import write_json

    return write_json(results, out)


def _write_geojson(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    from onediff_plugins.exporters import write_geojson

    return write_geojson(results, out)


def _write_png(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    from onediff_plugins.exporters import write_png

    return write_png(results, out)


def _write_html(results: Sequence[ChangeResult], out: Path) -> Mapping[str, str]:
    from onediff_plugins.report import write_html

    return write_html(results, out)


def _run_local(fn: Callable[[Any], Any], items: Sequence[Any], workers: int) -> Iterator[tuple[int, Any]]:
    from onediff_plugins.executors import run_local

    return run_local(fn, items, workers)
