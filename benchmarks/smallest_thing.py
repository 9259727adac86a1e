"""How well the smallest thing of a head is chosen on few held-out crops: draws of them, each told on all other pairs.

    python benchmarks/smallest_thing.py levir_val/pairs.jsonl --every 2

The head looks at each pair once; then so many changed and so many unchanged ones are drawn, many times, a size is
chosen on them as `onediff train head` does, and the rest is told with it and without. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from onediff_core.checkpoint import load_checkpoint
from onediff_core.data import PairFolder
from onediff_core.surroundings import specks
from onediff_core.training.head.smallest import Found, best_size, found_in
from onediff_core.training.stored import look_of

CROPS = (5, 10, 20, 30)


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.weights, heads=[options.head])
    head = checkpoint.heads[options.head]
    one = head.config.classes[0]
    pairs = PairFolder(options.pairs, mask_class=one)
    samples = [pairs[index] for index in range(0, len(pairs.rows), options.every)]
    both = [replace(sample, masks=dict.fromkeys(head.config.classes, sample.masks[one])) for sample in samples]
    found = list(found_in(look_of(checkpoint.model.model, head), both, head.config.classes, None))
    changed = np.array([crop.truth.any() for crop in found])
    print(f"{len(found)} pairs, {changed.sum()} changed; every blob counts: {told(found):.3f} right\n")
    print("| held out, of each | size: 10 %, median, 90 % of draws | right, more than without | draws that harm |")
    print("| --- | --- | --- | --- |")
    rng = np.random.default_rng(0)
    for count in CROPS:
        sizes, gains = [], []
        for _ in range(options.draws):
            drawn = np.concatenate([rng.choice(np.flatnonzero(part), count, False) for part in (changed, ~changed)])
            rest = [found[index] for index in np.setdiff1d(np.arange(len(found)), drawn)]
            sizes.append(best_size([found[index] for index in drawn]))
            gains.append(told(rest, sizes[-1]) - told(rest))
        spread = ", ".join(f"{size:.0f}" for size in np.percentile(sizes, [10, 50, 90]))
        print(f"| {count} | {spread} px | {np.mean(gains):+.3f} | {np.mean(np.array(gains) < 0):.1%} |")


def told(crops: list[Found], size: float = 0) -> float:
    """The mean of the shares of changed and of unchanged crops that are told right."""
    said = np.array([(crop.said & ~specks(crop.said, size)).any() for crop in crops])
    changed = np.array([crop.truth.any() for crop in crops])
    return float((said[changed].mean() + (~said[~changed]).mean()) / 2)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="list of pairs of one size with masks")
    parser.add_argument("--weights", help="folder or hub id; those that ship unless given")
    parser.add_argument("--head", default="satellite.building")
    parser.add_argument("--every", type=int, default=1, help="look at every so-many-th pair")
    parser.add_argument("--draws", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()
