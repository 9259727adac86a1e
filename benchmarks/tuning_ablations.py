"""What parts of a recipe are worth: the same budget with and without each, two seeds, what is held out scored.

    python benchmarks/tuning_ablations.py cst recipes/onediff-small.yaml --data SETS --out RUNS
    python benchmarks/tuning_ablations.py memory specialists recipes/onediff-small.yaml --out RUNS --device cuda

`cst`: with Coupled Sample Training, and without it, its steps or minutes added to those of tuning. `memory`: delta
tokens that read states, as in the paper, and gated differences. `specialists`: one model of three kinds of drawn
scenes, and three of one kind each, all scored on pairs of every kind that no training draws; the generalist has the
steps of one of them. The last two learn from drawn pairs alone. Runs go on where they were when this is called again,
and each writes what it says to train.log in its folder; `--jobs 6` has six at a time. Prints a table for each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from onediff_core.evaluation.tables import markdown
from onediff_core.training.tune.reading import read_recipe
from onediff_plugins.settings import parse_assignments

STAGES = ("cst", "tune")  # of the recipe
SCENES = ("satellite", "ui-drawn", "camera")
SCORES = ("yes_no", "sides", "told_cider_d", "swap")


@dataclass(frozen=True)
class Variant:
    """A run, once for each seed.

    Attributes:
        name: of the row.
        folder: of the run; variants that are the same run share it.
        options: of `onediff train tune`.
    """

    name: str
    folder: str
    options: tuple[str, ...] = ()


def drawn(*scenes: str) -> tuple[str, ...]:
    """Options that make the second stage learn from some drawn scenes and be scored on all."""
    learned = {name: float(name in scenes) for name in SCENES}
    source = json.dumps([{"kind": "drawn", "scenes": learned}])
    return (
        "--set",
        f"stages.tune.sources={source}",
        "--set",
        'stages.cst.sources=[{"kind": "coupled", "pictures": {"drawn": 1}}]',
    )


def without_cst(recipe: Path, settings: list[str]) -> tuple[str, ...]:
    """Options that leave the first stage out and give its length to the second."""
    stages = {stage.name: stage for stage in read_recipe(recipe, parse_assignments(settings)).stages}
    cst, tune = (stages[name] for name in STAGES)
    for unit in ("steps", "minutes"):
        lengths = [getattr(stage, unit) for stage in (cst, tune)]
        if None not in lengths:
            return "--skip", "cst", "--set", f"stages.tune.{unit}={sum(lengths)}"
    raise SystemExit(f"{recipe}: the stages cst and tune must both have steps, or both minutes, to be one budget")


def variants(what: str, recipe: Path, settings: list[str]) -> tuple[Variant, ...]:
    generalist = drawn(*SCENES)
    return {
        "cst": lambda: (
            Variant("both stages", "both"),
            Variant("without CST", "without-cst", without_cst(recipe, settings)),
        ),
        "memory": lambda: (
            Variant("states", "generalist", generalist),
            Variant("gated", "gated", ("--set", "model.delta.memory=gated", *generalist)),
        ),
        "specialists": lambda: (
            Variant("generalist", "generalist", generalist),
            *(Variant(f"{name} alone", name, drawn(name)) for name in SCENES),
        ),
    }[what]()


COLUMNS = {
    "cst": tuple(f"{name}/{score}" for name in ("fold", "reported") for score in ("yes_no", "cider_d"))
    + tuple(f"drawn/{score}" for score in SCORES),
    "memory": tuple(f"drawn/{score}" for score in SCORES),
    "specialists": tuple(f"drawn-{name}/{score}" for name in SCENES for score in ("yes_no", "told_cider_d")),
}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=COLUMNS)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, help="folder of the sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="of the recipe"
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda and the like")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    chosen = {what: variants(what, options.recipe, options.settings) for what in options.what}
    runs = {(one.folder, seed): one for every in chosen.values() for one in every for seed in range(options.seeds)}
    with ThreadPoolExecutor(options.jobs) as pool:
        done = dict(zip(runs, pool.map(lambda run: train(runs[run], run[1], options), runs), strict=True))
    for what, every in chosen.items():
        columns = [name for name in COLUMNS[what] if any(name in scores for scores in done.values())]
        rows = [
            [one.name, str(seed), *(f"{scores[name]:.3f}" if name in scores else "-" for name in columns)]
            for one in every
            for seed in range(options.seeds)
            for scores in [done[one.folder, seed]]
        ]
        print(markdown([what, "seed", *columns], rows), end="\n\n")
    return 0 if all(done.values()) else 1


def train(variant: Variant, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """The scores of the last stage; none where the run failed, which is said."""
    out = options.out / f"{variant.folder}-{seed}"
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "onediff_core.training.tune", str(options.recipe), "--out", str(out)]
    command += ["--device", options.device, "--threads", str(options.threads)]
    command += ["--data", str(options.data)] if options.data else []
    command += [word for setting in options.settings for word in ("--set", setting)]
    command += [word for stage in STAGES for word in ("--set", f"stages.{stage}.seed={seed}")]
    log = out / "train.log"
    with log.open("a") as file:
        ended = subprocess.run([*command, *variant.options], stdout=file, stderr=subprocess.STDOUT, check=False)
    if ended.returncode:
        print(f"{variant.name}, seed {seed}: failed, see {log}", file=sys.stderr)
        return {}
    (last,) = out.glob("[0-9]*-tune/report.json")
    return {name: value for name, value in json.loads(last.read_text()).items() if isinstance(value, float)}


if __name__ == "__main__":
    sys.exit(main())
