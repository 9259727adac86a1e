"""Checks of any plugin: that it loads, and how."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

import pytest

from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.hooks import hook_problems
from onediff_plugins.testing.imports import foreign_imports
from onediff_plugins.testing.messages import failure


class PluginTests(ConformanceTests):
    """What every plugin must do, whether it brings a domain, models, exporters or commands.

    Attributes:
        allowed_imports: top-level packages that importing the plugin module may load besides the standard library.
    """

    allowed_imports: ClassVar[frozenset[str]] = frozenset()

    def require_loaded(self) -> None:
        """Skip a check that cannot run because the plugin does not load: the first check fails for it."""
        if self.plugin is not None and self.plugin_info.status != "loaded":
            pytest.skip(f"the plugin does not load: {self.plugin_info.error}")

    def test_hooks_are_known_and_take_their_arguments(self) -> None:
        """It loads, and each hook that it implements exists, is marked and asks for what there is."""
        info = self.plugin_info
        where = f"plugin {info.owner}"
        problems = hook_problems(self.plugin)
        assert not problems, failure(
            where,
            "; ".join(problems),
            expected="hooks of onediff_plugins.hookspecs, marked with @hookimpl, with any of their own arguments",
            do="correct the names; an implementation may leave arguments out, but not rename them",
            section="hooks",
        )
        assert info.status == "loaded", failure(
            where, f"{info.error}", expected="a plugin that loads", do="see the message", section="hooks"
        )

    def test_importing_the_plugin_loads_nothing_heavy(self) -> None:
        """`onediff --help` imports every plugin, so a plugin module loads the hook marker and little else."""
        if not isinstance(self.plugin, ModuleType) or getattr(self.plugin, "__spec__", None) is None:
            pytest.skip("`plugin` is no module that can be imported by name, so its imports cannot be measured")
        loaded = foreign_imports(self.plugin.__name__, self.allowed_imports)
        listed = ", ".join(f"{name} ({took:.0f} ms)" for name, took in loaded.items())
        assert not loaded, failure(
            f"import {self.plugin.__name__}",
            f"loads {listed}",
            expected="onediff_plugins.hookimpl and the standard library only: `onediff --help` imports every plugin",
            do="import them inside the functions that use them, in this module and in those that it imports",
            section="imports",
        )
