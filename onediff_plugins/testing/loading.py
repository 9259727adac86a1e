"""Checks of a domain's plugin before it sees a picture: hooks, imports, settings, sniffing."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

import pytest
from pydantic import ValidationError

from onediff_plugins.errors import SettingsError
from onediff_plugins.testing.base import PluginTests
from onediff_plugins.testing.hooks import hook_problems
from onediff_plugins.testing.imports import foreign_imports
from onediff_plugins.testing.messages import failure
from onediff_plugins.types import PairRequest


class LoadingTests(PluginTests):
    """It loads, quickly, and is what it says.

    Attributes:
        allowed_imports: top-level packages that importing the plugin module may load besides the standard library.
    """

    allowed_imports: ClassVar[frozenset[str]] = frozenset()

    def test_hooks_are_known_and_take_their_arguments(self) -> None:
        """It loads, is a domain, and each hook that it implements exists, is marked and asks for what there is."""
        where = f"plugin {getattr(self.plugin, '__name__', type(self.plugin).__name__)}"
        assert self.plugin is not None, f"{type(self).__name__}: set `plugin` to your plugin module"
        problems = hook_problems(self.plugin)
        assert not problems, failure(
            where,
            "; ".join(problems),
            expected="hooks of onediff_plugins.hookspecs, marked with @hookimpl, with any of their own arguments",
            do="correct the names; an implementation may leave arguments out, but not rename them",
            section="hooks",
        )
        info = self.plugin_info
        assert info.status == "loaded", failure(
            where, f"{info.error}", expected="a plugin that loads", do="see the message", section="hooks"
        )
        assert hasattr(self.plugin, "onediff_domain"), failure(
            where,
            "it does not implement onediff_domain",
            expected="a plugin that is a domain",
            do="implement it; for a plugin of models or exporters alone use ModelTests and ExporterTests",
            section="hooks",
        )
        assert self.domain.name

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

    def test_settings_refuse_unknown_keys(self) -> None:
        """A setting that is misspelt is an error, not the default in silence."""
        name, settings = self.domain.name, self.domain.settings
        advice = {
            "expected": "an error: a misspelt setting must not be passed over in silence",
            "do": 'leave extra="forbid" of DomainSettings.model_config as it is',
            "section": "settings",
        }
        with pytest.raises(SettingsError):
            type(self.host)([self.plugin, *self.also_load], entry_points=False, settings={f"{name}.no_such_setting": 1})
        try:
            settings(no_such_setting=1)  # type: ignore[call-arg]
        except ValidationError:
            return
        raise AssertionError(failure(settings.__name__, "takes the unknown setting 'no_such_setting'", **advice))

    def test_sniff_answers_for_anything_from_0_to_1(self) -> None:
        """`--domain auto` asks every domain about every pair, files that do not exist included."""
        sniff = self.domain.sniff
        if sniff is None:
            pytest.skip("the domain has no sniff: `--domain auto` does not ask it")
        missing = str(self.folder / "missing.png")
        here = self.draw()
        for what, source in (("a picture", self.place(here)), ("an array", here), ("a missing file", missing)):
            request = PairRequest(before=source, after=source, domain="auto")
            try:
                answer = sniff(request)
            except Exception as exc:
                raise AssertionError(self._sniff_failure(f"raised {type(exc).__name__} for {what}: {exc}")) from exc
            inside = isinstance(answer, int | float) and 0 <= answer <= 1
            assert inside, self._sniff_failure(f"answered {answer!r} for {what}")

    def _sniff_failure(self, came: str) -> str:
        return failure(
            f"sniff of domain {self.domain.name!r}",
            came,
            expected="a number in [0, 1], 0 for what is not its own or cannot be read",
            do="answer 0 instead of raising; read headers only",
            section="sniff",
        )
