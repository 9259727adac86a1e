"""Many pairs: each in its own folder, a failed one as a record, a killed run resumed."""

from __future__ import annotations

import functools
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins.errors import ExportError, OneDiffError, SettingsError
from onediff_plugins.host import Host, failure_of
from onediff_plugins.output import UNFINISHED, read_record, write_pair
from onediff_plugins.settings import settings_digest
from onediff_plugins.types import ErrorRecord, PairFailure, PairRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from onediff_plugins.pairs import PairEntry

RESULTS: Final = "results.jsonl"
RUN: Final = "run.json"


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What every worker needs to know; hashable, so that a worker builds its host once.

    Attributes:
        out: the batch's folder.
        settings: the argument layer of the settings, as JSON.
        device: any torch device.
        detector: name, or None for each domain's own.
        captioner: name, or None for each domain's own.
        heads: names or folders.
        load: entry points to load, or None for ONEDIFF_LOAD_PLUGINS.
        disable: entry points not to load, or None for ONEDIFF_DISABLE_PLUGINS.
    """

    out: Path
    settings: str = "{}"
    device: str = "cpu"
    detector: str | None = None
    captioner: str | None = None
    heads: tuple[str, ...] = ()
    load: tuple[str, ...] | None = None
    disable: tuple[str, ...] | None = None

    def host(self) -> Host:
        """A host made to this plan."""
        return Host(settings=json.loads(self.settings), device=self.device, load=self.load, disable=self.disable)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a worker hands back: small, whatever the size of the pair.

    Attributes:
        changed: the verdict; None when undecided or failed.
        failure: the failure record as JSON, or None.
    """

    changed: bool | None = None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How a batch went.

    Attributes:
        results: path of results.jsonl.
        pairs: pairs in all.
        changed: pairs that changed.
        undecided: pairs too little of which can be compared.
        failed: pairs with a failure record.
        skipped: pairs that an earlier run had finished.
    """

    results: Path
    pairs: int
    changed: int
    undecided: int
    failed: int
    skipped: int


def run_batch(
    plan: RunPlan,
    entries: Sequence[PairEntry],
    *,
    executor: str = "local",
    workers: int | None = None,
    resume: bool = False,
    progress: Callable[[Outcome], None] | None = None,
) -> Summary:
    """Compare all pairs.

    Args:
        plan: what to run, and where to write.
        entries: the pairs, ids unique.
        executor: name of an executor.
        workers: number of workers; None for one per core.
        resume: go on with an earlier run in the same folder: finished pairs are skipped, failed ones retried.
        progress: called in this process for every pair that was done now.

    Returns:
        Counts. `results.jsonl` holds one record a line, in input order.

    Raises:
        ExportError: the folder holds an earlier run and `resume` is not given, or it cannot be written.
        SettingsError: the earlier run used other settings; the message names them.
        UnknownNameError: executor, detector, captioner or head.
    """
    host = plan.host()
    run = host.executor(executor).run
    _prepare(plan, host, resume=resume)
    finished = _finished(plan, entries) if resume else {}
    waiting = [index for index in range(len(entries)) if index not in finished]
    outcomes = {index: Outcome(changed=changed) for index, changed in finished.items()}
    work = functools.partial(_work, plan)
    items = [entries[index] for index in waiting]
    for position, answer in run(work, items, workers or os.cpu_count() or 1):
        index = waiting[position]
        outcome = answer if isinstance(answer, Outcome) else _died(entries[index], answer)
        outcomes[index] = outcome
        if progress is not None:
            progress(outcome)
    _write_results(plan.out, _lines(plan.out, entries, outcomes))
    failed = sum(outcome.failure is not None for outcome in outcomes.values())
    changed = sum(outcome.changed is True for outcome in outcomes.values())
    same = sum(outcome.changed is False for outcome in outcomes.values())
    return Summary(
        results=plan.out / RESULTS,
        pairs=len(entries),
        changed=changed,
        undecided=len(entries) - failed - changed - same,
        failed=failed,
        skipped=len(finished),
    )


def pair_folder(out: Path, entry: PairEntry) -> Path:
    """Where a pair's files go."""
    return out / "pairs" / entry.folder


@functools.lru_cache(maxsize=1)
def _worker_host(plan: RunPlan) -> Host:
    return plan.host()


