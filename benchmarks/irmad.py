"""The detector "ir-mad" beside plain differencing and the textbook form of the method, on sets with masks.

    python benchmarks/irmad.py [--data ../shared/data] [--limit N] [--choose]

Prints a Markdown table: pooled precision, recall, F1 and IoU of the changed pixels. The operating point was chosen on
every second group of levir_val and every second pair of dsifn_val; rows marked "held out" are the other halves. With
`--choose` it prints F1 over operating points on the halves it was chosen on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from onediff_plugins import Host
from onediff_satellite.detect import OPERATING_POINT
from onediff_satellite.irmad import fit, no_change_probability, sample

ROOT = Path(__file__).resolve().parents[2] / "shared" / "data"


def rows(folder, limit):
    """Pairs of a set that have a mask."""
    lines = (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    found = [row for row in map(json.loads, lines) if row.get("mask")]
    return found[:limit]


def halves(folder, limit):
    """Pairs to choose on, pairs held out; no scene is in both."""
    found = rows(folder, limit)
    groups = sorted({str(row.get("group") or row["id"]) for row in found})
    chosen = set(groups[::2])
    inside = [str(row.get("group") or row["id"]) in chosen for row in found]
    return [r for r, i in zip(found, inside, strict=True) if i], [
        r for r, i in zip(found, inside, strict=True) if not i
    ]


def otsu(pair):
    """Mean absolute difference, split by Otsu's threshold."""
    difference = np.abs(pair.after.pixels.astype(np.float32) - pair.aligned.pixels).mean(axis=0)
    _, mask = cv2.threshold(np.clip(difference, 0, 255).astype(np.uint8), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return (mask > 0) & pair.valid


def textbook(pair):
    """Pixels whose chance of no change is under 5 %."""
    before, after = pair.aligned.pixels, pair.after.pixels
    transform, _ = fit(*sample(before, after, pair.valid))
    squares = transform.chi_square(*(image.reshape(len(image), -1).T.astype(np.float64) for image in (before, after)))
    unchanged = no_change_probability(squares, len(transform.deviation)).reshape(pair.valid.shape)
    return (unchanged < 0.05) & pair.valid


def truth_of(folder, row):
    """(H, W) bool."""
    mask = cv2.imread(str(folder / row["mask"]), cv2.IMREAD_UNCHANGED)
    return (mask if mask.ndim == 2 else mask[..., 0]) > 0


def add(totals, found, truth):
    """Pool true positives, false positives and misses."""
    totals += [(found & truth).sum(), (found & ~truth).sum(), (~found & truth).sum()]


def table_row(name, pairs, method, totals, seconds):
    """One line of the table."""
    tp, fp, fn = (float(v) for v in totals)
    precision, recall = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
    f1, iou = 2 * tp / max(2 * tp + fp + fn, 1), tp / max(tp + fp + fn, 1)
    clock = f"{seconds / pairs * 1000:.0f}" if seconds else "-"
    return f"| {name} | {pairs} | {method} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {iou:.3f} | {clock} |"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--choose", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    host = Host()
    split = {name: halves(options.data / name, options.limit) for name in ("levir_val", "dsifn_val")}
    if options.choose:
        choose(host, options.data, {name: half[0] for name, half in split.items()})
        return
    tiles = rows(options.data / "levir_tiles", options.limit)
    sets = {
        "levir_val, held out": ("levir_val", split["levir_val"][1]),
        "dsifn_val, held out": ("dsifn_val", split["dsifn_val"][1]),
        "levir_tiles": ("levir_tiles", tiles),
    }
    print("| set | pairs | method | precision | recall | F1 | IoU | ms a pair |")
    print("|---|---|---|---|---|---|---|---|")
    for title, (name, chosen) in sets.items():
        folder = options.data / name
        totals, seconds = defaultdict(lambda: np.zeros(3)), 0.0
        for row in chosen:
            truth, started = truth_of(folder, row), time.perf_counter()
            result = host.compare(folder / row["before"], folder / row["after"], domain="satellite", detector="ir-mad")
            seconds += time.perf_counter() - started
            add(totals["ir-mad"], result.mask > 0, truth)
            add(totals["difference, Otsu"], otsu(result.pair), truth)
            add(totals["IR-MAD, chi-square 5 %"], textbook(result.pair), truth)
        for method in ("difference, Otsu", "IR-MAD, chi-square 5 %", "ir-mad"):
            spent = seconds if method == "ir-mad" else 0
            print(table_row(title, len(chosen), method, totals[method], spent), flush=True)


def choose(host, data, chosen):
    """F1 over operating points, from the scores at the present one."""
    points = np.arange(0.06, 0.19, 0.01)
    print("| set | " + " | ".join(f"{point:.2f}" for point in points) + " |")
    print("|---" * (len(points) + 1) + "|")
    for name, half in chosen.items():
        totals = np.zeros((len(points), 3))
        for row in half:
            truth = truth_of(data / name, row)
            files = (data / name / row[side] for side in ("before", "after"))
            score = host.compare(*files, domain="satellite", detector="ir-mad").change.score
            strength = -np.log2(np.maximum(1 - score, 1e-9)) * OPERATING_POINT
            for point, pooled in zip(points, totals, strict=True):
                add(pooled, strength >= point, truth)
        f1 = 2 * totals[:, 0] / (2 * totals[:, 0] + totals[:, 1] + totals[:, 2])
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in f1) + " |", flush=True)


if __name__ == "__main__":
    main()
