"""One thread, and a table of medians against targets at the end."""

from __future__ import annotations

import cv2
import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The targets are for one core."""
    cv2.setNumThreads(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Markdown, ready for docs/results.md."""
    session = getattr(config, "_benchmarksession", None)
    finished = [bench for bench in session.benchmarks if bench.stats.data] if session else []
    if not finished:
        return
    terminalreporter.section("medians against targets")
    terminalreporter.write_line("| what | median | target |\n|---|---|---|")
    for bench in finished:
        about = bench.extra_info
        measured = about.get("measured") or f"{bench.stats.median * 1000:.1f} ms"
        terminalreporter.write_line(f"| {about.get('what', bench.name)} | {measured} | {about.get('target', '-')} |")
