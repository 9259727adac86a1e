"""One pair from the command line: what is said, what is written, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture
def changed(picture: Callable[..., str]) -> tuple[str, str]:
    return picture("before.png"), picture("after.png", (20, 20))


@pytest.fixture
def same(picture: Callable[..., str]) -> tuple[str, str]:
    return picture("before.png"), picture("before.png")


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_caption_and_a_short_table_are_printed(onediff: Run, changed: tuple[str, str]) -> None:
    ran = onediff("compare", *changed)
    assert (ran.code, ran.err) == (0, "")
    caption, verdict, head, row, *_ = ran.out.splitlines()
    assert caption == "A toy in the centre changed."
    assert verdict.startswith("changed (score 0.")
    assert "| toy, toy-detector, words by toy-words | assumed |" in verdict
    assert head.split() == ["id", "kind", "label", "score", "before", "after", "what"]
    assert row.split()[:3] == ["1", "changed", "toy"]


def test_a_pair_without_a_change_says_so(onediff: Run, same: tuple[str, str]) -> None:
    ran = onediff("compare", *same)
    assert (ran.code, ran.err) == (0, "")
    caption, verdict = ran.out.splitlines()
    assert caption == "Nothing changed."
    assert verdict.startswith("not changed (score 0.00)")


def test_json_is_one_valid_record_and_nothing_else(
    onediff: Run,
    changed: tuple[str, str],
    schema_errors: Callable[[Any], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TOY_PRINT", "1")
    ran = onediff("compare", *changed, "--json", "--out", tmp_path / "out")
    assert ran.code == 0
    assert ran.err == "the toy chatters\n"  # what a plugin prints does not end up in the record
    record = json.loads(ran.out)
    assert schema_errors(record) == []
    assert (record["changed"], record["before"]["source"]) == (True, changed[0])
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == record


def test_the_exit_code_is_the_verdict_only_when_asked(
    onediff: Run, changed: tuple[str, str], same: tuple[str, str]
) -> None:
    assert onediff("compare", *changed).code == 0
    assert onediff("compare", *changed, "--exit-code").code == 1
    assert onediff("compare", *same, "--exit-code").code == 0
    assert onediff("compare", *changed, "--exit-code", "--set", "min_valid=1").code == 1
    assert onediff("compare", *changed, "--exit-code", "--set", "threshold=1").code == 0


def test_the_output_folder_holds_what_the_record_names(onediff: Run, changed: tuple[str, str], tmp_path: Path) -> None:
    ran = onediff("compare", *changed, "--out", tmp_path / "new" / "out")
    assert ran.code == 0
    names = ["mask.png", "overlay.png", "overlays/toy.txt", "report.html", "score.png", "thumbnail.webp", "result.json"]
    assert ran.out.splitlines()[-1] == f"written to {tmp_path / 'new' / 'out'}: {', '.join(names)}"
    assert ran.err == f"look at {tmp_path / 'new' / 'out' / 'report.html'}\n"
    assert everything(tmp_path / "new") == {"out", "out/overlays"} | {f"out/{name}" for name in names}


def test_our_own_folder_is_replaced_as_a_whole(
    onediff: Run, changed: tuple[str, str], same: tuple[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    onediff("compare", *changed, "--out", out)
    (out / "scratch.txt").write_text("of the first")
    assert onediff("compare", *same, "--out", out).code == 0
    assert json.loads((out / "result.json").read_text())["changed"] is False
    assert not (out / "scratch.txt").exists()
    assert not list(tmp_path.glob(".unfinished*"))


def test_brackets_in_a_path_are_no_markup(onediff: Run, changed: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "[bold]out[" / "red]"
    ran = onediff("compare", *changed, "--out", out)
    assert ran.code == 0
    assert f"written to {out}:" in ran.out


def test_detector_captioner_head_and_settings_reach_the_record(onediff: Run, changed: tuple[str, str]) -> None:
    own = json.loads(onediff("compare", *changed, "--json").out)
    assert own["provenance"]["models"]["detect"]["heads"] == ["toy.mark"]
    assert own["provenance"]["plugins"] == {"onediff-toy": "1.2"}
    arguments = ("--detector", "difference", "--captioner", "template", "--set", "toy.grain=7", "--device", "cpu")
    asked = json.loads(onediff("compare", *changed, "--json", *arguments).out)
    assert (asked["detector"], asked["caption_source"]) == ("difference", "template")
    assert asked["provenance"]["models"]["detect"]["heads"] == []
    assert asked["provenance"]["settings_digest"] != own["provenance"]["settings_digest"]


def test_a_real_process_says_the_same_and_is_silent_on_stderr(
    onediff: Run, changed: tuple[str, str], environment: dict[str, str]
) -> None:
    command = [sys.executable, "-W", "default", "-m", "onediff_plugins", "compare", *changed, "--json", "--exit-code"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    here = json.loads(onediff("compare", *changed, "--json").out)
    assert {**json.loads(ran.stdout), "timings_ms": {}} == {**here, "timings_ms": {}}


def test_a_reader_that_went_away_is_neither_a_change_nor_a_complaint(
    changed: tuple[str, str], environment: dict[str, str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "onediff_plugins", "compare", *changed]
    ran = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (2, b"")
