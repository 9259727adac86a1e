"""What parts of a recipe are worth: the same budget with and without each, two seeds, what is held out scored.

    python benchmarks/tuning_ablations.py cst recipes/onediff-small.yaml --data SETS --out RUNS
    python benchmarks/tuning_ablations.py memory recipes/onediff-small.yaml --out RUNS
    python benchmarks/tuning_ablations.py specialists recipes/onediff-small.yaml --out RUNS

`cst`: with and without Coupled Sample Training. `memory`: delta tokens that read states, as in the paper, and gated
differences. `specialists`: one model of three kinds of drawn scenes, and three of one kind each, all scored on pairs of
every kind that no training draws; the generalist has the steps of one of them. The last two learn from drawn pairs
alone. Runs go on where they were when this is called again. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from evaluation.tables import markdown

STAGES = ("cst", "tune")  # of the recipe
SCENES = ("satellite", "ui-drawn", "camera")


@dataclass(frozen=True)
class Variant:
    """A run.

    Attributes:
        name: of the row.
        options: of `onediff train tune`.
    """

    name: str
    options: tuple[str, ...]


def drawn(*scenes: str) -> tuple[str, ...]:
    """Options that make the second stage learn from some drawn scenes and be scored on all."""
    learned = {name: (1.0 if name in scenes else 1e-9) for name in SCENES}
    source = json.dumps([{"kind": "drawn", "scenes": learned}])
    return (
        "--set",
        f"stages.tune.sources={source}",
        "--set",
        'stages.cst.sources=[{"kind": "coupled", "pictures": {"drawn": 1}}]',
    )


ABLATIONS = {
    "cst": (Variant("both stages", ()), Variant("without CST", ("--skip", "cst"))),
    "memory": tuple(
        Variant(memory, ("--set", f"model.delta.memory={memory}", *drawn(*SCENES))) for memory in ("states", "gated")
    ),
    "specialists": (
        Variant("generalist", drawn(*SCENES)),
        *(Variant(f"{name} alone", drawn(name)) for name in SCENES),
    ),
}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=ABLATIONS)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, help="folder of the sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="of the recipe"
    )
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    rows, columns = [], list[str]()
    for variant in ABLATIONS[options.what]:
        for seed in range(options.seeds):
            scores = run(variant, seed, options)
            columns += [name for name in scores if name not in columns]
            rows.append((variant.name, seed, scores))
    table = [
        [name, str(seed), *(f"{scores[column]:.3f}" if column in scores else "-" for column in columns)]
        for name, seed, scores in rows
    ]
    print(markdown(["what was trained", "seed", *columns], table))
    return 0


def run(variant: Variant, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """The scores of the last stage."""
    out = options.out / options.what / f"{variant.name.replace(' ', '-')}-{seed}"
    command = [sys.executable, "-m", "onediff_core.training.tune", str(options.recipe), "--out", str(out)]
    command += ["--threads", str(options.threads), *(["--data", str(options.data)] if options.data else [])]
    command += [word for setting in options.settings for word in ("--set", setting)]
    command += [word for stage in STAGES for word in ("--set", f"stages.{stage}.seed={seed}")]
    subprocess.run([*command, *variant.options], check=True)
    last = max(out.glob("[0-9]*-tune/report.json"))
    return {name: value for name, value in json.loads(last.read_text()).items() if isinstance(value, float)}


if __name__ == "__main__":
    sys.exit(main())
