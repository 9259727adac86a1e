"""Runs `onediff batch` over real sets and checks every record against the schema.

    python benchmarks/all_sets.py [SET ...] [--data DIR] [--out DIR] [--workers N]

Prints a Markdown table: pairs, verdicts, failures, invalid records, seconds. Exits with 1 when a pair failed or a
record is not valid.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

from jsonschema import Draft202012Validator

DATA = Path(os.environ.get("ONEDIFF_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
FAMILIES = ("levir_val", "levir_tiles", "levir_geotiff", "dsifn_val", "fotbcd", "naip", "landsat", "layout_shift",
            "recolour", "mined_*", "noise_*", "xr_*", "fx_*")  # fmt: skip


def run(pairs: Path, out: Path, workers: int) -> tuple[dict[str, int], float]:
    """One batch; what its records say, and how long it took."""
    schema = json.loads(
        resources.files("onediff_plugins").joinpath("schemas/change-result-1.json").read_text(encoding="utf-8")
    )
    validator = Draft202012Validator(schema)
    command = [
        sys.executable,
        "-m",
        "onediff_plugins",
        "batch",
        str(pairs),
        "--out",
        str(out),
        "--workers",
        str(workers),
    ]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    results = out / "results.jsonl"
    if not results.is_file():
        sys.exit(f"{' '.join(command)} wrote no results:\n{done.stderr}")
    counts = dict.fromkeys(("pairs", "changed", "same", "undecided", "failed", "invalid"), 0)
    with results.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            verdict = {True: "changed", False: "same", None: "undecided"}[record.get("changed")]
            counts["failed" if "error" in record else verdict] += 1
            counts["pairs"] += 1
            counts["invalid"] += not validator.is_valid(record)
            if "error" in record:
                print(f"{record['id']}: {record['error']}", file=sys.stderr)
    return counts, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=FAMILIES, help="names or patterns; all reported ones by default")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    found = [path for pattern in options.sets for path in sorted(options.data.glob(f"{pattern}/pairs.jsonl"))]
    print("| set | pairs | changed | not changed | undecided | failed | invalid records | s |")
    print("|---|---|---|---|---|---|---|---|")
    bad = 0
    for pairs in found:
        counts, seconds = run(pairs, options.out / pairs.parent.name, options.workers)
        bad += counts["failed"] + counts["invalid"]
        print(
            f"| {pairs.parent.name} | {' | '.join(str(count) for count in counts.values())} | {seconds:.1f} |",
            flush=True,
        )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
