"""What a batch hands to its workers and takes back from them."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.batch import Outcome, RunPlan, pair_folder, run_batch
from onediff_plugins.errors import PluginError, UnknownNameError
from onediff_plugins.pairs import PairEntry

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """
from onediff_plugins import DomainSettings, DomainSpec, ExecutorSpec, hookimpl

handed = []

@hookimpl
def onediff_domain():
    return DomainSpec(name="tiny", summary="", settings=DomainSettings)

@hookimpl
def onediff_executors():
    return [ExecutorSpec(name="backwards", run=backwards), ExecutorSpec(name="lossy", run=lossy)]

def backwards(fn, items, workers):
    handed.append((list(items), workers))
    for index in reversed(range(len(items))):
        yield index, fn(items[index])

def lossy(fn, items, workers):
    for index, item in enumerate(items):
        yield index, MemoryError("too large") if item.id == "b" else fn(item)
"""


@pytest.fixture
def handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Install a domain with executors of its own; what they were handed."""
    info = tmp_path / "site" / "onediff_tiny-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onediff-tiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[onediff_plugins]\ntiny = onediff_tiny_of_test_batch\n")
    (tmp_path / "site" / "onediff_tiny_of_test_batch.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(__import__("sys").modules, "onediff_tiny_of_test_batch", raising=False)
    import onediff_tiny_of_test_batch

    return onediff_tiny_of_test_batch.handed


@pytest.fixture
def entries(tmp_path: Path) -> list[PairEntry]:
    from PIL import Image

    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    source = str(tmp_path / "a.png")
    return [PairEntry(id=id_, folder=id_, before=source, after=source, meta={"n": n}) for n, id_ in enumerate("abc")]


def plan(tmp_path: Path, **options: Any) -> RunPlan:
    return RunPlan(out=tmp_path / "out", load=("tiny",), **options)


def test_a_plan_travels_to_workers_and_keys_their_host(tmp_path: Path) -> None:
    made = plan(tmp_path, heads=("x",), settings='{"threshold": 0.4}')
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(pickle.loads(pickle.dumps(made))) == hash(made)


def test_a_plan_makes_a_host_with_its_settings_and_plugins(tmp_path: Path, handed: list[Any]) -> None:
    host = plan(tmp_path, settings='{"tiny.threshold": 0.25}').host()
    assert list(host.domains()) == ["tiny"]
    assert host.settings("tiny").threshold == 0.25


def test_results_stand_in_input_order_whatever_order_they_come_in(
    tmp_path: Path, handed: list[Any], entries: list[PairEntry]
) -> None:
    seen: list[Outcome] = []

    class Watch:
        def __init__(self, total: int) -> None:
            assert total == 3

        def __enter__(self) -> Any:
            return seen.append

        def __exit__(self, *error: object) -> None:
            pass

    summary = run_batch(plan(tmp_path), entries, executor="backwards", workers=5, progress=Watch)
    assert handed == [(entries, 5)]
    lines = [json.loads(line) for line in summary.results.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "c"]
    assert [line["meta"] for line in lines] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert seen == [Outcome(changed=False)] * 3
    assert (summary.pairs, summary.changed, summary.undecided, summary.failed, summary.skipped) == (3, 0, 0, 0, 0)
    assert all(pair_folder(tmp_path / "out", entry).is_dir() for entry in entries)


def test_an_executor_may_hand_back_an_exception_for_a_pair(
    tmp_path: Path, handed: list[Any], entries: list[PairEntry]
) -> None:
    summary = run_batch(plan(tmp_path), entries, executor="lossy")
    assert summary.failed == 1
    lines = [json.loads(line) for line in summary.results.read_text().splitlines()]
    assert lines[1]["error"] == {"type": "MemoryError", "message": "too large", "stage": None, "plugin": None}
    assert lines[1]["meta"] == {"n": 1}
    assert "error" not in lines[0]


def test_pairs_that_know_their_domain_are_checked_before_work(
    tmp_path: Path, handed: list[Any], entries: list[PairEntry]
) -> None:
    from dataclasses import replace

    wrong = [replace(entry, domain="tny") for entry in entries]
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny'"):
        run_batch(plan(tmp_path), wrong, executor="backwards")
    with pytest.raises(PluginError, match="takes no heads"):
        run_batch(plan(tmp_path, heads=("x",)), entries, executor="backwards")
    assert not (tmp_path / "out").exists()
    # one that knows a domain is enough to start
    assert run_batch(plan(tmp_path), [wrong[0], *entries[1:]], executor="backwards").failed == 1


def test_no_pairs_are_an_empty_file_of_results(tmp_path: Path, handed: list[Any]) -> None:
    summary = run_batch(plan(tmp_path), [], executor="backwards")
    assert summary.results.read_text() == ""
    assert summary.pairs == 0
