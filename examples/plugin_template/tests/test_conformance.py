"""What every domain must do; the checks come with onediff-plugins."""

from __future__ import annotations

from onediff_documents import plugin
from onediff_plugins.testing import DomainPluginTests


class TestDocuments(DomainPluginTests):
    plugin = plugin
