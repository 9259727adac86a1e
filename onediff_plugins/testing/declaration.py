"""Checks of what a domain declares: its record, its settings and its sniffing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.messages import failure
from onediff_plugins.types import PairRequest


class DeclarationTests(ConformanceTests):
    """The domain is what it says."""

    def test_the_plugin_is_a_domain(self) -> None:
        """It implements onediff_domain."""
        self.require_loaded()
        assert hasattr(self.plugin, "onediff_domain"), failure(
            f"plugin {self.plugin_info.owner}",
            "it does not implement onediff_domain",
            expected="a plugin that is a domain",
            do="implement it; a plugin of models or exporters alone uses PluginTests, ModelTests and ExporterTests",
            section="the-domain",
        )

    def test_settings_refuse_unknown_keys(self) -> None:
        """A setting that is misspelt is an error, not the default in silence."""
        settings = self.domain.settings
        try:
            settings(no_such_setting=1)  # type: ignore[call-arg]
        except ValidationError:
            return
        message = failure(
            f"{settings.__name__} of domain {self.domain.name!r}",
            "takes the unknown setting 'no_such_setting'",
            expected="an error: a misspelt setting must not be passed over in silence",
            do='leave extra="forbid" of DomainSettings.model_config as it is',
            section="settings",
        )
        raise AssertionError(message)

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
