"""stderr carries our own lines; what libraries say is for those who ask."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys, warnings
from onediff_plugins.quiet import quiet_libraries

quiet_libraries(verbose=sys.argv[1] == "verbose")
warnings.warn("a warning of a library")
logging.getLogger("library").warning("a log line of a library")
logging.getLogger("library").error("an error of a library")
logging.getLogger("onediff_plugins.plugins").warning("ours")
logging.getLogger("onediff_plugins.plugins").info("ours in detail")
"""
WARNED = "UserWarning: a warning of a library"


def said(how: str, *options: str) -> list[str]:
    command = [sys.executable, *options, "-c", SCRIPT, how]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == ""
    return [line.partition(": ")[2] if line.startswith("<string>") else line for line in ran.stderr.splitlines()]


@pytest.mark.parametrize(
    ("how", "options", "lines"),
    [
        ("plain", (), ["an error of a library", "ours"]),
        ("plain", ("-W", "default"), [WARNED, "an error of a library", "ours"]),
        (
            "verbose",
            (),
            [WARNED, "a log line of a library", "an error of a library", "ours", "ours in detail"],
        ),
    ],
)
def test_libraries_are_heard_when_asked(how: str, options: tuple[str, ...], lines: list[str]) -> None:
    assert said(how, *options) == lines
