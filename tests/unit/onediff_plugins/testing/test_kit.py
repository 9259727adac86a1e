"""The kit as a whole: what it needs, what its page says, and how its messages read."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from onediff_plugins import DomainSpec, Host, hookimpl, testing
from onediff_plugins.testing.messages import PAGE

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = [getattr(testing, name) for name in testing.__all__]
# What a subclass may set or override, beside the checks.
KNOBS = {
    name
    for cls in CLASSES
    for base in cls.__mro__
    for name in (*inspect.get_annotations(base), "draw", "insert", "source", "georef")
    if not name.startswith("_") and name not in ("folder", "model", "exporter")
}


@pytest.fixture(scope="module")
def text(repo: Path) -> str:
    return (repo / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("tests", CLASSES, ids=lambda cls: cls.__name__)
def test_every_check_is_documented(tests: type, text: str) -> None:
    checks = {name for name in dir(tests) if name.startswith("test_")}
    assert checks
    assert sorted(name for name in checks if f"`{name}`" not in text) == []


def test_the_page_names_no_check_that_does_not_exist(text: str) -> None:
    existing = {name for cls in CLASSES for name in dir(cls)}
    assert sorted(set(re.findall(r"`(test_\w+)`", text)) - existing) == []


def test_everything_that_a_subclass_may_set_is_documented(text: str) -> None:
    assert len(KNOBS) > 15
    assert sorted(name for name in KNOBS if not re.search(rf"`{name}[`(]", text)) == []


def test_the_capabilities_of_the_page_are_those_of_the_record_and_cover_the_domains_that_are_shipped(text: str) -> None:
    table = text.split("## Capabilities")[1].split("## ")[0]
    documented = set(re.findall(r"^\| `([\w-]+)` \|", table, flags=re.MULTILINE))
    described = re.search(r"capabilities: (.*?)\n        sniff:", DomainSpec.__doc__ or "", flags=re.DOTALL)
    assert described is not None
    assert documented == set(re.findall(r'"([\w-]+)":', described[1]))
    assert {word for spec in Host().domains().values() for word in spec.capabilities} <= documented


def test_a_capability_of_ones_own_is_welcome() -> None:
    class Own:
        @hookimpl
        def onediff_domain(self):
            from onediff_plugins import DomainSettings

            return DomainSpec(name="own", summary="", settings=DomainSettings, capabilities=frozenset({"see-through"}))

    assert Host([Own()], entry_points=False).domain("own").capabilities == {"see-through"}


def test_without_pytest_the_kit_says_what_to_install() -> None:
    script = "import sys; sys.modules['pytest'] = None; import onediff_plugins.testing"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "needs the package 'pytest': pip install 'onediff-plugins[testing]'" in done.stderr.splitlines()[-1]


def test_a_file_that_imports_the_classes_collects_none_of_their_checks(tmp_path: Path) -> None:
    source = f"from onediff_plugins.testing import {', '.join(testing.__all__)}\n"
    (tmp_path / "test_it.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-c", os.devnull, "."]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "no tests collected" in done.stdout
