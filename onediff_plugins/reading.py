"""Results read back: what `compare --out` and `batch` wrote, as the records that they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from onediff_plugins.batch import RESULTS
from onediff_plugins.errors import ResultsError
from onediff_plugins.output import RECORD
from onediff_plugins.records import SCHEMA, ChangeResult, PairFailure

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

_FAMILY: Final = SCHEMA.rpartition("/")[0] + "/"


def results_file(place: str | os.PathLike[str]) -> Path:
    """The file that holds the records of a run.

    Args:
        place: results.jsonl or result.json, or the folder of one.

    Returns:
        The file; `files` of its records are relative to where it lies.

    Raises:
        ResultsError: there is none.
    """
    path = Path(place)
    if path.is_file():
        return path
    for name in (RESULTS, RECORD):
        if (path / name).is_file():
            return path / name
    if path.is_dir():
        raise ResultsError(f"{path} holds neither {RESULTS} nor {RECORD}: name a folder that `onediff batch` wrote")
    raise ResultsError(f"{path} is not there: name results.jsonl, or the folder that `onediff batch` wrote")


def read_results(place: str | os.PathLike[str]) -> Iterator[ChangeResult | PairFailure]:
    """Records of a run in their order, one in memory at a time.

    Args:
        place: results.jsonl or result.json, or the folder of one.

    Raises:
        ResultsError: no such file, a line that is no record of ours, or one that a newer version wrote; which line.
            What came before it has been yielded by then.
    """
    for text, where in read_texts(results_file(place)):
        yield read_record(text, where)


def read_texts(file: Path) -> Iterator[tuple[str, str]]:
    """The records of a run as they stand in its file, not yet looked at; one in memory at a time.

    Args:
        file: results.jsonl or result.json.

    Yields:
        The JSON of a record, and where it stands, for messages.

    Raises:
        ResultsError: the file cannot be read.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            if file.suffix == ".json":
                yield stream.read(), str(file)
                return
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield line, f"{file}, line {number}"
    except (OSError, UnicodeDecodeError) as exc:
        raise ResultsError(f"{file} cannot be read: {exc}") from exc


def files_of(result: ChangeResult, file: Path) -> dict[str, Path]:
    """Where the files of a result lie.

    Args:
        result: as it was read.
        file: that it was read from, `results_file`.

    Returns:
        Key of `files` -> path, as `score`, `mask`, `preview_after`, and `overlays/NAME` for each overlay. They may have
        been moved or deleted since.
    """
    return {name: file.parent / path for name, path in _flat(result.files)}


def read_record(text: str, where: str) -> ChangeResult | PairFailure:
    """One record from its JSON.

    Args:
        text: as `read_texts` gives it.
        where: it stands, for the message.

    Raises:
        ResultsError: it is no record of ours, or one that a newer version wrote.
    """
    try:
        said = json.loads(text)
    except ValueError as exc:
        raise ResultsError(f"{where} is no JSON ({exc}): was the file cut off?") from exc
    schema = said.get("schema") if isinstance(said, dict) else None
    if schema != SCHEMA:
        raise ResultsError(f"{where} {_strange(schema)}")
    try:
        return (PairFailure if "error" in said else ChangeResult).model_validate(said)
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the record"
        # Fields may be added to a form without a new number.
        newer = "; a newer version may have written it: update onediff-plugins"
        hint = newer if first["type"] == "extra_forbidden" else ""
        raise ResultsError(f"{where} is no record of the form {SCHEMA}: {field}: {first['msg']}{hint}") from exc


def _flat(files: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in files.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}/")
        elif isinstance(value, str):
            yield above + name, value


def _strange(schema: object) -> str:
    if isinstance(schema, str) and schema.startswith(_FAMILY):
        return f"is of the form {schema}, and this version reads {SCHEMA}: update onediff-plugins"
    return f"is no record of onediff, which says {SCHEMA!r} under 'schema': name the results.jsonl of a run"
