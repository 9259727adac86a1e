"""The local executor: every item has an outcome, whatever happens to the process that works on it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from onediff_plugins.executors import THREAD_VARIABLES, WorkerDiedError, run_local

if TYPE_CHECKING:
    from collections.abc import Callable


def test_every_item_has_its_outcome_once_under_its_own_index() -> None:
    items = [5, 3, 1, 0, 4]
    assert dict(run_local(math.factorial, items, 2)) == {0: 120, 1: 6, 2: 1, 3: 1, 4: 24}


def test_no_items_are_no_processes() -> None:
    assert list(run_local(math.factorial, [], 2)) == []


def test_a_process_that_dies_costs_only_its_own_item() -> None:
    items = ["1 + 1", "__import__('os')._exit(3)", "2 + 2", "3 + 3", "4 + 4", "5 + 5"]
    outcomes = list(run_local(eval, items, 2))
    assert sorted(index for index, _ in outcomes) == [0, 1, 2, 3, 4, 5]
    by_index = dict(outcomes)
    died = by_index.pop(1)
    assert by_index == {0: 2, 2: 4, 3: 6, 4: 8, 5: 10}
    assert isinstance(died, WorkerDiedError)
    assert "died" in str(died)


def test_workers_are_single_threaded_and_this_process_keeps_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREAD_VARIABLES[0], "7")
    monkeypatch.delenv(THREAD_VARIABLES[1], raising=False)
    items = [f"__import__('os').environ[{name!r}]" for name in THREAD_VARIABLES]
    seen = dict(run_local(eval, [*items, "__import__('cv2').getNumThreads()"], 1))
    assert [seen[index] for index in range(len(items))] == ["1"] * len(items)
    assert seen[len(items)] == 1
    assert os.environ[THREAD_VARIABLES[0]] == "7"
    assert THREAD_VARIABLES[1] not in os.environ


def test_what_a_worker_prints_does_not_reach_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert dict(run_local(eval, ["print('noise', flush=True)"], 1)) == {0: None}
    out, err = capfd.readouterr()
    assert out == ""
    assert "noise" in err


def test_more_work_is_not_handed_out_than_can_be_in_hand() -> None:
    # Half a million items: were they all queued at once, the first outcome would take far longer than this.
    items = range(500_000)
    outcomes = run_local(math.sqrt, items, 1)
    started = time.perf_counter()
    assert next(outcomes) == (0, 0.0)
    outcomes.close()
    assert time.perf_counter() - started < 30


PARENT = """
import sys
from onediff_plugins.executors import run_local

if __name__ == "__main__":
    work = "open({path!r}, 'w').write(str(__import__('os').getpid())), __import__('time').sleep(120)"
    list(run_local(eval, [work.format(path=sys.argv[1])], 1))
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the worker in /proc")
def test_a_killed_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    script, noted = tmp_path / "parent.py", tmp_path / "pid"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script), str(noted)], start_new_session=True) as parent:
        try:
            wait_until(lambda: noted.exists() and noted.read_text() != "")
            worker = int(noted.read_text())
            parent.kill()
            wait_until(lambda: not is_running(worker))
        finally:
            parent.kill()
            kill_group(parent.pid)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def wait_until(happened: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
