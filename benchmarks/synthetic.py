"""How fast pairs of drawn scenes are made, and what they hold.

    OMP_NUM_THREADS=1 python benchmarks/synthetic.py [--count 300] [--size 192] [--sheet FOLDER] [SCENE ...]

Prints Markdown tables: pairs a second of CPU time, shares of pairs that did not change and that changed more than
once, the median share of labelled pixels in changed pairs; then kinds and labels. `--sheet` also writes contact sheets
to look at: before, after, and masks with the boxes of regions.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from onediff_core.data.synthetic import scene
from onediff_core.evaluation.tables import markdown

SCENES = ("objects", "satellite", "camera", "edited")
SHOWN, ACROSS = 24, 6  # pairs on a sheet, and in a row of it
COLOURS = ((0, 200, 0), (255, 60, 60), (60, 120, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", default=SCENES, metavar="SCENE")
    parser.add_argument("--count", type=int, default=300, help="pairs of each scene")
    parser.add_argument("--size", type=int, default=192, help="side in pixels")
    parser.add_argument("--sheet", type=Path, help="folder for contact sheets")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows, held = [], []
    for name in options.scenes:
        samples, seconds = drawn(name, options.count, options.size)
        changed = [sample for sample in samples if sample.changed]
        several = sum(len(sample.regions) > 1 for sample in samples)
        area = [np.any(list(sample.masks.values()), axis=0).mean() for sample in changed if sample.masks]
        shares = [1 - len(changed) / len(samples), several / len(samples), np.median(area)]
        rows.append([name, str(len(samples)), f"{len(samples) / seconds:.0f}", *(f"{share:.1%}" for share in shares)])
        happened = Counter((region.kind, region.label) for sample in samples for region in sample.regions or ())
        held.append([name, ", ".join(f"{label} {kind} {count}" for (kind, label), count in happened.most_common(12))])
        if options.sheet:
            options.sheet.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(options.sheet / f"{name}.png"), sheet(samples[:SHOWN])[:, :, ::-1])
    print(markdown(["scene", "pairs", "pairs a second", "unchanged", "several changes", "labelled pixels"], rows))
    print()
    print(markdown(["scene", "what happened most"], held))


def drawn(name, count, size):
    """The pairs, and the seconds of CPU time that they took; the first one, which makes textures, does not count."""
    draw = scene(name)
    draw(0, count, size)
    start = time.process_time()
    samples = [draw(0, index, size) for index in range(count)]
    return samples, time.process_time() - start


def sheet(samples):
    """Before over after over masks, pair by pair."""
    columns = [np.vstack([sample.before, sample.after, labelled(sample)]) for sample in samples]
    columns += [np.zeros_like(columns[0])] * (-len(columns) % ACROSS)
    return np.vstack([np.hstack(columns[i : i + ACROSS]) for i in range(0, len(columns), ACROSS)])


def labelled(sample):
    picture = np.zeros_like(sample.after)
    for mask, colour in zip(sample.masks.values(), COLOURS, strict=False):
        picture[mask] = colour
    for region in sample.regions or ():
        x0, y0, x1, y1 = region.box
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), (255, 255, 255), 1)
    return picture


if __name__ == "__main__":
    main()
