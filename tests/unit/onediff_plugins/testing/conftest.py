"""Running the kit's checks on a plugin, in this process."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from onediff_plugins.testing.messages import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Outcomes:
    """Names of checks by what became of them; messages of those that failed, reasons of those that were skipped."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            self.failed[name] = str(report.longrepr)
        elif report.skipped:
            self.skipped[name] = str(report.longrepr[2])
        elif report.when == "call":
            self.passed.add(name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        assert not report.failed, report.longrepr


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[type], Outcomes]:
    """Runs a class of the kit as its author would, with nothing but pytest itself."""

    def call(tests: type) -> Outcomes:
        subject = ModuleType("kit_subject")
        subject.TestSubject = tests
        monkeypatch.setitem(sys.modules, "kit_subject", subject)
        monkeypatch.delitem(sys.modules, "test_subject", raising=False)  # of the run before
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
        file = tmp_path / "test_subject.py"
        file.write_text("from kit_subject import TestSubject\n", encoding="utf-8")
        outcomes = Outcomes()
        without = [f"-pno:{plugin}" for plugin in ("cacheprovider", "faulthandler", "capture", "terminal")]
        pytest.main(
            [str(file), f"-c{tmp_path / 'pytest.ini'}", f"--basetemp={tmp_path / 'base'}", *without], [outcomes]
        )
        assert outcomes.passed or outcomes.failed, "no check ran"
        return outcomes

    return call


@pytest.fixture
def anchors(repo: Path) -> set[str]:
    """Headings of the page that messages lead to."""
    text = (repo / PAGE).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def fails_only(run: Callable[[type], Outcomes], anchors: set[str]) -> Callable[..., str]:
    """Runs a class that must fail one check and pass all others of the good ones; gives the message."""

    def call(tests: type, check: str, good: set[str]) -> str:
        outcomes = run(tests)
        assert set(outcomes.failed) == {check}, outcomes.failed
        assert outcomes.passed == good - {check}
        message = outcomes.failed[check]
        assert "expected: " in message
        assert "to do: " in message
        (anchor,) = set(re.findall(rf"{re.escape(PAGE)}#([\w-]+)", message))
        assert anchor in anchors
        return message

    return call
