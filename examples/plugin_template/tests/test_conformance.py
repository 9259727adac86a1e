"""What every domain and every detector must do; the checks come with onediff-plugins."""

from __future__ import annotations

from onediff_documents import plugin
from onediff_plugins.testing import DomainPluginTests, ModelTests


class TestDocuments(DomainPluginTests):
    plugin = plugin


class TestInk(ModelTests):
    plugin = plugin
    model = "documents-ink"
