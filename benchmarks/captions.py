"""Scores captions by the whole path of the product, from two files to the sentence in the record.

    python benchmarks/captions.py levir_val --set weights=FOLDER                       # held-out half
    python benchmarks/captions.py levir_val --set weights=FOLDER --part "tuning half"  # to choose on
    python benchmarks/captions.py layout_shift intel_clips vcod ui-drawn camera --set weights=FOLDER

Sets are real ones with captions, under ONEDIFF_DATA or ../shared/data, and drawn scenes, whose seeds no training draws.
Each captioner answers with the same detector, so the verdicts are the same; beside them stand "nothing changed" of
every pair, and of levir_val the sentence that people say most often of changed pairs in its tuning half. Prints a
Markdown table; docs/results.md says how each column is defined. Needs pycocoevalcap and Java.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from evaluation import page
from evaluation.sets import DATA, HELD_OUT, TUNING, find_sets, read_rows
from onediff_core.data.synthetic import scene
from onediff_core.data.synthetic.captions import side
from onediff_core.evaluation.captions import java
from onediff_core.evaluation.captions.scoring import Tools
from onediff_core.evaluation.captions.scoring import scored as scored_captions
from onediff_core.evaluation.resampling import Measured, resampled
from onediff_core.evaluation.said import UNCHANGED, directions
from onediff_core.evaluation.tables import markdown
from onediff_core.parsing import kinds_said, sides_said
from onediff_plugins import Host, PairFailure, PairRequest
from onediff_plugins.settings import parse_assignments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_core.data import Sample
    from onediff_plugins import ChangeResult

DRAWN = {"satellite": "satellite", "ui-drawn": "ui", "camera": "surveillance"}
DRAWN_PAIRS, DRAWN_SIDE, FIRST_SEED = 40, 256, 2**31 + 10_000  # training is below 2**31, its scores just above
BUILDING = "building"
NOTHING, FIXED = "always unchanged", "always the same sentence"


@dataclass(frozen=True)
class Told:
    """A pair and what is said of it.

    Attributes:
        id: unique in its set.
        group: pairs of one place, which a bootstrap keeps together.
        before: file, or image.
        after: likewise.
        references: what people or the generator said.
        changed: whether they say that anything changed.
        built: buildings came, and nothing went, as a mask shows.
        kind: of the only change, or "".
        thing: its label, or "".
        side: where it lies, or "".
    """

    id: str
    group: str
    before: Any
    after: Any
    references: tuple[str, ...]
    changed: bool
    built: bool = False
    kind: str = ""
    thing: str = ""
    side: str = ""

    def request(self, domain: str, *, backwards: bool = False) -> PairRequest:
        before, after = (self.after, self.before) if backwards else (self.before, self.after)
        return PairRequest(before=before, after=after, domain=domain, id=self.id)


@dataclass
class Run:
    """A table: a set, and what each method said of its pairs."""

    name: str
    domain: str
    pairs: list[Told]
    answers: dict[str, list[ChangeResult]] = field(default_factory=dict)
    backwards: dict[str, list[ChangeResult]] = field(default_factory=dict)
    fixed: str = ""


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help=f"levir_val, layout_shift, intel_clips, vcod, {', '.join(DRAWN)}")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--part", default=HELD_OUT, choices=(TUNING, HELD_OUT), help="of levir_val")
    parser.add_argument("--captioner", action="append", help="template and onediff by default")
    parser.add_argument("--detector", help="a detector of the domain instead of its first")
    parser.add_argument("--head", action="append", default=[], help="a head for the detector")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="a setting")
    parser.add_argument("--limit", type=int, help="only the first N pairs")
    parser.add_argument("--json", type=Path, help="file for all figures and every caption")
    parser.add_argument("--write", type=Path, help="page whose tables of these sets are replaced")
    options = parser.parse_args()
    options.captioner = options.captioner or ["template", "onediff"]
    if options.write and (options.limit or options.part != HELD_OUT):
        parser.error("--write takes whole runs of the held-out half: leave out --limit and --part")
    return options


def main() -> int:
    options = parse_options()
    if why := java.missing():
        sys.exit(f"captions are scored with pycocoevalcap and Java, and {why}")
    cv2.setNumThreads(1)
    runs = [read(name, options) for name in options.sets]
    if options.write:
        page.check_places(options.write, [f"captions {run.name}" for run in runs])
    host = Host(settings=parse_assignments(options.settings))
    record = {}
    for run in runs:
        answer(run, host, options)
        figures = scored(run, options)
        record[run.name] = {"figures": figures, "pairs": told(run)}
        text = f"`{command(run.name, options)}`, {datetime.date.today()}\n\n{table(run, figures)}"
        print(f"\n## {run.name}\n\n{text}", flush=True)
        if options.write:
            page.update(options.write, {f"captions {run.name}": text}, [])
    if options.json:
        options.json.write_text(json.dumps(record, indent=1, default=vars), encoding="utf-8")
    return 0


# --- pairs ------------------------------------------------------------------------------------------------------------


def read(name: str, options: argparse.Namespace) -> Run:
    """The captioned pairs of a set, or a drawn scene."""
    if name in DRAWN:
        samples = [scene(name)(FIRST_SEED + number, 0, DRAWN_SIDE) for number in range(DRAWN_PAIRS)]
        pairs = [drawn(sample) for sample in samples if sample.changed is not None]
        return Run(name, DRAWN[name], pairs[: options.limit])
    (group,) = find_sets([name], options.data).values()
    rows = [pair for pair in read_rows(name, options.data) if said_of(pair.row)]
    if name != "levir_val":
        return Run(name, group.domain, [real(pair) for pair in rows][: options.limit])
    tuning = [text for pair in rows if pair.part == TUNING and was_changed(pair.row) for text in said_of(pair.row)]
    commonest = max(sorted(set(tuning)), key=Counter(tuning).__getitem__)
    pairs = [real(pair) for pair in rows if pair.part == options.part]
    return Run(name, group.domain, pairs[: options.limit], fixed=commonest)


def said_of(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row.get("captions") or filter(None, [row.get("caption")]))


def was_changed(row: dict[str, Any]) -> bool:
    if "changed" in row:
        return bool(row["changed"])
    if "expected" in row:
        return str(row["expected"]).startswith("differ")
    return UNCHANGED not in said_of(row)


def real(pair: Any) -> Told:
    changed = was_changed(pair.row)
    built = bool(pair.set == "levir_val" and changed and pair.truth.changed)  # all change in its masks is that
    group = str(pair.row.get("group") or pair.id)
    return Told(pair.id, group, str(pair.before), str(pair.after), said_of(pair.row), changed, built)


def drawn(sample: Sample) -> Told:
    only = sample.regions[0] if sample.changed and len(sample.regions or ()) == 1 else None
    return Told(
        sample.id,
        sample.id,
        sample.before,
        sample.after,
        sample.captions,
        bool(sample.changed),
        kind=only.kind if only else "",
        thing=only.label.replace("_", " ") if only else "",
        side=side(only.box, sample.after.shape[:2]) if only else "",
    )


# --- answers ----------------------------------------------------------------------------------------------------------


def answer(run: Run, host: Host, options: argparse.Namespace) -> None:
    """Ask every captioner of every pair, and of those in which buildings came also backwards."""
    for captioner in options.captioner:

        def ask(requests: list[PairRequest], captioner: str = captioner) -> list[ChangeResult]:
            made = host.compare_many(requests, detector=options.detector, captioner=captioner, heads=options.head)
            return [kept(outcome) for outcome in made]

        run.answers[captioner] = ask([pair.request(run.domain) for pair in run.pairs])
        run.backwards[captioner] = ask([pair.request(run.domain, backwards=True) for pair in run.pairs if pair.built])
        print(f"{run.name}: {captioner} answered {len(run.pairs)} pairs", file=sys.stderr)


def kept(outcome: ChangeResult | PairFailure) -> ChangeResult:
    """An answer without its pictures, of which hundreds would not fit.

    Raises:
        SystemExit: there is none, and scores of the others would be of another set.
    """
    if isinstance(outcome, PairFailure):
        raise SystemExit(f"pair {outcome.id} failed: {outcome.error.message}")
    return outcome.replace(pair=None, change=None, mask=None)


# --- scores -----------------------------------------------------------------------------------------------------------


def scored(run: Run, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Figures by method. Words are scored on the pairs alone that people call changed."""
    changed = [number for number, pair in enumerate(run.pairs) if pair.changed]
    texts = {name: [of.caption for of in answers] for name, answers in run.answers.items()}
    verdicts = {name: [of.changed for of in answers] for name, answers in run.answers.items()}
    everywhere = [False] * len(run.pairs)
    texts[NOTHING], verdicts[NOTHING] = [UNCHANGED] * len(run.pairs), everywhere
    if run.fixed:
        texts[FIXED], verdicts[FIXED] = [run.fixed] * len(run.pairs), [not flag for flag in everywhere]
    by_method = scored_captions(
        Tools(java=True),
        [run.pairs[number].references for number in changed],
        {name: [said[number] for number in changed] for name, said in texts.items()},
    )
    samples = resampled([run.pairs[number].group for number in changed])
    ciders, meteors = {}, {}
    for name in texts:
        ciders[name] = [by_method[name].cider_d(some) for some in samples]
        meteors[name] = [by_method[name].meteor(some) / 100 for some in samples]
    figures: dict[str, dict[str, Any]] = {}
    for name, said in texts.items():
        right = np.array([flag == pair.changed for flag, pair in zip(verdicts[name], run.pairs, strict=True)])
        figures[name] = {
            "agreement": Measured.of([right[some].mean() for some in resampled([pair.group for pair in run.pairs])]),
            "cider_d": Measured.of(ciders[name]),
            "meteor": Measured.of(meteors[name]),
            **facts_right(run, said),
        }
        if name in run.backwards:
            figures[name]["swap"] = swaps(run, name)
        if "template" in texts and name not in ("template", NOTHING):
            figures[name] |= {
                "cider_ratio": Measured.of(list(map(ratio, ciders[name], ciders["template"]))),
                "meteor_more": Measured.of(np.subtract(meteors[name], meteors["template"]).tolist()),
            }
    return figures


