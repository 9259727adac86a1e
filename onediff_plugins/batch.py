"""Many pairs: each in its own folder, a failed one as a record, a killed run resumed."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from onediff_plugins import runs
from onediff_plugins.atomic import LEFTOVERS, write_atomically
from onediff_plugins.errors import ExportError, OneDiffError, PluginConflictError, SettingsError
from onediff_plugins.host import Host, failure_of
from onediff_plugins.output import files_below, read_record, remove_pair, write_pair
from onediff_plugins.paths import existing_folder
from onediff_plugins.records import ErrorRecord, PairFailure
from onediff_plugins.report import INDEX, index_parts
from onediff_plugins.types import PairRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from onediff_plugins.pairs import PairEntry

RESULTS: Final = "results.jsonl"

log = logging.getLogger("onediff_plugins.batch")


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What every worker needs to know; hashable, so that a worker builds its host once.

    Attributes:
        out: the batch's folder.
        settings: the argument layer of the settings, as JSON.
        domain: the domain that was asked for all pairs, or None where each pair's own counts.
        device: any torch device.
        detector: name, or None for each domain's own.
        captioner: name, or None for each domain's own.
        heads: names or folders.
        load: entry points to load, or None for ONEDIFF_LOAD_PLUGINS.
        disable: entry points not to load, or None for ONEDIFF_DISABLE_PLUGINS.
    """

    out: Path
    settings: str = "{}"
    domain: str | None = None
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
        index: path of index.html.
        pairs: pairs in all.
        changed: pairs that changed.
        undecided: pairs too little of which can be compared.
        failed: pairs with a failure record.
        skipped: pairs that an earlier run had finished.
    """

    results: Path
    index: Path
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
    progress: Callable[[int], AbstractContextManager[Callable[[Outcome], None]]] | None = None,
) -> Summary:
    """Compare all pairs.

    Args:
        plan: what to run, and where to write.
        entries: the pairs, ids unique.
        executor: name of an executor.
        workers: number of workers; None for one per core that this process may use.
        resume: go on with an earlier run in the same folder: finished pairs are skipped, failed ones retried.
        progress: given the number of pairs to do now, a context whose value is called for every one that is done.

    Returns:
        Counts. `results.jsonl` holds one record a line, in input order; `index.html` shows them.

    Raises:
        ExportError: the folder holds an earlier run and `resume` is not given, or it cannot be written.
        SettingsError: the earlier run used other settings; the message names them.
        OneDiffError: no pair could be compared: an executor, domain, detector, captioner or head that is not there.
    """
    host = plan.host()
    host.executor(executor)  # refused before anything is written
    _refuse_hopeless(plan, host, entries)
    _prepare(plan, host, resume=resume)
    folder_of = functools.partial(pair_folder, plan.out)
    finished = runs.finished(entries, folder_of, _weights(plan, host)) if resume else {}
    waiting = [index for index in range(len(entries)) if index not in finished]
    _refuse_other_models(plan, finished.values())
    outcomes = {index: Outcome(changed=done.changed) for index, done in finished.items()}
    work = functools.partial(_work, plan)
    items = [entries[index] for index in waiting]
    with progress(len(items)) if progress and items else contextlib.nullcontext(_ignore) as advance:
        for position, answer in host.execute(executor, work, items, workers or _cores()):
            index = waiting[position]
            outcomes[index] = answer if isinstance(answer, Outcome) else _died(plan, entries[index], answer)
            advance(outcomes[index])
    _write(plan.out / RESULTS, _lines(plan.out, entries, outcomes))
    _write(plan.out / INDEX, index_parts(plan.out.resolve().name, _records(plan.out / RESULTS)))
    failed = sum(outcome.failure is not None for outcome in outcomes.values())
    changed = sum(outcome.changed is True for outcome in outcomes.values())
    same = sum(outcome.changed is False for outcome in outcomes.values())
    return Summary(
        results=plan.out / RESULTS,
        index=plan.out / INDEX,
        pairs=len(entries),
        changed=changed,
        undecided=len(entries) - failed - changed - same,
        failed=failed,
        skipped=len(finished),
    )


def pair_folder(out: Path, entry: PairEntry) -> Path:
    """Where a pair's files go."""
    return out / "pairs" / entry.folder


