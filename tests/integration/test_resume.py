"""A batch that was stopped goes on: the same results as an undisturbed run, and nothing done twice."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Results = Callable[[Path], list[dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture
def batch(onediff: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Run the batch of tmp_path/pairs.jsonl into tmp_path/out, in this process."""

    def run(*arguments: str) -> Any:
        listed, out = tmp_path / "pairs.jsonl", tmp_path / "out"
        return onediff("batch", listed, "--out", out, "--executor", "inline", *arguments)

    return run


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What the toy's observers were told since the last call: which pairs were really compared."""
    notes = tmp_path / "notes"
    monkeypatch.setenv("TOY_NOTES", str(notes))

    def read() -> list[str]:
        lines = notes.read_text().splitlines() if notes.exists() else []
        notes.unlink(missing_ok=True)
        return lines

    return read


def change_row(pairs: Path, number: int, **changes: object) -> None:
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    rows[number - 1].update(changes)
    pairs.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def whole_folders(out: Path) -> list[Path]:
    folders = out / "pairs"
    return [path for path in folders.iterdir() if not path.name.startswith(".")] if folders.is_dir() else []


def files_without_timings(out: Path) -> set[str]:
    """Every file but the records, which hold how long each stage took."""
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return {name for name in names if not name.endswith(("result.json", "results.jsonl"))}


def test_a_batch_killed_half_way_and_resumed_gives_the_results_of_an_undisturbed_run(
    pairs: Callable[[int], Path],
    onediff: Callable[..., Any],
    environment: dict[str, str],
    results: Results,
    tmp_path: Path,
) -> None:
    listed, out = pairs(8), tmp_path / "out"
    with listed.open("a") as stream:
        stream.write(f"{json.dumps({'id': 'gone', 'before': 'gone.png', 'after': 'gone.png'})}\n")
    command = [sys.executable, "-m", "onediff_plugins", "batch", str(listed), "--out", str(out), "--workers", "2"]
    slow = {**environment, "TOY_SLEEP": "0.3"}
    with subprocess.Popen(
        command, env=slow, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        deadline = time.monotonic() + 60
        while len(whole_folders(out)) < 2:
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < deadline, "no pair was finished"
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)
        printed, _ = run.communicate()
    assert run.returncode == -signal.SIGKILL
    assert printed == b""
    assert not (out / "results.jsonl").exists()
    done = whole_folders(out)
    assert 2 <= len(done) < 8
    assert all((folder / "result.json").exists() for folder in done)
    (out / "pairs" / ".unfinished-0123456789ab~").mkdir()  # whatever moment the kill hit, this is what it leaves

    finished = onediff("batch", listed, "--out", out, "--executor", "inline", "--resume")
    assert finished.code == 2
    assert finished.out == f"{out / 'results.jsonl'}\n"
    assert f"1 failed, {len(done)} done before" in finished.err
    assert len(whole_folders(out)) == 8
    assert not list(out.rglob(".unfinished*"))

    undisturbed = tmp_path / "undisturbed" / "out"
    onediff("batch", listed, "--out", undisturbed, "--executor", "inline")
    assert results(out) == results(undisturbed)
    assert len(results(out)) == 9
    names = files_without_timings(out)
    assert names == files_without_timings(undisturbed)
    assert "index.html" in names
    assert sum(name.endswith("/report.html") for name in names) == 8
    for name in names:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), name


def test_finished_pairs_are_skipped_and_failed_ones_retried(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    results: Results,
    tmp_path: Path,
) -> None:
    pairs(3)
    image = tmp_path / "images" / "2-after.png"
    image.rename(tmp_path / "away.png")
    assert batch().code == 2
    assert compared() == ["finished pair 1", "failed pair 2", "finished pair 3"]
    (tmp_path / "away.png").rename(image)
    ran = batch("--resume")
    assert ran.code == 0
    assert "0 failed, 2 done before" in ran.err
    assert compared() == ["finished pair 2"]
    assert [record["changed"] for record in results(tmp_path / "out")] == [True, True, False]


def test_resuming_what_is_complete_does_nothing_and_changes_nothing(
    pairs: Callable[[int], Path], batch: Callable[..., Any], compared: Callable[[], list[str]], tmp_path: Path
) -> None:
    pairs(2)
    batch()
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    compared()
    ran = batch("--resume")
    assert ran.code == 0
    assert compared() == []
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == before