def ratio(own: float, other: float) -> float:
    """Infinite where the second is nothing."""
    return own / other if other else math.inf


def facts_right(run: Run, said: Sequence[str]) -> dict[str, Any]:
    """Of pairs with one change that is known: how often its kind, its side and the thing itself are said."""
    single = [(pair, text) for pair, text in zip(run.pairs, said, strict=True) if pair.kind]
    if not single:
        return {}
    return {
        "kind": share([kinds_said(text) == {pair.kind} for pair, text in single]),
        "thing": share([pair.thing in text.lower() for pair, text in single]),
        "side": share([sides_said(text) == frozenset(pair.side.split()) for pair, text in single]),
    }


def swaps(run: Run, name: str) -> dict[str, int]:
    """Pairs in which buildings came: how often they are said to come, and backwards to go."""
    built = [number for number, pair in enumerate(run.pairs) if pair.built]
    both = [
        (directions(run.answers[name][number].caption, BUILDING), directions(other.caption, BUILDING))
        for number, other in zip(built, run.backwards[name], strict=True)
    ]
    return {
        "pairs": len(both),
        "right": sum(there == {"added"} and back == {"removed"} for there, back in both),
        "same": sum(bool(there) and there == back for there, back in both),
        "there": sum(there == {"added"} for there, _ in both),
        "back": sum(back == {"removed"} for _, back in both),
    }


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def told(run: Run) -> list[dict[str, Any]]:
    """Every pair with every caption."""
    backwards = {name: iter(answers) for name, answers in run.backwards.items()}
    return [
        {
            "id": pair.id,
            "group": pair.group,
            "changed": pair.changed,
            "references": pair.references,
            "verdict": {name: answers[number].changed for name, answers in run.answers.items()},
            "captions": {name: answers[number].caption for name, answers in run.answers.items()},
            "backwards": {name: next(of).caption for name, of in backwards.items()} if pair.built else {},
        }
        for number, pair in enumerate(run.pairs)
    ]


