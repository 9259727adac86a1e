"""The tools of this repository find what is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import alone
import snippets
from distributions import DISTRIBUTIONS, DOMAINS

if TYPE_CHECKING:
    from pathlib import Path

TOML = (
    "<!-- include: examples/smallest_plugin/pyproject.toml#project.entry-points.onediff_plugins -->\n```toml\n{}```\n"
)
TABLE = '[project.entry-points.onediff_plugins]\nshelf = "onediff_shelf"\n'


def test_every_project_folder_is_a_distribution(repo: Path) -> None:
    folders = {file.parent.name for file in (repo / "domains").glob("*/pyproject.toml")}
    assert set(DOMAINS) == folders
    assert {"onediff-plugins", "onediff-documents", *(f"onediff-{folder}" for folder in folders)} <= set(DISTRIBUTIONS)


def test_every_domain_has_its_conformance_tests(repo: Path) -> None:
    for name in DOMAINS:
        assert "(DomainPluginTests)" in (repo / f"tests/conformance/test_{name}.py").read_text(encoding="utf-8")


def test_a_block_that_differs_from_its_file_is_stale_until_it_is_rewritten() -> None:
    page = TOML.format("something = 'else'\n")
    assert snippets.stale(page) == ["examples/smallest_plugin/pyproject.toml#project.entry-points.onediff_plugins"]
    assert snippets.rewritten(page) == TOML.format(TABLE)
    assert snippets.stale(TOML.format(TABLE)) == []


def test_a_part_of_a_python_file_comes_with_its_decorators_and_without_its_neighbours() -> None:
    page = "<!-- include: examples/smallest_plugin/onediff_shelf.py#onediff_domain -->\n```python\n```\n"
    code = snippets.rewritten(page).split("```python\n")[1]
    assert code.startswith("@hookimpl\ndef onediff_domain()")
    assert "import hookimpl" not in code


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("<!-- include: no/such.py -->\n```python\n```\n", "no/such.py: there is no such file"),
        ("<!-- include: tools/alone.py#mian -->\n```python\n```\n", "tools/alone.py has no mian"),
        ("<!-- include: tools/alone.py -->\n\nno block\n", "not followed by a block"),
    ],
)
def test_a_mark_that_leads_nowhere_is_an_error(page: str, says: str) -> None:
    with pytest.raises(LookupError, match=says):
        snippets.stale(page)


def test_a_domain_without_conformance_tests_is_told_to_write_them(tmp_path: Path) -> None:
    with pytest.raises(alone.AloneError, match=r"test_nowhere\.py is missing: write `class"):
        alone.check("nowhere", tmp_path, tmp_path)


def test_a_domain_that_fails_is_an_exit_code_and_the_next_one_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(domain: str, contract: Path, folder: Path) -> str:
        if domain == "ui":
            raise alone.AloneError("one check failed")
        return "21 passed"

    monkeypatch.setattr(alone, "check", check)
    assert alone.main(["ui", "satellite"]) == 1
    out, err = capsys.readouterr()
    assert [line.partition(" (")[0] for line in out.splitlines()] == ["ui: FAILED", "satellite: 21 passed"]
    assert err == "one check failed\n"
    assert alone.main(["satellite"]) == 0


def run_alone(repo: Path, *domains: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repo / "tools" / "alone.py"), *domains]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def test_a_domain_that_does_not_exist_cannot_be_tested_alone(repo: Path) -> None:
    done = run_alone(repo, "uu")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no domain uu" in done.stderr


@pytest.mark.slow
def test_a_domain_alone_conforms(repo: Path) -> None:
    """One of them; `make alone` runs all."""
    done = run_alone(repo, "ui")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ui: ")
    assert " passed" in done.stdout
