"""The conformance kit: what every plugin must do, as pytest classes that a plugin's author subclasses.

    class TestXray(DomainPluginTests):
        plugin = my_package.plugin

`docs/conformance.md` says what each check wants and how to change the pictures it is made with. The library itself
never imports this package: it needs pytest, which the extra `onediff-plugins[testing]` brings.
"""

from __future__ import annotations

from onediff_plugins.errors import MissingDependencyError

try:
    import pytest
except ImportError as exc:
    raise MissingDependencyError(
        "pytest", "the conformance kit onediff_plugins.testing", "onediff-plugins[testing]"
    ) from exc

_CHECKING = ("alignment", "answers", "base", "declaration", "exporters", "loading", "models", "preprocessing")
# Before they are imported, so that a failed assert shows its values as it does in a test file.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _CHECKING))

from onediff_plugins.testing.domain import DomainPluginTests  # noqa: E402
from onediff_plugins.testing.exporters import ExporterTests  # noqa: E402
from onediff_plugins.testing.loading import PluginTests  # noqa: E402
from onediff_plugins.testing.models import ModelTests  # noqa: E402

__all__ = ["DomainPluginTests", "ExporterTests", "ModelTests", "PluginTests"]
