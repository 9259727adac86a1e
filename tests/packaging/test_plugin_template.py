"""The template works as its page says: copied, renamed, installed into a clean environment, run, and conforming."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageDraw

from distributions import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a checkout's examples and an empty environment, who types what the pages say.

    Attributes:
        desk: folder in which `checkout/` lies.
        environment: the variables of their shell; pip finds onediff-plugins as if it were on the index.
    """

    desk: Path
    environment: dict[str, str]

    def types(self, lines: str, folder: str) -> str:
        """What the lines print when they are run in a folder of the desk; each must succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=self.desk / folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    desk = tmp_path_factory.mktemp("desk")
    caches = shutil.ignore_patterns("__pycache__", ".*", "out")
    shutil.copytree(repo / "examples", desk / "checkout" / "examples", ignore=caches)
    wheel = CONTRACT.build_wheel(desk / "index")
    venv.create(desk / "environment", with_pip=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ONEDIFF_", "PYTHON", "PYTEST"))}
    clean |= {
        "PATH": f"{desk / 'environment' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_CONSTRAINT": str(repo / "constraints.txt"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return Newcomer(desk, clean)


@pytest.fixture(scope="module")
def renamed(newcomer: Newcomer, repo: Path) -> str:
    """What the lines of "Make it your own" print."""
    _, lines = shell_blocks(repo / "examples/plugin_template/README.md")
    return newcomer.types(lines, "checkout")


def test_the_first_lines_are_those_that_are_run_after_renaming(repo: Path) -> None:
    first, second = shell_blocks(repo / "examples/plugin_template/README.md")
    assert second.endswith(first.replace("documents", "receipts"))


def test_a_renamed_copy_installs_compares_and_conforms(renamed: str, newcomer: Newcomer, repo: Path) -> None:
    said = re.search(r"```text\n(.*?)\n```", (repo / "examples/plugin_template/README.md").read_text(encoding="utf-8"))
    assert said is not None
    assert f"\n{said[1]}\n" in renamed
    (passed,) = re.findall(r"(\d+) passed", renamed)
    assert int(passed) > 30
    assert "failed" not in renamed


def test_nothing_of_the_old_name_is_left(renamed: str, newcomer: Newcomer) -> None:
    files = [path for path in (newcomer.desk / "onediff-receipts").rglob("*") if path.suffix in {".py", ".toml", ".md"}]
    assert len(files) > 10
    assert [path for path in files if "documents" in path.read_text(encoding="utf-8").lower()] == []


def test_it_is_a_plugin_of_a_wheel_and_of_nothing_else(renamed: str, newcomer: Newcomer) -> None:
    listed = json.loads(newcomer.types("onediff plugins --json", "onediff-receipts"))
    found = {plugin["name"]: (plugin["status"], plugin["dist"]) for plugin in listed["plugins"]}
    assert found["receipts"] == ("loaded", "onediff-receipts")
    assert "documents" not in found
    where = newcomer.types('python -c "import onediff_receipts as r; print(r.__file__)"', ".")
    assert Path(where).is_relative_to(newcomer.desk / "environment")
    newcomer.types("onediff doctor", "onediff-receipts")


def test_its_record_is_a_record(renamed: str, newcomer: Newcomer, schema_errors: Callable[[Any], list[str]]) -> None:
    record = json.loads((newcomer.desk / "onediff-receipts/out/result.json").read_text(encoding="utf-8"))
    assert schema_errors(record) == []
    assert (record["domain"], record["detector"], record["changed"]) == ("receipts", "receipts-ink", True)
    assert sorted(region["kind"] for region in record["regions"]) == ["added", "added", "added", "changed"]
    assert record["registration"]["method"].startswith("features")


def test_the_smallest_plugin_says_what_the_page_says_it_says(newcomer: Newcomer, repo: Path) -> None:
    page = repo / "docs/writing-a-plugin.md"
    shelf = Image.new("RGB", (640, 400), "#d8d4cc")
    shelf.save(newcomer.desk / "checkout/monday.jpg")
    draw = ImageDraw.Draw(shelf)
    draw.rectangle((60, 150, 179, 229), fill="#7a3b2e")
    draw.rectangle((420, 170, 479, 229), fill="#2e5a7a")
    shelf.save(newcomer.desk / "checkout/tuesday.jpg")
    printed = newcomer.types(shell_blocks(page)[0], "checkout")
    said = re.search(r"```text\n(.*?)\n```", page.read_text(encoding="utf-8"))
    assert said is not None
    assert f"\n{said[1]}\n" in printed
