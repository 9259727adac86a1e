"""The same pairs once more with their images exchanged, compared as the first time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onediff_core.errors import EvaluationError
from onediff_plugins import runs
from onediff_plugins.batch import RESULTS, RunPlan, run_batch
from onediff_plugins.host import Host
from onediff_plugins.pairs import PairEntry, folder_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def run_swapped(
    results: Path,
    out: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int], Any] | None = None,
) -> Path:
    """Compare the pairs of a batch once more, each with before and after exchanged.

    Args:
        results: folder of a batch, or its results.jsonl.
        out: folder of the new batch; one that was cut off goes on.
        workers: processes.
        progress: as `run_batch` takes it.

    Returns:
        The new results.jsonl.

    Raises:
        EvaluationError: it is no batch, or its images are not there any more.
        OneDiffError: as `run_batch`.
    """
    folder = results.parent if results.name == RESULTS else results  # captions that lie beside a batch are not its own
    note = runs.read(folder)
    if note is None or not (folder / RESULTS).is_file():
        raise EvaluationError(
            f"{results} is no batch of onediff with its {runs.NOTE}: exchange the images yourself and name the "
            "results with --swapped"
        )
    rows = [json.loads(line) for line in (folder / RESULTS).read_text(encoding="utf-8").splitlines() if line]
    done = [row for row in rows if "error" not in row]
    names = folder_names([row["id"] for row in done])
    entries = [
        PairEntry(
            id=row["id"],
            folder=name,
            before=_file(row["after"]["source"]),
            after=_file(row["before"]["source"]),
            domain=row["domain"],
        )
        for row, name in zip(done, names, strict=True)
    ]
    asked = note["asked"]
    plan = RunPlan(
        out=out,
        settings=json.dumps(_chosen(note["settings"])),
        detector=asked.get("detector"),
        captioner=asked.get("captioner"),
        heads=tuple(asked.get("heads") or ()),
    )
    resume = runs.read(out) is not None
    return run_batch(plan, entries, workers=workers, resume=resume, progress=progress).results


def _file(source: str) -> str:
    if "://" not in source and not source.startswith("/vsi") and not Path(source).is_file():
        raise EvaluationError(f"{source} is not there any more: exchanged images cannot be compared")
    return source


def _chosen(then: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The settings of a run that are not those of this machine now, as `--set` has them."""
    host = Host()
    now: dict[str, Mapping[str, Any]] = {name: host.settings(name).model_dump(mode="json") for name in host.domains()}
    now |= {name: own.model_dump(mode="json") for name, own in host.sections().items()}
    return {
        f"{section}.{key}": value
        for section, values in then.items()
        for key, value in values.items()
        if section in now and now[section].get(key) != value
    }
