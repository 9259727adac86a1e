"""What a method says of pairs: the results of `onediff batch`, or a file of captions from anywhere."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.kinds import looks_like, refuse_other_files
from onediff_core.evaluation.regions import Box
from onediff_plugins.reading import files_of, read_results, results_file
from onediff_plugins.records import PairFailure
from onediff_plugins.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from onediff_plugins.records import ChangeRegion

_IDS: Final = ("id", "image_id", "pair_id")
_CAPTIONS: Final = ("caption", "text", "answer", "prediction")


@dataclass(frozen=True, kw_only=True)
class FoundRegion:
    """A place where a method says that something changed.

    Attributes:
        kind: added, removed, changed or moved.
        label: what it is; empty where it is not said.
        boxes: those that show it: after, before, and its place on the after grid.
    """

    kind: str
    label: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a method says of a pair; None where it does not say.

    Attributes:
        id: of the pair.
        changed: the verdict, None where it is left open.
        score: confidence of change in [0, 1].
        caption: the pair in words.
        regions: places that differ.
        mask: file of the mask on the after grid, or "" for one that is empty.
        failed: why there is no answer, or "".
    """

    id: str
    changed: bool | None = None
    score: float | None = None
    caption: str | None = None
    regions: tuple[FoundRegion, ...] | None = None
    mask: Path | str | None = None
    failed: str = ""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The answers of one method.

    Attributes:
        name: of the method.
        source: where they are from.
        by_id: id -> answer, in the order of the file.
        judged: whether it gives verdicts; else they are read from its captions.
        empty: ids whose caption is blank.
    """

    name: str
    source: str
    by_id: Mapping[str, Answer]
    judged: bool
    empty: tuple[str, ...] = ()


def read_answers(name: str, path: Path) -> Answers:
    """Read the answers of a method.

    Args:
        name: of the method.
        path: `results.jsonl` of `onediff batch`, or the folder that holds it; or captions: JSONL with `id` and
            `caption` and perhaps `changed`, `score`, `regions` (`kind`, `label`, `box`) and `mask`, a JSON object of
            ids and captions, or a JSON list as COCO's (`image_id`, `caption`).

    Raises:
        EvaluationError: it is something else, or names an id twice.
        ResultsError: a record is damaged, or newer than this version.
    """
    file = results_file(path) if path.is_dir() else path
    refuse_other_files(file, "results of `onediff batch` or captions")
    by_id: dict[str, Answer] = {}
    judged = False
    for where, answer, judges in _of_records(file) if _holds_records(file) else _of_captions(file):
        if answer.id in by_id:
            raise EvaluationError(f"{where}: {answer.id!r} comes a second time: keep one answer a pair")
        by_id[answer.id] = answer
        judged = judged or judges
    if not by_id:
        raise EvaluationError(f"{file} holds no answers")
    empty = tuple(answer.id for answer in by_id.values() if answer.caption is not None and not answer.caption.strip())
    return Answers(name=name, source=str(file), by_id=by_id, judged=judged, empty=empty)


def _holds_records(path: Path) -> bool:
    """Whether the first thing in a file is a record, of whatever form."""
    return "schema" in next(_rows(path), ("", {}))[1]


def _of_records(path: Path) -> Iterator[tuple[str, Answer, bool]]:
    """Where each answer stands, the answer, and whether it gives a verdict."""
    for result in read_results(path):
        if isinstance(result, PairFailure):
            yield str(path), Answer(id=result.id, failed=result.error.message), False
            continue
        yield (
            str(path),
            Answer(
                id=result.id,
                changed=result.changed,
                score=result.score,
                caption=result.caption,
                regions=tuple(map(_region, result.regions)),
                mask=files_of(result, path).get("mask"),
            ),
            True,
        )


def _of_captions(path: Path) -> Iterator[tuple[str, Answer, bool]]:
    for where, row in _rows(path):
        yield where, _of_caption(where, row, path), "changed" in row


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row stands, and the row."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    if path.suffix.lower() == ".json":
        yield from _of_json(path, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _object(f"{path}, line {number}", line)


def _object(where: str, line: str) -> tuple[str, dict[str, Any]]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise EvaluationError(
            f"{where}: not JSON: {error}; results and captions have one JSON object a line"
        ) from error
    if not isinstance(row, dict):
        hint = "; a JSON list is read from a file called .json" if isinstance(row, list) else ""
        raise EvaluationError(f"{where}: a JSON object is needed, got {type(row).__name__}{hint}")
    return where, row


def _of_json(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        held = json.loads(text)
    except ValueError as error:
        raise EvaluationError(f"{path}: not JSON: {error}; a file with an object a line is called .jsonl") from error
    if isinstance(held, dict) and isinstance(held.get("annotations"), list):
        raise EvaluationError(f"{path} holds no answers: it looks like {looks_like(held)}")
    if isinstance(held, dict) and "schema" not in held:
        for id_, said in held.items():
            one = said[0] if isinstance(said, list) and len(said) == 1 else said
            yield f"{path}, {id_!r}", one if isinstance(one, dict) else {"id": id_, "caption": one}
        return
    for number, row in enumerate(held if isinstance(held, list) else [held], start=1):
        if not isinstance(row, dict):
            raise EvaluationError(f"{path}, entry {number}: an object is needed, got {type(row).__name__}")
        yield f"{path}, entry {number}", row


def _region(region: ChangeRegion) -> FoundRegion:
    known = (region.bbox_after, region.bbox_before, region.geometry.bounds)
    return FoundRegion(kind=region.kind, label=region.label, boxes=tuple(Box(*corners) for corners in known if corners))


def _of_caption(where: str, row: Mapping[str, Any], path: Path) -> Answer:
    id_ = next((row[name] for name in _IDS if row.get(name) not in (None, "")), None)
    if id_ is None or not ({*_CAPTIONS, "changed", "score", "mask", "regions"} & row.keys()) or "before" in row:
        raise EvaluationError(
            f"{where} is no answer: it looks like {looks_like(row)}; an answer has an id and a caption"
        )
    caption = next((row[name] for name in _CAPTIONS if name in row), None)
    if isinstance(caption, list) and len(caption) == 1:
        caption = caption[0]
    if caption is not None and not isinstance(caption, str):
        raise EvaluationError(f"{where}: the caption of {id_!r} is {type(caption).__name__}: write one text")
    try:
        regions = None if row.get("regions") is None else tuple(_simple_region(entry) for entry in row["regions"])
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"{where}: regions is {str(row['regions'])[:200]}: write a list of objects with a kind, one of "
            f"{', '.join(KINDS)}, and a box, [x0, y0, x1, y1]"
        ) from error
    return Answer(
        id=str(id_),
        changed=_verdict(where, row.get("changed")),
        score=_score(where, row.get("score")),
        caption=caption,
        regions=regions,
        mask=path.parent / row["mask"] if row.get("mask") else None,
    )


def _simple_region(row: Mapping[str, Any]) -> FoundRegion:
    x0, y0, x1, y1 = map(float, row["box"])
    kind = row.get("kind") or "changed"
    if kind not in KINDS or not (x0 < x1 and y0 < y1):
        raise ValueError(kind)
    return FoundRegion(kind=kind, label=str(row.get("label") or ""), boxes=(Box(x0, y0, x1, y1),))


def _verdict(where: str, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise EvaluationError(f"{where}: changed is {value!r}: write true, false or null")


def _score(where: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise EvaluationError(f"{where}: score is {value!r}: a confidence of change lies in [0, 1]")
    return float(value)