def _work(plan: RunPlan, entry: PairEntry) -> Outcome:
    """One pair in a worker; never raises for a pair that fails."""
    host = _worker_host(plan)
    request = PairRequest(
        before=entry.before, after=entry.after, domain=entry.domain, id=entry.id, meta=dict(entry.meta)
    )
    (outcome,) = host.compare_many([request], detector=plan.detector, captioner=plan.captioner, heads=plan.heads)
    if not isinstance(outcome, PairFailure):
        try:
            return Outcome(changed=write_pair(host, outcome, pair_folder(plan.out, entry)).changed)
        except OneDiffError as exc:
            outcome = failure_of(request, exc)
    return Outcome(failure=outcome.model_dump_json())


def _died(entry: PairEntry, answer: object) -> Outcome:
    error = ErrorRecord(type=type(answer).__name__, message=str(answer), stage=None, plugin=None)
    failure = PairFailure(id=entry.id, domain=entry.domain, error=error, meta=dict(entry.meta))
    return Outcome(failure=failure.model_dump_json())


def _prepare(plan: RunPlan, host: Host, *, resume: bool) -> None:
    """Check what the folder holds, and note what this run is."""
    now = _describe_run(plan, host)
    previous = _read_run(plan.out)
    if not resume and ((plan.out / RESULTS).exists() or previous is not None):
        raise ExportError(f"{plan.out} holds an earlier run: add --resume to go on with it, or choose another --out")
    if previous is None and resume and (plan.out / RESULTS).exists():
        raise ExportError(f"{plan.out / RUN} is missing or damaged, so nobody knows what made the results there")
    if previous is not None and previous.get("digest") != now["digest"]:
        then = _flat(previous.get("steered_by", {}))
        today = _flat(now["steered_by"])
        differing = sorted(key for key in then.keys() | today.keys() if then.get(key) != today.get(key))
        listed = "; ".join(f"{key}: {then.get(key)!r} then, {today.get(key)!r} now" for key in differing)
        raise SettingsError(f"{plan.out} was made with other settings ({listed}): use the same, or another --out")
    try:
        (plan.out / "pairs").mkdir(parents=True, exist_ok=True)
        for leftover in (plan.out / "pairs").glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover)
        _write_atomically(plan.out / RUN, json.dumps(now, indent=2) + "\n")
    except OSError as exc:
        raise ExportError(f"{plan.out} cannot be written: {exc.strerror or exc}. Choose another --out.") from exc


def _describe_run(plan: RunPlan, host: Host) -> dict[str, Any]:
    steered_by = {
        "detector": plan.detector,
        "captioner": plan.captioner,
        "heads": list(plan.heads),
        "settings": {name: host.settings(name).model_dump(mode="json") for name in sorted(host.domains())},
    }
    return {"digest": settings_digest(steered_by), "steered_by": steered_by}


def _read_run(out: Path) -> dict[str, Any] | None:
    try:
        run = json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return run if isinstance(run, dict) else None


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in tree.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat


def _finished(plan: RunPlan, entries: Sequence[PairEntry]) -> dict[int, bool | None]:
    """Verdicts of the pairs whose folder holds their record, made from the same sources."""
    finished = {}
    for index, entry in enumerate(entries):
        record = read_record(pair_folder(plan.out, entry))
        if record is None or record["id"] != entry.id:
            continue
        if (record["before"]["source"], record["after"]["source"]) == (entry.before, entry.after):
            finished[index] = record["changed"]
    return finished


def _lines(out: Path, entries: Sequence[PairEntry], outcomes: Mapping[int, Outcome]) -> Iterator[str]:
    """One record at a time from disk, so that memory does not grow with the batch."""
    for index, entry in enumerate(entries):
        failure = outcomes[index].failure
        if failure is not None:
            yield failure
            continue
        record = read_record(pair_folder(out, entry))
        if record is None:
            raise ExportError(f"{pair_folder(out, entry)} vanished while the batch ran: run again with --resume")
        record["files"] = _below(f"pairs/{entry.folder}", record["files"])
        yield json.dumps(record, ensure_ascii=False, allow_nan=False)


def _below(folder: str, files: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _below(folder, value) if isinstance(value, dict) else f"{folder}/{value}" for key, value in files.items()
    }


def _write_results(out: Path, lines: Iterator[str]) -> None:
    unfinished = out / f"{UNFINISHED}{uuid.uuid4().hex[:12]}"
    try:
        with unfinished.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in lines)
        unfinished.replace(out / RESULTS)
    except OSError as exc:
        raise ExportError(f"{out / RESULTS} cannot be written: {exc.strerror or exc}") from exc
    finally:
        unfinished.unlink(missing_ok=True)


def _write_atomically(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex[:12]}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
