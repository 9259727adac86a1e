"""Scores our detectors, and others beside them, against the truth of real sets.

    python benchmarks/quality.py                                  # every set under ONEDIFF_DATA or ../shared/data
    python benchmarks/quality.py cdnet_highway vcod --write docs/results.md
    python benchmarks/quality.py 'fx_*' --each                    # a line per pair

Prints Markdown tables; docs/results.md says how each column is defined. `--write` puts them into a page, in place of
those of the same sets. Every method answers on the same pairs in the same call, one thread, files to answer.
The screenshot tools come from npm: npm install --prefix benchmarks/.peers odiff-bin@4.5.0 pixelmatch@7.2.0 pngjs@7.0.0
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jsonschema import Draft202012Validator

import onediff_plugins
from evaluation import page, tables
from evaluation.ours import Ours, jittered, ways
from evaluation.peers import BackgroundModels, ClassicalIrMad, Differencing, best_threshold
from evaluation.scores import Answer, Tally
from evaluation.sequences import history, read_set
from evaluation.sets import DATA, GROUPS, TUNING, Group, Pair, find_sets, halves
from evaluation.ui_peers import Odiff, Pixelmatch
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Iterator

JITTER = ", camera moved"


@dataclass
class Run:
    """What one table is made of."""

    group: Group
    sets: list[str]
    name: str
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    pairs: list[dict] = field(default_factory=list)

    def add(self, label: str, pair: Pair, method: str, answer: Answer) -> None:
        """Count an answer, and keep what is said of the pair for the JSON."""
        alone = Tally()
        alone.add(pair.truth, answer)
        methods = self.tallies.setdefault(label, {})
        methods[method] = methods[method].joined(alone) if method in methods else alone
        figures = {key: value for key, value in alone.figures().items() if value is not None}
        self.pairs.append(
            {"set": pair.set, "id": pair.id, "part": label, "method": method, "changed": answer.changed,
             "expected": pair.truth.changed, "error": answer.failed or None, "figures": figures}
        )  # fmt: skip


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="names or patterns; every set that is not for training by default")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--domain", help="compare with this domain instead of the set's own")
    parser.add_argument("--detector", help="a detector of that domain instead of its first")
    parser.add_argument("--captioner", help="a captioner instead of the domain's; no table counts words")
    parser.add_argument(
        "--set", action="append", default=[], type=assignment, metavar="KEY=VALUE", dest="settings", help="a setting"
    )
    parser.add_argument("--jitter", action="store_true", help="also cdnet_highway with a camera that moved")
    parser.add_argument("--limit", type=int, help="only the first N pairs of a set")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--each", action="store_true", help="a line per pair and method on stderr")
    parser.add_argument("--out", type=Path, help="folder for every pair's record and pictures (not timed)")
    parser.add_argument("--json", type=Path, help="file for all figures, pair by pair")
    parser.add_argument("--write", type=Path, help="page whose tables of these sets are replaced")
    options = parser.parse_args()
    if options.write and (options.limit or options.without_peers):
        parser.error("--write takes whole runs: leave out --limit and --without-peers")
    return options


def assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def main() -> int:
    options = parse()
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # it warns of every GeoTIFF tag
    runs = plan(options)
    if options.write:
        page.check_places(options.write, [run.name for run in runs])
    for run in runs:
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            measure(run, options, scratch, stack)
        text = block(run, options)
        print(f"\n## {run.name}\n\n{text}", flush=True)
        if options.write:
            row = tables.glance(run.group, run.tallies) if run.name == run.group.name else None
            page.update(options.write, {run.name: text}, [row] if row else [])
    if options.json:
        options.json.write_text(json.dumps(as_json(runs, options), indent=1), encoding="utf-8")
    return 1 if any(pair["error"] for run in runs for pair in run.pairs) else 0


def plan(options: argparse.Namespace) -> list[Run]:
    """The tables to make, in the order of the page."""
    wanted = find_sets(options.sets, options.data)
    runs = []
    for group in GROUPS:
        sets = [name for name, owner in wanted.items() if owner is group]
        if not sets:
            continue
        missing = [name for name, owner in find_sets([group.name], options.data).items() if name not in sets]
        if options.write and missing:
            sys.exit(f"the table {group.name} needs all its sets; name it instead of {', '.join(sets)}")
        runs.append(Run(group, sets, group.name))
        if options.jitter and group.fixed_camera:
            runs.append(Run(group, sets, group.name + JITTER))
    return runs


def measure(run: Run, options: argparse.Namespace, scratch: Path, stack: ExitStack) -> None:
    """Every method on every pair of a table."""
    validator = Draft202012Validator(
        json.loads(resources.files(onediff_plugins).joinpath("schemas/change-result-1.json").read_text("utf-8"))
    )
    domain, settings = options.domain or run.group.domain, dict(options.settings)
    ours = [
        Ours(way, domain, settings, validator, None if number else options.out, scratch)
        for number, way in enumerate(ways(run.group, options.detector, options.captioner, settings))
    ]
    shared = [] if options.without_peers else pair_peers(run.group, options.data, scratch)
    for peer in shared:
        if hasattr(peer, "close"):
            stack.callback(peer.close)
    for name in run.sets:
        pairs = read_set(name, scratch, options.data)[: options.limit]
        methods = [*ours, *shared]
        frames = history(name, options.data)
        moved = run.name.endswith(JITTER)
        if frames and not moved and not options.without_peers:
            methods.append(BackgroundModels(frames))
        for number, pair in enumerate(pairs, start=1):
            if sys.stderr.isatty() or number == len(pairs):
                print(f"\r{run.name}: {name} {number}/{len(pairs)}", end="", file=sys.stderr, flush=True)
            versions = [pair, jittered(pair, scratch)] if moved else [pair]
            for version in versions:
                answer_all(run, methods, version, several=len(run.sets) > 1, each=options.each)
        print(file=sys.stderr)


def pair_peers(group: Group, data: Path, scratch: Path) -> list:
    """The peers of a table that need no history."""
    if group.domain == "ui":
        return [Odiff(scratch), Pixelmatch(scratch)]
    if not group.tuned_on:
        return []
    pairs = read_set(group.tuned_on, scratch, data)
    tuning = [pair for pair, half in zip(pairs, halves(pair.row for pair in pairs), strict=True) if half == TUNING]
    peers: list = [Differencing(best_threshold(tuning), f"half of {group.tuned_on}")]
    return [*peers, ClassicalIrMad()] if group.domain == "satellite" else peers


def answer_all(run: Run, methods: list, pair: Pair, *, several: bool, each: bool) -> None:
    label = pair.set if several else pair.part or "all"
    for method in methods:
        for name, answer in method.answers(pair).items():
            run.add(label, pair, name, answer)
            if each or answer.failed:
                said = answer.failed or f"changed={answer.changed} expected={pair.truth.changed}"
                print(f"\r{pair.set}/{pair.id} {name}: {said} {answer.seconds * 1000:.0f} ms", file=sys.stderr)


def block(run: Run, options: argparse.Namespace) -> str:
    """A table with the command that makes it."""
    words = [run.group.name]
    for option in ("domain", "detector", "captioner", "limit"):
        words += [f"--{option} {value}"] if (value := getattr(options, option)) else []
    words += [f"--set {key}={value}" for key, value in options.settings]
    words += ["--jitter"] if run.name.endswith(JITTER) else []
    lines = [
        f"`python benchmarks/quality.py {' '.join(words)}`, {datetime.date.today()}; {', '.join(versions(run.group))}",
        "",
        tables.table(run.group, run.tallies),
    ]
    failures = [pair for pair in run.pairs if pair["error"]]
    if failures:
        said = "; ".join(f"{pair['method']} on {pair['set']}/{pair['id']}: {pair['error']}" for pair in failures)
        lines += ["", f"Failed: {said.replace(f'{options.data}/', '')}"]  # no paths of this machine on the page
    if run.name.endswith(JITTER):
        lines += ["", f"Pooled F1 lost when the camera moves: {', '.join(losses(run))}."]
    return "\n".join(lines)


def losses(run: Run) -> Iterator[str]:
    """What each method loses by the jitter."""
    still, moved = run.tallies.values()
    for method, tally in still.items():
        lost = (tally.figures()["f1"] or 0.0) - (moved[method].figures()["f1"] or 0.0)
        yield f"{method} {lost:.3f}"


def versions(group: Group) -> list[str]:
    own = {"onediff-plugins": onediff_plugins.__version__, "numpy": np.__version__, "OpenCV": cv2.__version__}
    if group.domain == "ui":
        own |= {"odiff-bin": "4.5.0", "pixelmatch": "7.2.0"}
    return [f"{name} {version}" for name, version in own.items()]


def as_json(runs: list[Run], options: argparse.Namespace) -> dict:
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "tables": [
            {
                "name": run.name,
                "sets": run.sets,
                "versions": versions(run.group),
                "methods": {
                    label: {method: tally.figures() for method, tally in methods.items()}
                    for label, methods in run.tallies.items()
                },
                "pairs": run.pairs,
            }
            for run in runs
        ],
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OneDiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
