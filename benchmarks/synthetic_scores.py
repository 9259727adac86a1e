"""Scores our detectors on drawn pairs that nothing was trained on, each scene through its own domain.

    python benchmarks/synthetic_scores.py                                        # each domain as it is
    python benchmarks/synthetic_scores.py satellite --detector default --detector onediff --set weights=FOLDER

Prints Markdown tables; docs/results.md says how each column is defined. `--write` puts them into a page. Seeds of
training lie below 2^31; those of these pairs begin there, so they are never learned from.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

import onediff_plugins
from evaluation import page
from evaluation.drawn import Asked, Drawn
from onediff_core.data.synthetic import scene
from onediff_core.evaluation.tables import markdown, number
from onediff_core.training.head.drawn import ALIKE, HELD_OUT
from onediff_plugins import Host
from onediff_plugins.errors import OneDiffError
from onediff_plugins.types import Frame

# Scene -> side in pixels: pages are not looked at in pieces.
SCENES = {"satellite": 256, "camera": 256, "ui-drawn": 512, "ui-html": 512}
DEFAULT, ALL = "default", "all"
PLACE = "synthetic"
COLUMNS = {
    "region F1 at IoU 0.5": lambda f: f"{number(f['region_f1'])} ({f['hits']} of {f['true']}, {f['found']} found)",
    "kind accuracy": lambda f: number(f["kind_accuracy"]),
    "label accuracy": lambda f: f"{number(f['label_accuracy'])} (of {f['labelled']})" if f["labelled"] else "-",
    "swap test": lambda f: f"{number(f['swap'])} (of {f['directed']})",
    "TNR": lambda f: f"{number(f['tnr'])} (of {f['still']})",
    "recall": lambda f: f"{number(f['recall'])} (of {f['changed']})",
    "undecided": lambda f: str(f["undecided"]),
    "ms a pair": lambda f: number(f["ms"], 0),
}


def main() -> int:
    options = parse()
    cv2.setNumThreads(1)
    host = Host(settings=dict(options.settings))
    detectors = options.detector or [DEFAULT]
    if options.write:
        page.check_places(options.write, [options.place])
    tallies: dict[str, dict[str, Drawn]] = {}
    for name in options.scenes or SCENES:
        tallies[name] = measured(host, name, detectors, options)
    if len(tallies) > 1:
        tallies[ALL] = {name: pooled([of[name] for of in tallies.values() if name in of]) for name in detectors}
    text = block(tallies, options)
    print(text)
    if options.write:
        page.update(options.write, {options.place: text}, [])
    if options.json:
        figures = {name: {method: tally.figures() for method, tally in of.items()} for name, of in tallies.items()}
        options.json.write_text(json.dumps({"command": sys.argv, "scores": figures}, indent=1), encoding="utf-8")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"{', '.join(SCENES)} by default")
    parser.add_argument("--detector", action="append", help="may come more than once; what the domain does by default")
    parser.add_argument("--head", action="append", default=[], help="for detectors that take heads")
    parser.add_argument("--set", action="append", default=[], type=assignment, metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--count", type=int, default=150, help="pairs of each scene")
    parser.add_argument("--size", type=int, help="side in pixels; 256, of pages 512")
    parser.add_argument("--seed", type=int, default=HELD_OUT, help="smaller ones are for tuning")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    parser.add_argument("--place", default=PLACE, help="name of the table on that page")
    return parser.parse_args()


def assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def measured(host: Host, name: str, detectors: list[str], options: argparse.Namespace) -> dict[str, Drawn]:
    """Every detector on the pairs of a scene; pairs of which nobody can say whether they changed are passed over."""
    draw, size = scene(name), options.size or SCENES[name]
    domain = draw(options.seed, 0, size).domain
    tallies = {detector: Drawn() for detector in detectors if finds(host, domain, detector, options.head)}
    for index in range(options.count):
        sample = draw(options.seed, index, size)
        if sys.stderr.isatty() or index + 1 == options.count:
            print(f"\r{name}: {index + 1}/{options.count}", end="", file=sys.stderr, flush=True)
        if sample.changed is None or sample.regions is None:
            continue
        sides = [frame(image, sample.gsd_m) for image in (sample.before, sample.after)]
        for detector, tally in tallies.items():
            started = time.perf_counter()
            result = compared(host, sides, sample.domain, detector, options.head)
            seconds = time.perf_counter() - started
            kinds = host.domain(sample.domain).kinds
            names = named if "label" in result.provenance.models else None
            tally.add(sample, Asked.of(sample, classes(host, result), kinds), result, seconds, names)
            if sample.changed:
                tally.add_swapped(result, compared(host, sides[::-1], sample.domain, detector, options.head))
    print(file=sys.stderr)
    return tallies


def finds(host, domain, detector, asked):
    """Whether a detector can be asked: of one with heads, whether there is a mask head for the domain."""
    if detector == DEFAULT or not (model := host.model(detector)).takes_heads:
        return True
    chosen = host.choose_heads(model, domain, asked)
    held = {spec.name: spec.task for spec in model.held_heads(host.settings(domain).weights)}
    return any(held.get(name, "mask") == "mask" for name in chosen)


def frame(image, gsd_m):
    """An image as a reader would give it, with its ground sample distance where it has one."""
    return Frame(
        pixels=image.transpose(2, 0, 1),
        valid=np.ones(image.shape[:2], np.bool_),
        bands=("red", "green", "blue"),
        gsd_m=gsd_m,
    )


def compared(host, sides, domain, detector, heads):
    named = None if detector == DEFAULT else detector
    return host.compare(
        *sides, domain=domain, detector=named, captioner="template", heads=heads if named is not None else ()
    )


def classes(host, result):
    """The classes of the mask heads that found a result's regions; none where it came from something else."""
    model = host.model(result.detector)
    weights = host.settings(result.domain).weights if model.takes_weights else None
    held = {spec.name: spec for spec in model.held_heads(weights)} if model.takes_heads else {}
    used = [held[name] for name in result.provenance.models["detect"].heads]
    return tuple(name for spec in used if spec.task == "mask" for name in spec.classes)


