"""How the operating point of the detector "ir-mad" was chosen: F1 over operating points on the tuning halves.

    python benchmarks/irmad.py [--data ../shared/data] [--limit N]

Prints a Markdown table of pooled F1 on the tuning halves of levir_val and dsifn_val. What the detector reaches on the
other halves: benchmarks/quality.py levir_val dsifn_val.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from evaluation.sets import DATA, TUNING, read_rows
from onediff_core.evaluation.counting import f1, pixel_counts
from onediff_core.evaluation.tables import markdown, number
from onediff_plugins import Host
from onediff_satellite.detect import OPERATING_POINT

POINTS = np.arange(0.06, 0.19, 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--limit", type=int, default=None)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    host = Host()
    rows = []
    for name in ("levir_val", "dsifn_val"):
        counts = np.zeros((len(POINTS), 3), np.int64)
        for pair in [pair for pair in read_rows(name, options.data) if pair.part == TUNING][: options.limit]:
            score = host.compare(pair.before, pair.after, domain="satellite", detector="ir-mad").change.score
            strength = -np.log2(np.maximum(1 - score, 1e-9)) * OPERATING_POINT
            counts += [pixel_counts(strength >= point, pair.truth.mask) for point in POINTS]
        rows.append([name, *(number(f1(*found)) for found in counts.tolist())])
    print(markdown(["set", *(f"{point:.2f}" for point in POINTS)], rows))


if __name__ == "__main__":
    main()
