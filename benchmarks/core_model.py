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

from cost import tables
from evaluation import page

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
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}: it has to be at least 1")
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
    return tables.tiny(detect, caption, measure("tiny", "memory", 1)["peak_mb"])


def llava(rounds: int) -> str:
    """OneDiff beside LLaVA's type at an eighth of the widths."""
    return tables.llava(*measure("beside_llava", rounds).values())


def gpu(rounds: int) -> str:
    """The paper's sizes on a CUDA device."""
    found = measure("gpu", rounds)
    return f"{found.pop('device')}\n\n{tables.gpu(found)}"


MEASURES = {TINY: tiny, LLAVA: llava, GPU: gpu}


if __name__ == "__main__":
    main()