def named(label):
    """The class of a region head that says so: things that look alike have one."""
    return ALIKE.get(label, label)


def pooled(tallies: list[Drawn]) -> Drawn:
    """Counts over all scenes."""
    total = Drawn()
    for tally in tallies:
        total = total.joined(tally)
    return total


def block(tallies: dict[str, dict[str, Drawn]], options: argparse.Namespace) -> str:
    """The tables with the command that makes them."""
    words = [*options.scenes, *(f"--detector {name}" for name in options.detector or ())]
    words += [f"--head {name}" for name in options.head]
    words += [f"--set {key}={'WEIGHTS' if key == 'weights' else value}" for key, value in options.settings]
    words += [
        f"--{name} {value}" for name in ("count", "size", "seed") if (value := getattr(options, name)) is not None
    ]
    rows = [
        [f"{name}: {tally.pairs}", method, *(cell(tally.figures()) for cell in COLUMNS.values())]
        for name, methods in tallies.items()
        for method, tally in methods.items()
    ]
    told = [
        [name, method, ", ".join(f"{what} {count}" for what, count in tally.figures()["kinds"].items())]
        for name, methods in tallies.items()
        for method, tally in methods.items()
        if name != ALL
    ]
    versions = f"onediff-plugins {onediff_plugins.__version__}, numpy {np.__version__}, OpenCV {cv2.__version__}"
    return "\n".join(
        [
            f"`python benchmarks/synthetic_scores.py {' '.join(words)}`, {datetime.date.today()}; {versions}",
            "",
            markdown(["pairs", "detector", *COLUMNS], rows),
            "",
            markdown(["scene", "detector", "kinds of the regions that were found"], told),
        ]
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OneDiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
