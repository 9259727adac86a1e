"""A small domain that misbehaves on demand, for tests that install it as a distribution of its own.

TOY_RAISE=<place>   that place raises RuntimeError("the toy broke in <place>")
TOY_DIE=<pair id>   the process that detects in this pair dies
TOY_SLEEP=<seconds> every detection takes that much longer
TOY_PRINT=1         detection prints to stdout
TOY_GEOREF=1        pairs are georeferenced, and the toy brings their raster exporter
TOY_NOTES=<file>    what the observers were told
TOY_REVISION=<name> the revision of the detector
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import click

from onediff_plugins import hookimpl


def may_break(place):
    if os.environ.get("TOY_RAISE") == place:
        raise RuntimeError(f"the toy broke in {place}")


def available():
    may_break("available")


class ToyDetector:
    """The built-in detector, and a label."""

    def detect(self, pairs, overviews, settings):
        from onediff_plugins.plain import DifferenceDetector

        may_break("detect")
        time.sleep(float(os.environ.get("TOY_SLEEP", "0")))
        if "TOY_PRINT" in os.environ:
            print("the toy chatters", flush=True)
        if os.environ.get("TOY_DIE") in [pair.id for pair in pairs]:
            os._exit(1)
        return DifferenceDetector().detect(pairs, overviews, settings)

    def label(self, pair, regions):
        may_break("label")
        return [region.replace(label="toy") for region in regions]


class ToyDescriber:
    """The built-in words."""

    def __init__(self, domain):
        self._domain = domain

    def describe(self, pairs, regions, prompts):
        from onediff_plugins.wording import TemplateCaptioner

        may_break("describe")
        return TemplateCaptioner(self._domain).describe(pairs, regions, prompts)


def build_detector(context):
    may_break("build")
    return ToyDetector()


def build_describer(context):
    return ToyDescriber(context.domain)


def sniff(request):
    may_break("sniff")
    return 0.9


def run_inline(fn, items, workers):
    may_break("executor")
    for index, item in enumerate(items):
        yield index, fn(item)


def write_raster(results, out):
    may_break("export")
    (out / "score.tif").write_bytes(b"score")
    (out / "mask.tif").write_bytes(b"mask")
    return {"score": "score.tif", "mask": "mask.tif"}


@hookimpl
def onediff_domain():
    from onediff_plugins import DomainSettings, DomainSpec

    may_break("domain")

    class ToySettings(DomainSettings):
        grain: int = 1

    return DomainSpec(
        name="toy",
        summary="squares on cardboard",
        settings=ToySettings,
        sniff=sniff,
        detectors=("toy-detector",),
        describers=("toy-words",),
        heads=("toy.mark",),
    )


@hookimpl
def onediff_models():
    from onediff_plugins import ModelSpec

    may_break("models")
    yield ModelSpec(
        name="toy-detector",
        roles={"detect"},
        build=build_detector,
        available=available,
        takes_heads=True,
        revision=os.environ.get("TOY_REVISION"),
    )
    yield ModelSpec(name="toy-words", roles={"describe"}, build=build_describer)


@hookimpl
def onediff_heads():
    from onediff_plugins import HeadSpec

    may_break("heads")
    yield HeadSpec(name="toy.mark", task="region", classes=("mark",))


@hookimpl
def onediff_exporters():
    from onediff_plugins import ExporterSpec

    may_break("exporters")
    if "TOY_GEOREF" in os.environ:
        yield ExporterSpec(name="cog", suffixes=(".tif",), write=write_raster)


@hookimpl
def onediff_executors():
    from onediff_plugins import ExecutorSpec

    may_break("executors")
    yield ExecutorSpec(name="inline", run=run_inline, summary="in this process")


@hookimpl
def onediff_commands():
    may_break("commands")
    return [toy_command]


@click.command("toy")
@click.option("--code", type=int, default=0)
@click.pass_context
def toy_command(ctx, code):
    """Say hello."""
    may_break("command")
    click.echo("hello")
    ctx.exit(code)


@hookimpl
def onediff_load_pair(request, settings):
    may_break("load")
    if "TOY_GEOREF" not in os.environ:
        return None
    from affine import Affine

    from onediff_plugins import GeoRef, plain

    georef = GeoRef(crs="EPSG:32631", transform=Affine(10, 0, 500000, 0, -10, 5400000))
    pair = plain.load_pair(request, settings)
    return replace(pair, before=replace(pair.before, georef=georef), after=replace(pair.after, georef=georef))


@hookimpl
def onediff_align_pair(pair, settings):
    may_break("align")


@hookimpl
def onediff_preprocess_pair(pair, overview, settings):
    may_break("preprocess")


@hookimpl
def onediff_extract_regions(change, pair, settings):
    may_break("extract_regions")


@hookimpl
def onediff_caption_prompt(pair, regions, settings):
    may_break("caption_prompt")


@hookimpl
def onediff_refine_result(result, pair, settings):
    may_break("refine_result")


@hookimpl
def onediff_overlays(result, pair):
    from onediff_plugins import Overlay

    may_break("overlays")
    yield Overlay(name="toy", kind="text", slice="after", data="a toy was here")


def note(text):
    if "TOY_NOTES" in os.environ:
        with Path(os.environ["TOY_NOTES"]).open("a") as stream:
            stream.write(f"{text}\n")


@hookimpl
def onediff_pair_finished(result):
    may_break("pair_finished")
    note(f"finished {result.id}")


@hookimpl
def onediff_pair_failed(failure):
    may_break("pair_failed")
    note(f"failed {failure.id}")
