"""How fast results become a FiftyOne dataset, beside FiftyOne's own `add_samples` with the same labels.

    python benchmarks/fiftyone_import.py RESULTS [--pairs 2000] [--rounds 3] [--scale 20000]

RESULTS is a run of `onediff batch`; its records are repeated under new ids, with small pictures, until there are as
many as asked for. Per round, one after the other in one process and on one server that is started for it: samples that
were built beforehand are added in one call (`bare`), then the same records are imported (`import`), then imported again
(`again`). With --scale, as many pairs are imported once more, and the memory of this process is noted as it goes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
from PIL import Image

from private_mongod import private_fiftyone

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE = 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=0)
    options = parser.parse_args()
    with private_fiftyone() as folder:
        if options.rounds:
            compare(repeated(options.results, options.pairs, folder / "pairs"), options.rounds)
        if options.scale:
            scale(repeated(options.results, options.scale, folder / "many"), folder)


def repeated(results: Path, count: int, folder: Path) -> Path:
    """A run of so many pairs: the records of another by turns, each with four small pictures of its own."""
    from onediff_plugins.reading import read_results
    from onediff_plugins.records import ChangeResult

    found = [result for result in read_results(results) if isinstance(result, ChangeResult)]
    media = folder / "media"
    media.mkdir(parents=True)
    for name, colour in (("colour", (90, 120, 60)), ("grey", 128)):
        Image.new("RGB" if name == "colour" else "L", (SIDE, SIDE), colour).save(media / f"{name}.png")
    with (folder / "results.jsonl").open("w") as stream:
        for number, result in enumerate(islice(cycle(found), count)):
            own = {}
            for key, kind in {"before": "colour", "after": "colour", "score": "grey", "mask": "grey"}.items():
                own[key] = f"media/{number:06d}-{key}.png"
                os.link(media / f"{kind}.png", folder / own[key])
            record = result.replace(id=f"{number:06d}", files={"score": own["score"], "mask": own["mask"]})
            said = record.model_dump(mode="json")
            for side in ("before", "after"):
                said[side]["source"] = str(folder / own[side])
            # Pictures on one grid: what is measured is the import, not the warp of the few that need one.
            said["registration"] |= {"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "pieces": None}
            said["before"] = {**said["before"], **{key: said["after"][key] for key in ("width", "height")}}
            stream.write(json.dumps(said) + "\n")
    return folder


def compare(run: Path, rounds: int) -> None:
    fo = fiftyone()
    from onediff_fiftyone.dataset import to_fiftyone

    costs: dict[str, list[Cost]] = {"bare": [], "import": [], "again": []}
    count = sum(1 for _ in (run / "results.jsonl").open())
    print(f"{count} pairs, {rounds} rounds; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
    for number in range(rounds):
        samples = list(built(run))
        bare = grouped(fo, f"bare-{number}")
        costs["bare"].append(cost(lambda: bare.add_samples(samples, progress=False)))  # noqa: B023
        fo.delete_dataset(bare.name)
        samples.clear()
        name = f"import-{number}"
        costs["import"].append(cost(lambda: to_fiftyone(run, name=name)))  # noqa: B023
        costs["again"].append(cost(lambda: to_fiftyone(run, name=name)))  # noqa: B023
        fo.delete_dataset(name)
        last = {what: tuple(round(value, 2) for value in values[-1]) for what, values in costs.items()}
        print(f"seconds, of them of this process: {last}", flush=True)
    for index, what in enumerate(("pairs/s", "pairs per second of this process's CPU")):
        rates = {name: [count / values[index] for values in found] for name, found in costs.items()}
        median = {name: statistics.median(values) for name, values in rates.items()}
        of_bare = statistics.median(ours / bare for ours, bare in zip(rates["import"], rates["bare"], strict=True))
        again = statistics.median(first / second for first, second in zip(rates["import"], rates["again"], strict=True))
        print(f"{what}, median: bare {median['bare']:.0f}, import {median['import']:.0f} ({of_bare:.0%} of bare);")
        print(f"  again, unchanged: {median['again']:.0f}, {again:.1%} of the time of the first import")


def scale(run: Path, folder: Path) -> None:
    fiftyone()
    from onediff_fiftyone.dataset import to_fiftyone

    process = psutil.Process()
    memory: dict[int, float] = {}

    def note(done: int, total: int) -> None:
        if done % max(1, total // 10) == 0:
            memory[done] = process.memory_info().rss / 1e6
            print(f"  {done} of {total}: {memory[done]:.0f} MB", flush=True)

    started = time.perf_counter()
    done = to_fiftyone(run, name="scale", progress=note)
    first = time.perf_counter() - started
    again = cost(lambda: to_fiftyone(run, name="scale")).clock
    print(f"{done.added} pairs in {first:.0f} s, {done.added / first:.0f} pairs/s; again, unchanged {again:.1f} s")
    print(f"memory of the process: from {min(memory.values()):.0f} to {max(memory.values()):.0f} MB")
    print(f"folder of the database: {sum(f.stat().st_size for f in (folder / 'db').glob('*.wt')) / 1e6:.0f} MB")


def built(run: Path) -> Iterator[Any]:
    """The samples that an import adds."""
    from onediff_fiftyone.media import Media
    from onediff_fiftyone.samples import Read, group_samples
    from onediff_plugins.reading import read_results

    file = run / "results.jsonl"
    media = Media(file, run / "review")
    for result in read_results(file):
        yield from group_samples(Read(result, file, "0" * 16), media.pictures(result, result.id))


def grouped(fo: Any, name: str) -> Any:
    """An empty dataset with a group field and nothing else."""
    dataset = fo.Dataset(name)
    dataset.add_group_field("pair", default="after")
    return dataset


class Cost(NamedTuple):
    """Seconds by the clock, and of this process's CPU; the server's are its own."""

    clock: float
    cpu: float


def cost(work: Any) -> Cost:
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - started, time.process_time() - cpu)


def fiftyone() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onediff_fiftyone.connecting import connected

        return connected()


if __name__ == "__main__":
    if shutil.disk_usage(tempfile.gettempdir()).free < 2e9:
        sys.exit("2 GB of free space are needed in the folder for temporary files")
    main()
