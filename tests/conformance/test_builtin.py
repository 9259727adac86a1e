"""The built-in models and exporters keep the contract that those of plugins keep."""

from __future__ import annotations

import importlib.util

import pytest

from onediff_plugins.testing import ExporterTests, ModelTests


class TestDifference(ModelTests):
    model = "difference"


class TestTemplate(ModelTests):
    model = "template"


class TestJson(ExporterTests):
    exporter = "json"


@pytest.mark.skipif(importlib.util.find_spec("pyproj") is None, reason="map coordinates need onediff-plugins[geo]")
class TestGeojson(ExporterTests):
    exporter = "geojson"
    georeferenced = True


class TestPng(ExporterTests):
    exporter = "png"