def _ignore(outcome: Outcome) -> None:
    pass


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _request(entry: PairEntry) -> PairRequest:
    return PairRequest(before=entry.before, after=entry.after, domain=entry.domain, id=entry.id, meta=dict(entry.meta))


# --- in a worker ------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _worker_host(plan: RunPlan) -> Host:
    return plan.host()


def _work(plan: RunPlan, entry: PairEntry) -> Outcome:
    """One pair in a worker; never raises for a pair that fails."""
    try:
        failure = _compare(plan, entry)
    except Exception as exc:
        # A plugin outside of a stage, or a defect of ours: the others go on, and the log shows where it was.
        log.exception("pair %r failed", entry.id)
        failure = _failed(entry, exc)
    if isinstance(failure, Outcome):
        return failure
    _discard(plan, entry)
    return Outcome(failure=failure.model_dump_json())


def _compare(plan: RunPlan, entry: PairEntry) -> Outcome | PairFailure:
    host = _worker_host(plan)
    request = _request(entry)
    (result,) = host.compare_many([request], detector=plan.detector, captioner=plan.captioner, heads=plan.heads)
    if isinstance(result, PairFailure):
        return result
    try:
        return Outcome(changed=write_pair(host, result, pair_folder(plan.out, entry)).changed)
    except OneDiffError as exc:
        return failure_of(request, exc)


def _discard(plan: RunPlan, entry: PairEntry) -> None:
    """A failed pair has no folder: what an earlier run made there from other sources would pass for its result."""
    with contextlib.suppress(OSError):
        remove_pair(pair_folder(plan.out, entry))


def _died(plan: RunPlan, entry: PairEntry, answer: object) -> Outcome:
    _discard(plan, entry)
    return Outcome(failure=_failed(entry, answer).model_dump_json())


def _failed(entry: PairEntry, answer: object) -> PairFailure:
    error = ErrorRecord(type=type(answer).__name__, message=str(answer))
    return PairFailure(id=entry.id, domain=entry.domain, error=error, meta=dict(entry.meta))


# --- before and after -------------------------------------------------------------------------------------------


def _refuse_hopeless(plan: RunPlan, host: Host, entries: Sequence[PairEntry]) -> None:
    """Say at once what would fail every pair: no such domain, detector, captioner or head."""
    asked = {entry.domain for entry in entries}
    if "auto" in asked and not host.domains():
        host.resolve_domain(_request(entries[0]))
    refused: OneDiffError | None = None
    for domain in sorted(host.domains() if "auto" in asked else asked):
        try:
            host.domain(domain)
            detector = host.choose_model(domain, "detect", plan.detector)
            host.choose_model(domain, "describe", plan.captioner)
            if host.choose_labeller(detector, domain, plan.heads) is None:
                host.choose_heads(detector, domain, plan.heads)
        except OneDiffError as exc:
            refused = refused or exc
        else:
            return
    if refused is not None:
        raise refused


def _refuse_other_models(plan: RunPlan, finished: Collection[runs.Done]) -> None:
    if not finished:
        return
    host = replace(plan, device="cpu").host()  # of its own, so that what it loads goes before the pairs are compared
    with contextlib.redirect_stdout(sys.stderr):  # whatever a plugin prints while it builds its model
        other = runs.other_models(finished, functools.partial(_revisions, plan, host))
    if other:
        listed = "; ".join(other)
        raise SettingsError(f"{plan.out} was made with other models ({listed}): use the same, or another --out")


