"""Results read back: the same records, and an error that says which line is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins import ChangeResult, PairFailure, read_results
from onediff_plugins.errors import ResultsError
from onediff_plugins.output import write_pair
from onediff_plugins.reading import files_of, results_file
from onediff_plugins.records import ErrorRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from onediff_plugins import Host


@pytest.fixture
def written(
    make_host: Callable[..., Host],
    make_domain: Callable[..., Any],
    pictures: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> tuple[ChangeResult, Path]:
    """A result as it was written, and its folder."""
    host = make_host(make_domain())
    return write_pair(host, host.compare(*pictures, domain="toy", id="a"), tmp_path / "out"), tmp_path / "out"


def several(folder: Path, *records: ChangeResult | PairFailure) -> Path:
    """A results.jsonl in a new folder."""
    folder.mkdir()
    path = folder / "results.jsonl"
    path.write_text("".join(record.model_dump_json() + "\n" for record in records), encoding="utf-8")
    return path


def test_a_result_comes_back_as_it_was_written(written: tuple[ChangeResult, Path]) -> None:
    result, folder = written
    (read,) = read_results(folder)
    assert isinstance(read, ChangeResult)
    assert read.model_dump_json() == result.model_dump_json()
    assert read.regions[0].geometry.equals(result.regions[0].geometry)


def test_results_and_failures_come_in_their_order(written: tuple[ChangeResult, Path], tmp_path: Path) -> None:
    failed = PairFailure(id="b", domain="toy", error=ErrorRecord(type="PairError", message="no such file"))
    path = several(tmp_path / "run", written[0], failed, written[0].replace(id="c"))
    assert [(record.id, type(record)) for record in read_results(path.parent)] == [
        ("a", ChangeResult),
        ("b", PairFailure),
        ("c", ChangeResult),
    ]


def test_files_are_found_beside_the_record(written: tuple[ChangeResult, Path]) -> None:
    result, folder = written
    files = files_of(result, results_file(folder))
    assert {"mask", "score"} <= files.keys()
    assert all(path.is_file() and path.parent == folder for path in files.values())


def test_overlays_are_named_by_their_own_names(written: tuple[ChangeResult, Path]) -> None:
    result = written[0].replace(files={"mask": "mask.png", "overlays": {"edges": "overlays/edges.png"}})
    assert files_of(result, written[1] / "result.json") == {
        "mask": written[1] / "mask.png",
        "overlays/edges": written[1] / "overlays" / "edges.png",
    }


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"holds neither results\.jsonl nor result\.json"):
        results_file(tmp_path)
    with pytest.raises(ResultsError, match="is not there"):
        results_file(tmp_path / "away")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda record: json.dumps(record)[:-40], "line 2 is no JSON .* cut off"),
        (lambda record: json.dumps([1, 2]), "line 2 is no record of onediff"),
        (lambda record: json.dumps({"before": "a.png", "after": "b.png"}), "line 2 is no record of onediff"),
        (lambda record: json.dumps(record | {"schema": "onediff.change-result/2"}), "line 2 .* update onediff-plugins"),
        (lambda record: json.dumps(record | {"score": 3}), "line 2 is no record of the form .*: score: "),
        (lambda record: json.dumps(record | {"mood": "good"}), "line 2 .*: mood: .* a newer version may have written"),
    ],
)
def test_a_line_that_is_no_record_is_named(
    written: tuple[ChangeResult, Path], tmp_path: Path, spoil: Callable[[dict[str, Any]], str], said: str
) -> None:
    path = several(tmp_path / "run", written[0])
    with path.open("a", encoding="utf-8") as stream:
        stream.write(spoil(json.loads(written[0].model_dump_json())) + "\n")
    records = read_results(path)
    assert next(records).id == "a"
    with pytest.raises(ResultsError, match=said):
        next(records)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(ResultsError, match="cannot be read"):
        list(read_results(tmp_path))
