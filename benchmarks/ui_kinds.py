"""What the ui domain calls the regions of real pages: kinds and labels, with the head `ui.kind` and without.

    python benchmarks/ui_kinds.py --set weights=FOLDER

Prints a Markdown table for layout_shift and recolour, whose boxes say what happened. Nothing of them trains the head.
"""

from __future__ import annotations

import argparse
import datetime
from collections import Counter
from pathlib import Path

import cv2

from evaluation import page
from evaluation.drawn import right_ones
from evaluation.sets import DATA, Pair, read_rows
from onediff_core.data import SampleRegion
from onediff_core.evaluation.tables import markdown, number
from onediff_plugins import Host
from synthetic_scores import assignment

# What the makers of layout_shift call their edits, as kinds; an icon that is gone has a box without an area.
ADDED = ("insert", "banner")
PLACE = "ui_kinds"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], type=assignment, metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--write", type=Path, help="page whose table is replaced")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.write:
        page.check_places(options.write, [PLACE])
    hosts = {"without": Host(disable=["onediff_core"]), "with": Host(settings=dict(options.settings))}
    rows = []
    for name in ("layout_shift", "recolour"):
        pairs = [(pair, truth(pair)) for pair in read_rows(name, options.data)]
        for method, host in hosts.items():
            rows.append([f"{name}: {len(pairs)}", method, *figures(host, pairs)])
    words = ["--set weights=WEIGHTS" if key == "weights" else f"--set {key}={value}" for key, value in options.settings]
    table = markdown(["pairs", "head", "regions found", "kind accuracy", "told", "labels"], rows)
    text = f"`{' '.join(['python benchmarks/ui_kinds.py', *words])}`, {datetime.date.today()}\n\n{table}"
    print(text)
    if options.write:
        page.update(options.write, {PLACE: text}, [])


def truth(pair: Pair) -> list[SampleRegion]:
    """The regions of a pair, each by its box where it can be seen."""
    if "regions" in pair.row:
        return [region("changed", "", xywh["bbox_xywh"]) for xywh in pair.row["regions"]]
    before = {name: box for name, *box in pair.row["regions_before"]}
    return [
        region("removed", name, before[name])
        if not box[2]
        else region("added" if name in ADDED else "changed", name, box)
        for name, *box in pair.row["regions_after"]
    ]


def region(kind, label, xywh):
    x, y, width, height = xywh
    return SampleRegion(kind=kind, label=label, box=(round(x), round(y), round(x + width), round(y + height)))


def figures(host, pairs):
    kinds, labels, total = Counter(), Counter(), 0
    for pair, told in pairs:
        found = host.compare(str(pair.before), str(pair.after), domain="ui", captioner="template").regions
        total += len(told)
        for one, other in right_ones(told, found):
            kinds[told[one].kind, found[other].kind] += 1
            labels[found[other].label] += 1
    right = sum(count for (true, said), count in kinds.items() if true == said)
    return [
        f"{kinds.total()} of {total}",
        number(right / kinds.total() if kinds else None),
        ", ".join(f"{true} told {said} {count}" for (true, said), count in sorted(kinds.items())),
        ", ".join(f"{label} {count}" for label, count in labels.most_common() if label) or "-",
    ]


if __name__ == "__main__":
    main()
