"""Entry points through a fake dist-info: each plugin in its own guard."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from onediff_plugins import Host
from onediff_plugins.errors import (
    PluginApiError,
    PluginConflictError,
    PluginContractError,
    PluginLoadError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
from onediff_plugins import hookimpl

@hookimpl
def onediff_domain():
    from onediff_plugins import DomainSettings, DomainSpec
    return DomainSpec(name="{name}", summary="", settings=DomainSettings, api={api})
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a distribution with one module and one entry point, as pip would leave it on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    # Only what is installed here is found: the machine's own plugins must not decide these tests.
    monkeypatch.setattr("onediff_plugins.discovery.metadata.entry_points", lambda group: _entry_points(site, group))
    modules = set(sys.modules)

    def add(dist: str, source: str, *, entry: str | None = None, version: str = "1.2") -> str:
        module = dist.replace("-", "_")
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[onediff_plugins]\n{entry or dist} = {module}\n")
        return dist

    yield add
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site)):
            del sys.modules[name]


def _entry_points(site: Path, group: str):
    from importlib import metadata

    return [
        point
        for dist in metadata.distributions(path=[str(site)])
        for point in dist.entry_points
        if point.group == group
    ]


def infos(host: Host):
    return {info.name: info for info in host.plugins}


def test_a_good_plugin_is_listed_with_its_distribution(install):
    install("good", GOOD.format(name="good", api=1))
    info = infos(Host())["good"]
    assert (info.status, info.dist, info.version) == ("loaded", "good", "1.2")
    assert info.owner == "good (good 1.2)"


def test_a_broken_import_is_listed_and_harms_nothing(install):
    install("bad", "import a_module_that_nobody_has\n")
    install("good", GOOD.format(name="good", api=1))
    host = Host()
    broken = infos(host)["bad"]
    assert (broken.status, broken.dist, broken.version) == ("broken", "bad", "1.2")
    assert "a_module_that_nobody_has" in str(broken.error)
    assert list(host.domains()) == ["good"]
    with pytest.raises(PluginLoadError, match="a_module_that_nobody_has") as caught:
        host.plugin("bad")
    assert isinstance(caught.value.__cause__.__cause__, ModuleNotFoundError)


def test_a_typo_in_a_hook_name_is_told_with_the_near_miss(install):
    install("typo", GOOD.format(name="typo", api=1) + "\n@hookimpl\ndef onediff_aling_pair(pair, settings): ...\n")
    error = infos(Host())["typo"].error
    assert isinstance(error, PluginContractError)
    assert "no hook 'onediff_aling_pair'" in str(error)
    assert "Did you mean 'onediff_align_pair'?" in str(error)


def test_a_wrong_argument_is_told(install):
    install("args", GOOD.format(name="args", api=1) + "\n@hookimpl\ndef onediff_align_pair(image): ...\n")
    error = infos(Host())["args"].error
    assert isinstance(error, PluginContractError)
    assert "image" in str(error)


def test_a_forgotten_mark_is_told(install):
    install("unmarked", GOOD.format(name="unmarked", api=1) + "\ndef onediff_align_pair(pair, settings): ...\n")
    assert "onediff_align_pair looks like a hook but lacks @hookimpl" in str(infos(Host())["unmarked"].error)


@pytest.mark.parametrize(("api", "word"), [(99, "a newer"), (0, "an older")])
def test_another_api_version_is_refused_with_what_to_install(install, api, word):
    install("future", GOOD.format(name="future", api=api))
    host = Host()
    error = infos(host)["future"].error
    assert isinstance(error, PluginApiError)
    assert f"hook API {api}" in str(error)
    assert f"install {word} onediff-plugins" in str(error)
    assert "future" not in host.domains()


def test_one_name_from_two_distributions_names_both(install):
    install("first", GOOD.format(name="same", api=1), entry="same")
    install("second", GOOD.format(name="same", api=1), entry="same", version="3.4")
    host = Host()
    with pytest.raises(PluginConflictError, match=r"first 1\.2.*second 3\.4"):
        host.plugin("same")
    with pytest.raises(PluginConflictError):
        host.domain("same")


def test_a_plugin_that_is_no_domain_may_not_answer_a_stage(install):
    source = "from onediff_plugins import hookimpl\n@hookimpl\ndef onediff_align_pair(pair, settings): ...\n"
    install("intruder", source)
    assert "onediff_align_pair is answered by a plugin that is no domain" in str(infos(Host())["intruder"].error)


@pytest.mark.parametrize(("variable", "value"), [("ONEDIFF_LOAD_PLUGINS", "one"), ("ONEDIFF_DISABLE_PLUGINS", "two")])
def test_variables_choose_plugins(install, monkeypatch, variable, value):
    install("one", GOOD.format(name="one", api=1))
    install("two", GOOD.format(name="two", api=1))
    monkeypatch.setenv(variable, value)
    host = Host()
    assert list(host.domains()) == ["one"]
    assert infos(host)["two"].status == "disabled"


def test_arguments_choose_plugins_too(install):
    install("one", GOOD.format(name="one", api=1))
    install("two", GOOD.format(name="two", api=1))
    assert list(Host(load=["two"]).domains()) == ["two"]
    assert list(Host(disable=["two"]).domains()) == ["one"]


def test_without_entry_points_nothing_installed_is_loaded(install):
    install("bad", "raise SystemError('imported')\n")
    assert [info.name for info in Host(entry_points=False).plugins] == ["built-in"]


def test_an_unknown_plugin_is_unknown(install):
    with pytest.raises(UnknownNameError, match="unknown plugin 'nobody'"):
        Host().plugin("nobody")


def test_tracing_logs_every_hook_call(make_domain, pictures, capfd):
    host = Host([make_domain()], entry_points=False, trace=True)
    host.compare(*pictures)
    lines = capfd.readouterr().err
    assert "trace: onediff_domain asked toy: returned" in lines
    assert "trace: onediff_load_pair asked built-in: returned" in lines
