"""The core model keeps the contract, with a tiny OneDiff for its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import onediff_core.plugin
from onediff_plugins.testing import ModelTests, PluginTests

if TYPE_CHECKING:
    from pathlib import Path


class TestCore(PluginTests):
    plugin = onediff_core.plugin
    # It registers the Auto classes once somebody imports transformers; about 20 ms, and nothing heavy behind it.
    allowed_imports = frozenset({"wrapt"})


class TestOneDiff(ModelTests):
    plugin = onediff_core.plugin
    model = "onediff"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _weights(cls, tiny_onediff: Path) -> None:
        cls.settings = {"weights": str(tiny_onediff)}
