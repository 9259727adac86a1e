"""All checks of a domain in one class."""

from __future__ import annotations

from onediff_plugins.testing.alignment import AlignmentTests
from onediff_plugins.testing.answers import AnswerTests
from onediff_plugins.testing.declaration import DeclarationTests
from onediff_plugins.testing.loading import PluginTests
from onediff_plugins.testing.preprocessing import PreprocessingTests


class DomainPluginTests(PluginTests, DeclarationTests, AlignmentTests, PreprocessingTests, AnswerTests):
    """What every domain must do; a subclass names the plugin.

        class TestXray(DomainPluginTests):
            plugin = my_package.plugin

    The words of `DomainSpec.capabilities` decide which checks run; `docs/conformance.md` says what each wants.
    """

    @classmethod
    def stand_ins(cls) -> tuple[object, ...]:
        """None: the plugin is the domain."""
        return ()