def test_resume_in_a_new_folder_is_a_first_run(pairs: Callable[[int], Path], batch: Callable[..., Any]) -> None:
    pairs(1)
    ran = batch("--resume")
    assert ran.code == 0
    assert "0 done before" in ran.err


def test_an_earlier_run_is_not_touched_without_resume(
    pairs: Callable[[int], Path], batch: Callable[..., Any], compared: Callable[[], list[str]], tmp_path: Path
) -> None:
    pairs(1)
    batch()
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    compared()
    assert "holds an earlier run: add --resume to go on with it, or choose another --out" in batch().error
    (tmp_path / "out" / "results.jsonl").unlink()  # as after a kill
    assert "holds an earlier run" in batch().error
    assert compared() == []
    assert before


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ((), ("--set", "threshold=0.4"), "toy.threshold: 0.5 then, 0.4 now"),
        (("--set", "toy.grain=3"), (), "toy.grain: 3 then, 1 now"),
        ((), ("--detector", "difference"), 'detector: not given then, "difference" now'),
        (("--captioner", "template"), (), 'captioner: "template" then, not given now'),
        ((), ("--head", "toy.mark"), 'heads: [] then, ["toy.mark"] now'),
        (("--domain", "toy"), (), 'domain: "toy" then, not given now'),
    ],
)
def test_resume_with_other_settings_is_refused_and_names_them(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    then: tuple[str, ...],
    now: tuple[str, ...],
    said: str,
) -> None:
    pairs(1)
    assert batch(*then).code == 0
    compared()
    assert f"was made with other settings ({said}): use the same, or another --out" in batch("--resume", *now).error
    assert compared() == []
    assert batch("--resume", *then).code == 0


