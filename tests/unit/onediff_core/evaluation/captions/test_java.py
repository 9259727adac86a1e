"""The tools in Java, and stand-ins for them that misbehave."""

from __future__ import annotations

import os
import time

import pytest

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.captions import java as tools
from onediff_core.evaluation.captions.scoring import Tools


@pytest.fixture
def stand_in(tmp_path, monkeypatch, scorers):
    """A command called java, made of lines of a shell."""

    def make(script):
        command = tmp_path / "java"
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return make


def test_a_java_that_hangs_is_stopped(stand_in):
    stand_in("exec sleep 60")
    started = time.monotonic()
    with pytest.raises(EvaluationError, match="more than 1 s for 2 captions and was stopped; --no-java"):
        tools.words(["a", "b"], timeout=1)
    assert time.monotonic() - started < 20


def test_a_java_that_fails_is_quoted(stand_in):
    stand_in("echo 'There is not enough memory' >&2; exit 1")
    with pytest.raises(EvaluationError, match=r"0 of 1 captions.*exit 1: There is not enough memory"):
        tools.words(["a"])


def test_a_java_that_loses_a_line_is_not_believed(stand_in):
    stand_in("cat > /dev/null; echo one")
    with pytest.raises(EvaluationError, match="answered 1 of 2 captions"):
        tools.meteor_statistics([["a"], ["b"]], ["a", "b"])


def test_a_meteor_of_another_version_is_not_believed(stand_in):
    stand_in("cat > /dev/null; echo '1.0 2.0'")
    with pytest.raises(EvaluationError, match="2 counts instead of 23"):
        tools.meteor_statistics([["a"]], ["a"])


def test_without_java_captions_are_scored_in_python(monkeypatch, tmp_path, scorers):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.missing() == "there is no Java on the PATH"
    assert not Tools.here().java


def test_java_can_be_left_aside(java):
    assert Tools.here().java
    assert not Tools.here(java_allowed=False).java


def test_words_do_not_depend_on_the_locale(java, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    assert tools.words(["Café façade", "", "two\nlines"]) == ["café façade", "", "two lines"]


def test_nothing_is_asked_of_java_where_nothing_is_said(monkeypatch, tmp_path, scorers):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.words(["", " \n"]) == ["", ""]
    assert tools.meteor_statistics([], []).shape == (0, 23)
