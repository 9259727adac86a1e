"""What a batch needs to go on after it was killed: a note of what steered it, and which pairs are done."""

from __future__ import annotations

import contextlib
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from onediff_plugins.errors import ExportError
from onediff_plugins.output import RECORD, read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from onediff_plugins.pairs import PairEntry

NOTE: Final = "run.json"
SCHEMA: Final = "onediff.run/1"


def describe(asked: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The note of a run: what its results depend on.

    Args:
        asked: what was asked for on the command line, as JSON.
        settings: domain -> its settings, as JSON.
    """
    return {"schema": SCHEMA, "asked": dict(asked), "settings": {name: dict(own) for name, own in settings.items()}}


def read(out: Path) -> dict[str, Any] | None:
    """What an earlier run noted, or None where there was no run.

    Args:
        out: the batch's folder.

    Raises:
        ExportError: a file of that name that is not ours, or damaged; it must not be overwritten.
    """
    try:
        note = json.loads((out / NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        note = None
    if not isinstance(note, dict) or note.get("schema") != SCHEMA or not {"asked", "settings"} <= note.keys():
        raise ExportError(f"{out / NOTE} is not the note of a run of onediff, or damaged: choose another --out")
    return note


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What steers one run otherwise than another, in words.

    Args:
        then: a note.
        now: another.

    Returns:
        One sentence part per value. Domains that only one of the runs knew do not count: they made none of the
        results of the other.
    """
    shared = then["settings"].keys() & now["settings"].keys()
    before, after = (
        note["asked"] | {f"{name}.{key}": value for name in shared for key, value in note["settings"][name].items()}
        for note in (then, now)
    )
    return [
        f"{key}: {_said(before, key)} then, {_said(after, key)} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


class Done(NamedTuple):
    """A pair that need not be compared again.

    Attributes:
        changed: its verdict.
        domain: whose it is.
        detector: who looked at it.
        models: name -> revision of those that answered; none for a pair without a verdict.
    """

    changed: bool | None
    domain: str
    detector: str
    models: Mapping[str, str | None]


def finished(
    entries: Sequence[PairEntry], folder_of: Callable[[PairEntry], Path], weights: Sequence[Path] = ()
) -> dict[int, Done]:
    """The pairs that need not be compared again.

    Args:
        entries: the pairs.
        folder_of: where each pair's files are.
        weights: folders of models and heads that look at them.

    Returns:
        index -> what was found, of every pair whose folder holds the record of the very same entry, made after its
        sources and the weights, with words of the captioner that was to write them: one that failed may answer now.
    """
    done = {}
    files = [file for folder in weights for file in folder.rglob("*.safetensors")]
    trained = max((file.stat().st_mtime_ns for file in files), default=0)
    for index, entry in enumerate(entries):
        folder = folder_of(entry)
        record = read_record(folder)
        if record is None or not _is_of(entry, record) or _is_outdated(entry, folder / RECORD, trained):
            continue
        made = record["provenance"]
        if all(fallback.get("regions") for fallback in made.get("fallbacks", ())):
            models = {} if record["changed"] is None else made["models"].values()
            revisions = {model["name"]: model["revision"] for model in models}
            done[index] = Done(record["changed"], record["domain"], record["detector"], revisions)
    return done


def other_models(done: Iterable[Done], now: Callable[[str, str], Mapping[str, str | None]]) -> list[str]:
    """Which models of the same name are others by now: a folder of weights may have been trained on.

    Args:
        done: finished pairs.
        now: name -> revision of the models of a domain and a detector.

    Returns:
        One sentence part per model.
    """
    asked = functools.cache(now)
    then = {(pair.domain, pair.detector, *model) for pair in done for model in pair.models.items()}
    found = ((name, old, asked(domain, detector).get(name)) for domain, detector, name, old in then)
    return sorted({f"{name}: {old} then, {new} now" for name, old, new in found if old and new and old != new})


def _said(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key]) if values.get(key) is not None else "not given"


def _is_of(entry: PairEntry, record: Mapping[str, Any]) -> bool:
    try:
        return (
            record["id"] == entry.id
            and record["before"]["source"] == entry.before
            and record["after"]["source"] == entry.after
            and entry.domain in ("auto", record["domain"])
            and record.get("meta", {}) == entry.meta
            and record["changed"] in (True, False, None)
            and isinstance(record["detector"], str)
            and {"name", "revision"} <= set.intersection(*map(set, record["provenance"]["models"].values()))
        )
    except (KeyError, TypeError, AttributeError):  # not as we write it
        return False


def _is_outdated(entry: PairEntry, record: Path, trained: int) -> bool:
    """Whether a source file or the weights are younger than the record; a source that is away says nothing."""
    made = record.stat().st_mtime_ns
    if trained > made:
        return True
    for source in (entry.before, entry.after):
        with contextlib.suppress(OSError):
            if Path(source).stat().st_mtime_ns > made:
                return True
    return False
