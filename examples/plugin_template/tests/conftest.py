"""Compares two pictures in a host that holds this plugin alone, whatever else is installed."""

from __future__ import annotations

import pytest

from onediff_documents import plugin
from onediff_plugins import Host


@pytest.fixture(scope="session")
def compare():
    return Host(plugins=[plugin], entry_points=False).compare
