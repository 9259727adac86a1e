"""Errors say what, whose, and what to do now."""

from __future__ import annotations

import inspect

import pytest

from onediff_plugins import errors
from onediff_plugins.errors import MissingDependencyError, OneDiffError, UnknownNameError, near_miss

ALL_ERRORS = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
def test_every_error_is_a_onediff_error_and_public(error: type[Exception]) -> None:
    assert issubclass(error, OneDiffError)
    assert error.__name__ in errors.__all__


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        ("PluginLoadError", "PluginError"),
        ("PluginConflictError", "PluginError"),
        ("PluginContractError", "PluginError"),
        ("PluginApiError", "PluginError"),
        ("UnsupportedSourceError", "PairError"),
        ("MismatchedPairError", "PairError"),
        ("RegistrationError", "PairError"),
    ],
)
def test_families_can_be_caught_by_their_parent(child: str, parent: str) -> None:
    assert issubclass(getattr(errors, child), getattr(errors, parent))


def test_an_error_knows_no_stage_or_plugin_until_the_host_fills_them_in() -> None:
    error = OneDiffError("x")
    assert (error.stage, error.plugin) == (None, None)
    error.stage = "align"
    assert OneDiffError.stage is None


def test_an_unknown_name_lists_choices_and_the_nearest() -> None:
    error = UnknownNameError("domain", "satelite", ["ui", "satellite"])
    assert str(error) == "unknown domain 'satelite'. Did you mean 'satellite'? Installed: satellite, ui."
    assert error.name == "satelite"
    assert error.choices == ["satellite", "ui"]


def test_an_unknown_name_that_a_distribution_brings_says_which_to_install() -> None:
    assert "`pip install onediff-surveillance` brings 'surveillance'." in str(
        UnknownNameError("domain", "surveillance", ["ui"])
    )


def test_an_unknown_name_without_choices_says_none() -> None:
    message = str(UnknownNameError("exporter", "pdf", []))
    assert message == "unknown exporter 'pdf'. Installed: none."


def test_a_missing_dependency_says_what_needs_it_and_how_to_install() -> None:
    error = MissingDependencyError("pyproj", "a georeferenced pair", "onediff-plugins[geo]")
    assert str(error) == "a georeferenced pair needs the package 'pyproj': pip install 'onediff-plugins[geo]'"
    assert error.package == "pyproj"


@pytest.mark.parametrize(("name", "expected"), [("treshold", "threshold"), ("zzz", None), ("threshold", "threshold")])
def test_near_miss_is_close_or_nothing(name: str, expected: str | None) -> None:
    assert near_miss(name, ["threshold", "min_valid"]) == expected
