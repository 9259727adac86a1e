"""How fast pairs of user interfaces are made, and what they hold.

    OMP_NUM_THREADS=1 python benchmarks/synthetic_ui.py [--drawn 400] [--html 20] [--size 256] [--sheet FOLDER]

Prints Markdown tables: pairs a second of CPU time of this process and of wall time (Chromium's own processes count in
the latter alone), then shares of verdicts, kinds and labels. `--sheet` also writes contact sheets to look at, before
left, after right, with the boxes of regions: added green, removed red, changed blue, moved orange.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from PIL import Image, ImageDraw

from onediff_core.data.synthetic import scene

COLOURS = {"added": "#00a000", "removed": "#d00000", "changed": "#0066ff", "moved": "#ff8800"}
ACROSS = 4  # pairs in a row of a sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawn", type=int, default=400, help="pairs of ui-drawn")
    parser.add_argument("--html", type=int, default=20, help="pairs of ui-html; 0 where there is no Chromium")
    parser.add_argument("--size", type=int, default=256, help="side of the crops in pixels")
    parser.add_argument("--sheet", type=Path, help="folder for contact sheets")
    asked = parser.parse_args()
    made = {
        name: timed(name, count, asked.size)
        for name, count in (("ui-drawn", asked.drawn), ("ui-html", asked.html))
        if count
    }
    print(
        "| scene | pairs | a second of CPU | a second of wall time | unchanged | not said |\n|---|---|---|---|---|---|"
    )
    for name, (samples, cpu, wall) in made.items():
        verdicts = Counter(sample.changed for sample in samples)
        shares = " | ".join(f"{verdicts[verdict] / len(samples):.0%}" for verdict in (False, None))
        print(f"| {name} | {len(samples)} | {len(samples) / cpu:.0f} | {len(samples) / wall:.1f} | {shares} |")
    for name, (samples, _, _) in made.items():
        regions = [region for sample in samples for region in sample.regions or ()]
        for what in ("kind", "label"):
            counts = Counter(getattr(region, what) for region in regions).most_common()
            print(
                f"\n{name}, {what}s of {len(regions)} regions: "
                + ", ".join(f"{word} {count}" for word, count in counts)
            )
        if asked.sheet:
            asked.sheet.mkdir(parents=True, exist_ok=True)
            sheet(samples[:24], asked.size).save(asked.sheet / f"{name}.png")


def timed(name, count, size):
    """The pairs, with CPU and wall seconds; the first few, which load fonts or start a browser, do not count."""
    draw = scene(name)
    for index in range(5):
        draw(0, index, size)
    cpu, wall = time.process_time(), time.perf_counter()
    samples = [draw(1, index, size) for index in range(count)]
    return samples, time.process_time() - cpu, time.perf_counter() - wall


def sheet(samples, size):
    """A contact sheet."""
    step = size + 6
    picture = Image.new("RGB", (ACROSS * 2 * step, -(-len(samples) // ACROSS) * step), "grey")
    for number, sample in enumerate(samples):
        x, y = number % ACROSS * 2 * step, number // ACROSS * step
        after = Image.fromarray(sample.after)
        for region in sample.regions or ():
            x0, y0, x1, y1 = region.box
            ImageDraw.Draw(after).rectangle((x0 - 1, y0 - 1, x1, y1), outline=COLOURS[region.kind])
        picture.paste(Image.fromarray(sample.before), (x, y))
        picture.paste(after, (x + step, y))
    return picture


if __name__ == "__main__":
    main()
