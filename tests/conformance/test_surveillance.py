"""The surveillance domain and its detector keep the contract."""

from __future__ import annotations

import onediff_surveillance.plugin
from onediff_plugins.testing import DomainPluginTests, ModelTests


class TestSurveillance(DomainPluginTests):
    plugin = onediff_surveillance.plugin


class TestIllumination(ModelTests):
    plugin = onediff_surveillance.plugin
    model = "illumination"
