"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import json
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

REPO = Path(__file__).resolve().parent.parent
# Read before any test starts, because `clean_environment` takes every ONEDIFF_* variable away.
DATA = Path(os.environ.get("ONEDIFF_DATA") or REPO.parent / "shared" / "data")

# The conformance tests of one domain also run where nothing but pytest is installed beside it.
if importlib.util.find_spec("hypothesis") is not None:
    import hypothesis

    # No deadline: a busy machine is not a failed property. On a CI the examples are the same every time.
    hypothesis.settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
    hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the ONEDIFF_* variables of whoever runs it."""
    for variable in [name for name in os.environ if name.startswith("ONEDIFF_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def data_set() -> Callable[[str], Path]:
    """Folder of a real data set by name; the test is skipped, with the reason, where there is none."""

    def find(name: str) -> Path:
        folder = DATA / name
        if not folder.is_dir():
            pytest.skip(f"no data set {name!r}: set ONEDIFF_DATA to the folder that holds it")
        return folder

    return find


@pytest.fixture(scope="session")
def schema_errors() -> Callable[[Any], list[str]]:
    """What the shipped JSON Schema finds wrong with a parsed record; an empty list for a valid one."""
    from jsonschema import Draft202012Validator

    text = resources.files("onediff_plugins").joinpath("schemas/change-result-1.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return lambda record: [error.message for error in validator.iter_errors(record)]
