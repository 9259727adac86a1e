"""What the core model costs: time and memory of `onediff-tiny`, and of OneDiff beside a model of LLaVA's type.

    python benchmarks/core_model.py                                   # all that this machine can run
    python benchmarks/core_model.py tiny llava --write docs/results.md
    python benchmarks/core_model.py gpu                               # needs CUDA; the paper's sizes

Prints Markdown tables; `--write` puts them into a page, in place of those that it has. Weights are random: they change
no cost. On a CPU every measure runs on one thread in a process of its own.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

from cost.timing import Spread
from evaluation import page
from evaluation.tables import markdown

MS = 1000.0
TINY, LLAVA, GPU = PARTS = ("tiny", "llava", "gpu")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; by default all that can run here")
    parser.add_argument("--rounds", type=int, default=15, help="of each measure (default: 15)")
    parser.add_argument(
        "--machine", default=f"{os.cpu_count()} cores, {platform.machine()}", help="what to call this machine"
    )
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    if GPU in options.parts and not torch.cuda.is_available():
        parser.error("gpu needs a CUDA device, and torch sees none")
    options.parts = options.parts or [part for part in PARTS if part != GPU or torch.cuda.is_available()]
    return options


def main() -> None:
    options = parse()
    if options.write:
        page.check_places(options.write, [place(part) for part in options.parts])
    for part in options.parts:
        text = f"{head(part, options)}\n\n{MEASURES[part](options.rounds)}"
        print(f"\n## {place(part)}\n\n{text}", flush=True)
        if options.write:
            page.update(options.write, {place(part): text}, [])


def place(part: str) -> str:
    """Name of a part's table on the page."""
    return f"core_model {part}"


def head(part: str, options: argparse.Namespace) -> str:
    """How, when and where it was measured."""
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    command = f"python benchmarks/core_model.py {part} --rounds {options.rounds}"
    return f"`{command}`, {datetime.date.today()}; {options.machine}; {versions}"


def measure(module: str, *arguments: object) -> dict[str, Any]:
    """What a process of its own measured, on one thread."""
    done = subprocess.run(
        [sys.executable, "-m", f"cost.{module}", *map(str, arguments)],
        cwd=Path(__file__).parent,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def tiny(rounds: int) -> str:
    """`onediff-tiny` against its limits."""
    detect, caption = (measure("tiny", what, rounds)["seconds"] for what in ("detect", "caption"))
    return tiny_table(detect, caption, measure("tiny", "memory", 1)["peak_mb"])


def tiny_table(detect: list[list[float]], caption: list[list[float]], peak_mb: float) -> str:
    """Rows of (wall, processor) seconds as a table."""
    rows = []
    for what, limit, found in (
        ("a 256x256 pair to probabilities of 4 classes", "120 ms", detect),
        ("a 256x256 pair to a caption of 20 tokens", "250 ms", caption),
    ):
        wall, cpu = (Spread.of(times).text(MS, unit="ms") for times in zip(*found, strict=True))
        rows.append([what, cpu, wall, limit])
    rows.append(["peak memory of a process that did both", f"{peak_mb:.0f} MB", "-", "900 MB"])
    return markdown(["what", "processor", "on the clock", "limit"], rows)


def llava(rounds: int) -> str:
    """OneDiff beside LLaVA's type at an eighth of the widths."""
    return llava_table(*measure("beside_llava", rounds).values())


def llava_table(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Two contenders of `cost.beside_llava.compare`; ratios are of rounds that followed each other."""
    both = (ours, theirs)
    rows = [
        ["parameters", *(f"{one['parameters'] / 1e6:.0f} M" for one in both), "-", "-"],
        ["tokens for two images", *(str(one["tokens"]) for one in both), f"{ours['tokens'] / theirs['tokens']:.2f}", "-"],
    ]  # fmt: skip
    for what, key, limit in (
        ("pixels to the first token", "prefill", "at most 0.8"),
        ("each further token", "decode", "at most 1.11"),
    ):
        for kind, which in (("on the clock", 0), ("processor", 1)):
            times = [[entry[key][which] for entry in one["rounds"]] for one in both]
            ratios = Spread.of(mine / other for mine, other in zip(*times, strict=True))
            cells = [Spread.of(values).text(MS, unit="ms") for values in times]
            rows.append([f"{what}, {kind}", *cells, ratios.text(digits=2), limit])
        if key == "prefill":
            rows += [part_row(part, both) for part in ours["rounds"][0]["parts"]]
    return markdown(["what", "OneDiff", "LLaVA type", "ratio", "limit"], rows)


def part_row(part: str, both: tuple[dict[str, Any], dict[str, Any]]) -> list[str]:
    """Processor time of one part before the first token."""
    cells = []
    for one in both:
        times = [entry["parts"][part] for entry in one["rounds"] if part in entry["parts"]]
        cells.append(Spread.of(times).text(MS, unit="ms") if times else "-")
    return [f"of that: {part}", *cells, "-", "-"]


def gpu(rounds: int) -> str:
    """The paper's sizes on a CUDA device."""
    return gpu_table(measure("gpu", rounds))


def gpu_table(found: dict[str, Any]) -> str:
    """What `cost.gpu` found."""
    device = found.pop("device")
    rows = []
    for name, one in found.items():
        for pairs, captions in one["captions"].items():
            cells = ["does not fit", "-", "-"]
            if captions["fits"]:
                speed = Spread.of(int(pairs) / seconds for seconds in captions["seconds"])
                cells = [speed.text(digits=2, unit="pairs/s"), memory(captions), "-"]
            rows.append([name, f"captions, batch {pairs}", *cells])
        step = one["step"]
        cells = ["does not fit", "-", "-"]
        if step["fits"]:
            times = Spread.of(step["seconds"])
            cells = [times.text(MS, unit="ms"), memory(step), f"{step['flop'] / times.median / 1e12:.0f}"]
        rows.append([name, "a step of training", *cells])
    return f"{device}\n\n{markdown(['model', 'what', 'speed', 'peak memory', 'TFLOP/s'], rows)}"


def memory(found: dict[str, Any]) -> str:
    return "-" if found["peak_gb"] is None else f"{found['peak_gb']:.1f} GB"


MEASURES = {TINY: tiny, LLAVA: llava, GPU: gpu}


if __name__ == "__main__":
    main()
