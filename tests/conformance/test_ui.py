"""The UI domain and its detector keep the contract."""

from __future__ import annotations

import onediff_ui.plugin
from onediff_plugins.testing import DomainPluginTests, ModelTests


class TestUi(DomainPluginTests):
    plugin = onediff_ui.plugin


class TestUiBlocks(ModelTests):
    plugin = onediff_ui.plugin
    model = "ui-blocks"
