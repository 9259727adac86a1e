"""What `make lint` and `make types` check, so that `make test` covers it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent


def run(repo: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing(repo: Path) -> None:
    run(repo, sys.executable, "-m", "ruff", "check", ".")


def test_the_code_is_formatted(repo: Path) -> None:
    run(repo, sys.executable, "-m", "ruff", "format", "--check", ".")


def test_imports_go_one_way(repo: Path) -> None:
    run(repo, str(SCRIPTS / "lint-imports"), "--no-cache")


@pytest.mark.slow
def test_types_are_strict_and_right(repo: Path) -> None:
    run(repo, sys.executable, "-m", "mypy")
