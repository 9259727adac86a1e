"""The satellite domain, its detector and its exporter keep the contract."""

from __future__ import annotations

import onediff_satellite.plugin
from onediff_plugins.testing import DomainPluginTests, ExporterTests, ModelTests


class TestSatellite(DomainPluginTests):
    plugin = onediff_satellite.plugin


class TestIrMad(ModelTests):
    plugin = onediff_satellite.plugin
    model = "ir-mad"


class TestCog(ExporterTests):
    plugin = onediff_satellite.plugin
    exporter = "cog"