def _revisions(plan: RunPlan, host: Host, domain: str, detector: str) -> dict[str, str | None]:
    """Name -> revision of the models that answer for a domain where a detector looks."""
    revisions: dict[str, str | None] = {}
    with contextlib.suppress(OneDiffError):  # whatever is not there any more, the pairs that need it will say so
        specs = [host.model(detector), host.choose_model(domain, "describe", plan.captioner)]
        specs += host.other_describers(domain, specs[1])
        if (naming := host.choose_labeller(specs[0], domain, plan.heads)) is not None:
            specs.append(naming.model)
        for spec in specs:
            made = host.model_record(spec, domain=domain)
            revisions[made.name] = made.revision
    return revisions


def _prepare(plan: RunPlan, host: Host, *, resume: bool) -> None:
    """Check what the folder holds, and note what this run is."""
    asked = {
        "domain": plan.domain,
        "detector": plan.detector,
        "captioner": plan.captioner,
        "heads": list(plan.heads),
    }
    now = runs.describe(asked, _settings(host))
    previous = runs.read(plan.out)
    if not resume and ((plan.out / RESULTS).exists() or previous is not None):
        raise ExportError(f"{plan.out} holds an earlier run: add --resume to go on with it, or choose another --out")
    if previous is None and (plan.out / RESULTS).exists():
        raise ExportError(
            f"{plan.out} holds results but no {runs.NOTE} that says how they were made: choose another --out"
        )
    if previous is None and (plan.out / INDEX).exists():
        raise ExportError(f"{plan.out} holds an {INDEX} that is not of a run of onediff: choose another --out")
    if previous is not None and (differing := runs.differences(previous, now)):
        listed = "; ".join(differing)
        raise SettingsError(f"{plan.out} was made with other settings ({listed}): use the same, or another --out")
    try:
        (plan.out / "pairs").mkdir(parents=True, exist_ok=True)
        for leftover in (*plan.out.glob(LEFTOVERS), *(plan.out / "pairs").glob(LEFTOVERS)):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        write_atomically(plan.out / runs.NOTE, [json.dumps(now, indent=2), "\n"])
    except OSError as exc:
        raise ExportError(f"{plan.out} cannot be written: {exc.strerror or exc}. Choose another --out.") from exc


def _weights(plan: RunPlan, host: Host) -> list[Path]:
    """Folders of weights and heads that the run names."""
    named = [*plan.heads, *(own.get("weights") for own in _settings(host).values())]
    folders = {existing_folder(str(name)) for name in named if name}
    return [folder for folder in folders if folder is not None]


def _settings(host: Host) -> dict[str, dict[str, Any]]:
    settings = {}
    for name in host.domains():
        with contextlib.suppress(PluginConflictError):  # the pairs that ask for this domain will say so
            settings[name] = host.settings(name).model_dump(mode="json")
    return settings | {name: own.model_dump(mode="json") for name, own in host.sections().items()}


def _lines(out: Path, entries: Sequence[PairEntry], outcomes: Mapping[int, Outcome]) -> Iterator[str]:
    """One record at a time from disk, so that memory does not grow with the batch."""
    for index, entry in enumerate(entries):
        failure = outcomes[index].failure
        if failure is not None:
            yield f"{failure}\n"
            continue
        record = read_record(pair_folder(out, entry))
        if record is None:
            raise ExportError(f"{pair_folder(out, entry)} vanished while the batch ran: run again with --resume")
        record["files"] = files_below(f"pairs/{entry.folder}", record["files"])
        yield f"{json.dumps(record, ensure_ascii=False, allow_nan=False)}\n"


def _records(results: Path) -> Iterator[dict[str, Any]]:
    with results.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _write(path: Path, parts: Iterator[str]) -> None:
    try:
        write_atomically(path, parts)
    except OSError as exc:
        raise ExportError(f"{path} cannot be written: {exc.strerror or exc}") from exc