def test_resume_with_other_weights_of_the_same_name_is_refused_and_names_them(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = pairs(2)
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text(lines[0])
    monkeypatch.setenv("TOY_REVISION", "first")
    batch()
    compared()
    listed.write_text("".join(lines))
    monkeypatch.setenv("TOY_REVISION", "second")
    said = "was made with other models (toy-detector: first then, second now): use the same, or another --out"
    assert said in batch("--resume").error
    assert compared() == []
    monkeypatch.setenv("TOY_REVISION", "first")
    assert batch("--resume").code == 0
    assert compared() == ["finished pair 2"]


def test_weights_that_were_trained_on_since_are_asked_again(
    pairs: Callable[[int], Path], batch: Callable[..., Any], compared: Callable[[], list[str]], tmp_path: Path
) -> None:
    pairs(1)
    head = tmp_path / "mark" / "model.safetensors"
    head.parent.mkdir()
    head.touch()
    batch("--head", str(head.parent))
    compared()
    assert batch("--head", str(head.parent), "--resume").code == 0
    assert compared() == []
    later = time.time() + 1
    os.utime(head, (later, later))
    assert batch("--head", str(head.parent), "--resume").code == 0
    assert compared() == ["finished pair 1"]


def test_a_setting_from_the_environment_is_a_setting_too(
    pairs: Callable[[int], Path], batch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs(1)
    batch()
    monkeypatch.setenv("ONEDIFF_THRESHOLD", "0.25")
    assert "toy.threshold: 0.5 then, 0.25 now" in batch("--resume").error


def test_a_domain_installed_in_between_does_not_matter(
    pairs: Callable[[int], Path], batch: Callable[..., Any], site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs(1)
    batch("--domain", "toy")
    source = """
from onediff_plugins import DomainSettings, DomainSpec, hookimpl

@hookimpl
def onediff_domain():
    return DomainSpec(name="other", summary="", settings=DomainSettings)
"""
    site.install("onediff-other", {"other": "other_domain"}, other_domain=source)
    monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", "toy,other")
    ran = batch("--domain", "toy", "--resume")
    assert ran.code == 0
    assert "1 done before" in ran.err


@pytest.mark.parametrize("what", ["path", "content", "meta"])
def test_a_pair_whose_source_or_row_changed_is_compared_again(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    results: Results,
    tmp_path: Path,
    what: str,
) -> None:
    listed = pairs(3)
    batch()
    compared()
    image, same = tmp_path / "images" / "3-after.png", tmp_path / "images" / "1-after.png"
    if what == "path":
        change_row(listed, 3, after="images/1-after.png")
    elif what == "content":
        shutil.copyfile(same, image)
        later = time.time() + 1
        os.utime(image, (later, later))
    else:
        change_row(listed, 3, note="looked at")
    assert batch("--resume").code == 0
    assert compared() == ["finished pair 3"]
    record = results(tmp_path / "out")[2]
    assert record["changed"] is (what != "meta")
    assert record["meta"].get("note") == ("looked at" if what == "meta" else None)


def test_a_pair_that_fails_now_leaves_no_folder_of_an_earlier_run(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    results: Results,
    tmp_path: Path,
) -> None:
    listed = pairs(2)
    batch()
    change_row(listed, 2, after="images/gone.png")
    assert batch("--resume").code == 2
    assert "error" in results(tmp_path / "out")[1]
    assert len(whole_folders(tmp_path / "out")) == 1


def test_sources_that_are_away_do_not_undo_finished_pairs(
    pairs: Callable[[int], Path], batch: Callable[..., Any], tmp_path: Path
) -> None:
    pairs(2)
    batch()
    shutil.rmtree(tmp_path / "images")
    ran = batch("--resume")
    assert ran.code == 0
    assert "2 done before" in ran.err


def test_pairs_may_be_added_and_removed_between_runs(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    results: Results,
    tmp_path: Path,
) -> None:
    listed = pairs(4)
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join(lines[:3]))
    batch()
    compared()
    listed.write_text("".join(lines[:0:-1]))
    assert batch("--resume").code == 0
    assert compared() == ["finished pair 4"]
    assert [record["id"] for record in results(tmp_path / "out")] == ["pair 4", "pair 3", "pair 2"]


def test_a_record_that_somebody_damaged_is_made_again(
    pairs: Callable[[int], Path], batch: Callable[..., Any], compared: Callable[[], list[str]], tmp_path: Path
) -> None:
    pairs(1)
    batch()
    compared()
    (folder,) = whole_folders(tmp_path / "out")
    (folder / "result.json").write_text('{"schema": "onediff.change-result/1", "id": "pair 1", "before": null}')
    assert batch("--resume").code == 0
    assert compared() == ["finished pair 1"]


@pytest.mark.parametrize(("regions", "again"), [(None, ["finished pair 1"]), ([1], [])])
def test_a_pair_whose_captioner_failed_is_compared_again(
    pairs: Callable[[int], Path],
    batch: Callable[..., Any],
    compared: Callable[[], list[str]],
    tmp_path: Path,
    regions: list[int] | None,
    again: list[str],
) -> None:
    pairs(1)
    batch()
    compared()
    (folder,) = whole_folders(tmp_path / "out")
    record = json.loads((folder / "result.json").read_text())
    fallback = {"role": "describe", "model": "toy-words", "instead": "template", "reason": "busy"}
    # With regions the caption is the captioner's own, and it may never have had words for these.
    record["provenance"]["fallbacks"] = [fallback | ({} if regions is None else {"regions": regions})]
    (folder / "result.json").write_text(json.dumps(record))
    assert batch("--resume").code == 0
    assert compared() == again


def test_an_interrupted_batch_ends_quickly_says_so_and_can_be_resumed(
    pairs: Callable[[int], Path], environment: dict[str, str], onediff: Callable[..., Any], tmp_path: Path
) -> None:
    listed, out = pairs(6), tmp_path / "out"
    command = [sys.executable, "-m", "onediff_plugins", "batch", str(listed), "--out", str(out), "--workers", "1"]
    slow = {**environment, "TOY_SLEEP": "0.3"}
    with subprocess.Popen(
        command,
        env=slow,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A test run in the background of a shell inherits that SIGINT is ignored.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as run:
        try:
            deadline = time.monotonic() + 60
            while not whole_folders(out):
                assert time.monotonic() < deadline, "no pair was finished"
                time.sleep(0.02)
            os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to the workers too
            printed, said = run.communicate(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 130
    assert printed == b""
    assert said.decode().rstrip().endswith("onediff: interrupted")
    assert "Traceback" not in said.decode()
    assert not list(out.rglob(".unfinished*"))
    done = len(whole_folders(out))
    assert done < 6
    assert f"{done} done before" in onediff("batch", listed, "--out", out, "--executor", "inline", "--resume").err
