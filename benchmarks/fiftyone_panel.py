"""How fast the panel "Change review" and its operators answer in a large review dataset.

    python benchmarks/fiftyone_panel.py [--pairs 20000] [--regions 3] [--rounds 30]

Times of the server alone: an operator is executed in this process, on a MongoDB that is started for it, with pairs
about which nothing was decided. The pictures are never opened. `next window` walks on from where the last one ended;
`far window` starts in the middle of the queue.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
import warnings
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from private_mongod import private_fiftyone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LABELS = ("building", "road", "car", "person", "text", "button")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    if options.pairs < 12 * (options.rounds + 3):
        parser.error(f"{options.rounds} windows of 12 pairs need at least {12 * (options.rounds + 3)} pairs")
    with private_fiftyone():
        measure(options.pairs, options.regions, options.rounds)


def measure(pairs: int, regions: int, rounds: int) -> None:
    warnings.simplefilter("ignore")  # about FiftyOne's own dependencies
    import fiftyone as fo

    from onediff_fiftyone.declaring import index
    from onediff_fiftyone.installing import install
    from onediff_fiftyone.opening import open_dataset

    install()
    dataset = open_dataset(fo, "panel")
    dataset.add_samples(samples(fo, pairs, regions))
    index(dataset)
    ids = dataset.select_group_slices("after").values("id")
    draw = random.Random(0)
    draw.shuffle(ids)
    undecided = iter(ids)  # each once: to accept a pair again is no decision, and nothing to undo

    places = iter(walk(dataset))
    next(places)
    rows: list[tuple[str, list[float]]] = [
        ("panel: open (first window, counts, labels)", timed(lambda: panel(dataset, "start"), rounds)),
        ("panel: next window of 12 pairs", timed(lambda: next(places), rounds)),
        ("panel: window from the middle", timed(lambda: middle(dataset, draw), rounds)),
        ("panel: pending pairs alone, first window", timed(lambda: panel(dataset, "window", **TOP), rounds)),
        ("panel: accept a pair", timed(lambda: accept(dataset, next(undecided)), rounds)),
        ("panel: undo", timed(lambda: panel(dataset, "undo"), rounds)),
        ("operator: accept a pair", timed(lambda: operator(dataset, "accept", sample_ids=[next(undecided)]), rounds)),
        ("operator: summary of all pairs", timed(lambda: operator(dataset, "summarise"), max(3, rounds // 10))),
    ]
    print(f"{pairs} pairs, {regions} regions each, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| what | median ms | 95 % ms |\n|---|---:|---:|")
    for what, times in rows:
        times.sort()
        print(f"| {what} | {statistics.median(times):.0f} | {times[int(len(times) * 0.95)]:.0f} |")


TOP: dict[str, Any] = {"after": {"score": 2.0, "sample": "0" * 24}, "state": "pending", "limit": 12}


def samples(fo: Any, pairs: int, regions: int) -> Iterator[Any]:
    """Pairs as an import makes them, with scores that are all different."""
    draw = random.Random(1)
    for number in range(pairs):
        group = fo.Group()
        yield fo.Sample(filepath=f"/pairs/{number}/before.png", pair=group.element("before"), source="before.png")
        after = fo.Sample(filepath=f"/pairs/{number}/after.png", pair=group.element("after"), source="after.png")
        after["pair_id"], after["domain"] = f"{number:06d}", "satellite"
        after["change_score"], after["changed"] = draw.random(), True
        after["caption"] = after["model_caption"] = "A building was built and a road is gone."
        after["review"], after["review_outdated"] = fo.Classification(label="pending"), False
        after["changes"] = fo.Detections(detections=[region(fo, draw, number) for number in range(1, regions + 1)])
        yield after


def region(fo: Any, draw: random.Random, number: int) -> Any:
    box = [draw.random() * 0.8, draw.random() * 0.8, 0.1, 0.1]
    own = {"region_id": number, "kind": "added", "caption": "", "review": "pending"}
    label = draw.choice(LABELS)
    return fo.Detection(label=label, model_label=label, bounding_box=box, confidence=draw.random(), **own)


def walk(dataset: Any) -> Iterator[Any]:
    """Window after window."""
    found = panel(dataset, "start")["pairs"]
    while found:
        yield found
        after = {"score": found[-1]["score"], "sample": found[-1]["sample"]}
        found = panel(dataset, "window", after=after, limit=12)["pairs"]


def middle(dataset: Any, draw: random.Random) -> Any:
    return panel(dataset, "window", after={"score": draw.uniform(0.3, 0.7), "sample": "0" * 24}, limit=12)


def accept(dataset: Any, sample: str) -> Any:
    return panel(dataset, "decide", sample=sample, action="review", value="accepted", regions=[])


def panel(dataset: Any, method: str, **params: Any) -> Any:
    return operator(dataset, "change_review", __method__=method, panel_id="bench", **params)


def operator(dataset: Any, name: str, /, **params: Any) -> Any:
    import fiftyone.operators as foo

    with redirect_stdout(StringIO()):
        done = foo.execute_operator(f"@onediff/review/{name}", {"dataset": dataset}, params=params)
        done.raise_exceptions()
    assert "problem" not in done.result, done.result
    return done.result


def timed(call: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each round, after one that is not counted."""
    call()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    return times


if __name__ == "__main__":
    main()
