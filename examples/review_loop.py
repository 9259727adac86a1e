"""A review that teaches: pairs are compared, forty are reviewed, a head learns from that, all are compared again.

    python examples/review_loop.py SET --out FOLDER

SET is a folder with a `pairs.jsonl` whose pairs have masks and groups, such as LEVIR-CD in tiles. The masks stand for a
person: a script decides what somebody who sees them would decide, through the operators of the FiftyOne plugin. Half
of the groups is there to review and learn from, the other half to score on. FiftyOne needs a MongoDB, see
docs/fiftyone.md. What is done is kept in FOLDER: started again, the script goes on with what is missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from onediff_core.data.record import grey
from onediff_core.evaluation.references import References
from onediff_core.evaluation.regions import component_boxes, cover
from onediff_core.evaluation.said import says_nothing_changed
from onediff_fiftyone import evaluate_changes, schema, to_fiftyone
from onediff_fiftyone.installing import install

FIRST, OURS, SHIPPED = "satellite.change", "satellite.roof", "satellite.building"
# From which share in common a person takes a found place for the building, and a building for found.
SAME, FOUND = 0.5, 0.5


@click.command()
@click.argument("pairs", metavar="SET", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=200, help="Pairs to compare, half of them to learn from.")
@click.option("--review", "reviewed", default=40, help="Pairs to review.")
@click.option("--steps", default=300, help="Of training.")
def main(pairs: Path, out: Path, count: int, reviewed: int, steps: int) -> None:
    """Run the loop and print its figures."""
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(out.absolute() / "plugins")
    rows = {row["id"]: row for row in map(json.loads, (pairs / "pairs.jsonl").read_text().splitlines())}
    listed = choose(pairs, rows, out, count)
    first = imported(compared(listed, out / "first", FIRST), f"{out.name}-first")
    install()
    view = decide(first, Person(pairs, rows), reviewed)
    if not (out / "reviewed").exists():
        click.echo(operator("export_reviewed", first, view=view, format="Training records", path=str(out / "reviewed")))
    head = trained(out / "reviewed", out / "head", steps)
    second = imported(compared(listed, out / "second", str(head)), f"{out.name}-second")
    shipped = imported(compared(listed, out / "shipped", SHIPPED), f"{out.name}-shipped")
    click.echo(operator("compare_runs", first, other=second.name))
    ids = view.values(schema.PAIR_ID)
    runs = {FIRST: first, f"{OURS}, {len(ids)} pairs": second, f"{SHIPPED}, as shipped": shipped}
    report(out, runs, ids, References(pairs))


def choose(pairs: Path, rows: dict[str, Any], out: Path, count: int) -> Path:
    """Pairs of both halves, evenly over each; every second group in the order of names is to learn from."""
    groups = sorted({group_of(row) for row in rows.values()})
    halves = {True: [], False: []}
    for row in rows.values():
        halves[group_of(row) in groups[::2]].append(row)
    lines = []
    for learn, some in halves.items():
        for number in range(count // 2):
            row = some[number * len(some) * 2 // count]
            sides = {side: str((pairs / row[side]).absolute()) for side in ("before", "after")}
            told = {"group": group_of(row), "half": "to learn from" if learn else "held out"}
            lines.append(json.dumps({"id": row["id"], "domain": row["domain"], **sides, **told}) + "\n")
    out.mkdir(parents=True, exist_ok=True)
    (out / "pairs.jsonl").write_text("".join(lines))
    return out / "pairs.jsonl"


def group_of(row: dict[str, Any]) -> str:
    """Its place; a pair without one is a place of its own."""
    return str(row.get("group") or row["id"])


def compared(listed: Path, run: Path, head: str) -> Path:
    """A run over the pairs with one head."""
    asked = ["--detector", "onediff", "--head", head, "--captioner", "template", "--workers", "1"]
    onediff("batch", listed, "--out", run, *asked, *(["--resume"] if (run / "results.jsonl").exists() else []))
    return run


def trained(data: Path, head: Path, steps: int) -> Path:
    """A head, trained on what was decided."""
    if not (head / "config.json").exists():
        asked = ["--classes", "change", "--steps", steps, "--set", "workers=0"]
        onediff("train", "head", OURS, data, "--out", head, *asked)
    return head


def onediff(*words: Any) -> None:
    """The command line."""
    subprocess.run([sys.executable, "-m", "onediff_plugins", *map(str, words)], check=True)


def imported(run: Path, name: str) -> Any:
    """The run as a dataset."""
    done = to_fiftyone(run, name=name)
    click.echo(f"{name}: {done.added} pairs added, {done.unchanged} were there")
    return done.dataset


def operator(name: str, dataset: Any, **params: Any) -> Any:
    """What an operator of the plugin answers; `view` is what it is about."""
    import fiftyone.operators as foo

    context = {"dataset": dataset, "view": params.pop("view", dataset.view())}
    with redirect_stdout(StringIO()):
        done = foo.execute_operator(f"@onediff/review/{name}", context, params=params)
    done.raise_exceptions()
    return done.result


class Person:
    """Knows what is built where, and decides as somebody would who looks for new and vanished buildings."""

    def __init__(self, pairs: Path, rows: dict[str, Any]) -> None:
        """Remember where the masks are."""
        self.pairs, self.rows = pairs, rows
        self.did: Counter[str] = Counter()

    def decide(self, dataset: Any, sample: Any) -> None:
        """Decide about a pair and all of its regions, draw what was not found, and correct the words."""
        truth = grey(self.pairs / self.rows[sample[schema.PAIR_ID]]["mask"]) > 0
        right, seen = self._regions(sample, truth)
        found = [str(region.id) for region in sample[schema.CHANGES].detections]
        self._do("accept", dataset, sample, right)
        self._do("reject", dataset, sample, [one for one in found if one not in right])
        if right:
            self._do("relabel", dataset, sample, right, label="building")
        drawn = self._draw(dataset, sample, truth, seen)
        stands = bool(right or drawn)
        self._do("accept" if stands or not sample[schema.CHANGED] else "reject", dataset, sample, None)
        told = self.rows[sample[schema.PAIR_ID]].get("captions") or ()
        words = [text for text in told if not says_nothing_changed(text)]
        if stands and words:
            self._do("edit_caption", dataset, sample, None, caption=words[0])

    def _regions(self, sample: Any, truth: np.ndarray) -> tuple[list[str], np.ndarray]:
        """Ids of the regions that are a building, and where they are."""
        height, width = truth.shape
        _, buildings = cv2.connectedComponents(truth.astype(np.uint8), connectivity=8)
        outlines = {line[schema.REGION_ID]: line.points for line in sample[schema.POLYGONS].polylines}
        right, seen = [], np.zeros_like(truth)
        for region in sample[schema.CHANGES].detections:
            place = np.zeros(truth.shape, np.uint8)
            points = outlines[region[schema.REGION_ID]]
            rings = [np.rint(np.array(ring) * (width, height)).astype(np.int32) for ring in points]
            cv2.fillPoly(place, rings, 1)
            touched = np.isin(buildings, [one for one in np.unique(buildings[place > 0]) if one])
            if (touched & (place > 0)).sum() >= SAME * max(1, (touched | (place > 0)).sum()):
                right.append(str(region.id))
                seen |= place > 0
        return right, seen

    def _draw(self, dataset: Any, sample: Any, truth: np.ndarray, seen: np.ndarray) -> int:
        """Draw a rectangle, painted all over, around each building that is not among the accepted regions."""
        import fiftyone as fo

        height, width = truth.shape
        drawn = []
        for box in component_boxes(truth):
            inside = truth & cover([box], truth.shape)
            if (inside & seen).sum() < FOUND * inside.sum():
                x0, y0, x1, y1 = int(box.x0), int(box.y0), int(box.x1), int(box.y1)
                place = [x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height]
                painted = np.ones((y1 - y0, x1 - x0), bool)
                drawn.append(fo.Detection(label="building", bounding_box=place, mask=painted, kind="changed"))
        if drawn:
            fresh = dataset[sample.id]
            fresh[schema.CHANGES].detections.extend(drawn)
            fresh.save()
        self.did["drawn"] += len(drawn)
        return len(drawn)

    def _do(self, name: str, dataset: Any, sample: Any, regions: list[str] | None, **params: Any) -> None:
        if regions is None or regions:
            operator(name, dataset, sample_ids=[sample.id], region_ids=regions or [], **params)
            self.did[f"{name}, {'regions' if regions else 'pairs'}"] += len(regions or [1])


def decide(dataset: Any, person: Person, count: int) -> Any:
    """Review the strongest pairs of the half to learn from, in the order of the panel; a view of them."""
    after = dataset.select_group_slices(schema.AFTER)
    learn = after.match({f"{schema.META}.half": "to learn from"})
    queue = learn.sort_by(schema.CHANGE_SCORE, reverse=True).limit(count)
    for sample in queue.match({f"{schema.REVIEW}.label": schema.PENDING}):
        person.decide(dataset, sample)
    click.echo(f"decided: {dict(person.did)}")
    return after.select(queue.values("id"))


def report(out: Path, runs: dict[str, Any], reviewed: list[str], truth: References) -> None:
    """Scores of every run on what was not reviewed, printed as a table and kept."""
    parts = {"held out": {"$eq": "held out"}, "to learn from, not reviewed": {"$eq": "to learn from"}}
    rows = []
    for part, half in parts.items():
        for name, dataset in runs.items():
            view = dataset.select_group_slices(schema.AFTER).match(
                {f"{schema.META}.half": half, schema.PAIR_ID: {"$nin": reviewed}}
            )
            scores = evaluate_changes(view, truth, eval_key="held_out" if part == "held out" else "not_reviewed")
            rows.append({"part": part, "run": name, **scores.figures(), "lines": list(scores.lines())})
    (out / "scores.json").write_text(json.dumps(rows, indent=1))
    names = ["pairs", "pixel precision", "pixel recall", "pixel F1", "mean pair IoU", "region F1", "balanced accuracy"]
    click.echo(" | ".join(["part", "head", *names]))
    for row in rows:
        told = ["-" if row[name] is None else f"{row[name]:.3f}".removesuffix(".000") for name in names]
        click.echo(" | ".join([row["part"], row["run"], *told]))


if __name__ == "__main__":
    main()