# --- tables -----------------------------------------------------------------------------------------------------------


def table(run: Run, figures: dict[str, dict[str, Any]]) -> str:
    changed = sum(pair.changed for pair in run.pairs)
    head = ["captions", f"verdict agrees, {len(run.pairs)} pairs", f"CIDEr-D, {changed} changed", "METEOR, same"]
    head += ["times the template", "METEOR more"]
    facts = [name for name in ("kind", "thing", "side") if any(name in of for of in figures.values())]
    head += [f"{name} right, {sum(bool(pair.kind) for pair in run.pairs)} single" for name in facts]
    swapped = any(of.get("swap", {}).get("pairs") for of in figures.values())
    head += ["buildings come, and backwards go"] if swapped else []
    rows = []
    for name, of in figures.items():
        row = [name, of["agreement"].cell(3), of["cider_d"].cell(1), of["meteor"].cell(3)]
        row += [of["cider_ratio"].cell(2), of["meteor_more"].cell(3)] if "cider_ratio" in of else ["-", "-"]
        row += [f"{of[fact]:.2f}" for fact in facts]
        row += [f"{of['swap']['right']} of {of['swap']['pairs']}" if "swap" in of else "-"] if swapped else []
        rows.append(row)
    return markdown(head, rows)


def command(name: str, options: argparse.Namespace) -> str:
    words = ["python benchmarks/captions.py", name]
    words += [f'--part "{options.part}"'] if options.part != HELD_OUT else []
    words += [f"--detector {options.detector}"] if options.detector else []
    words += [f"--head {head}" for head in options.head]
    words += [f"--set {text.split('=')[0]}={'FOLDER' if text.startswith('weights=') else text.split('=', 1)[1]}"
              for text in options.settings]  # fmt: skip
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
