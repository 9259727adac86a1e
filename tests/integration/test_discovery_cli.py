"""What a user sees of installed plugins: good ones, broken ones, and two that want the same name."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Any]

DOMAIN = """
from onediff_plugins import DomainSettings, DomainSpec, hookimpl

@hookimpl
def onediff_domain():
    return DomainSpec(name="{name}", summary="", settings=DomainSettings{more})
"""
BROKEN = "import a_package_that_nobody_has\n"
TYPO = """
from onediff_plugins import hookimpl

@hookimpl
def onediff_load_pairs(request, settings):
    return None
"""
FORGOTTEN = DOMAIN.format(name="forgotten", more="") + "\ndef onediff_align_pair(pair, settings):\n    return None\n"
ANSWERS = """
from onediff_plugins import hookimpl

@hookimpl
def onediff_align_pair(pair, settings):
    return None
"""
WRAPS = """
from dataclasses import replace

from onediff_plugins import hookimpl

@hookimpl(wrapper=True)
def onediff_refine_result(result, pair, settings):
    refined = yield
    return (refined or result).replace(caption="Wrapped.")
"""


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Load just these plugins, whatever else is installed here."""
    return lambda *names: monkeypatch.setenv("ONEDIFF_LOAD_PLUGINS", ",".join(names))


@pytest.fixture
def listed(onediff: Run) -> Callable[[], dict[str, Any]]:
    """`onediff plugins --json`, its plugins by name."""

    def read() -> dict[str, Any]:
        ran = onediff("plugins", "--json")
        assert ran.code == 0
        assert ran.err == ""
        parsed = json.loads(ran.out)
        return {**parsed, "plugins": {plugin["name"]: plugin for plugin in parsed["plugins"]}}

    return read


@pytest.fixture
def pair(picture: Callable[..., str]) -> tuple[str, str]:
    """A pair that differs by one square."""
    return picture("before.png"), picture("after.png", (20, 20))


# --- broken ones harm nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (BROKEN, "cannot be imported: ModuleNotFoundError: No module named 'a_package_that_nobody_has'"),
        ("raise SystemError('at import')", "cannot be imported: SystemError: at import"),
        ("def (", "cannot be imported: SyntaxError"),
        (TYPO, "there is no hook 'onediff_load_pairs'. Did you mean 'onediff_load_pair'?"),
        (FORGOTTEN, "onediff_align_pair looks like a hook but lacks @hookimpl"),
        (ANSWERS, "onediff_align_pair is answered by a plugin that is no domain"),
        (DOMAIN.format(name="Bad Name", more=""), "the name 'Bad Name' must match"),
        (DOMAIN.format(name="bad", more=", api=99"), "was written for hook API 99, this is 1"),
        (DOMAIN.format(name="bad", more=", colour='red'"), "onediff_domain raised TypeError"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_error_and_harms_nothing(
    toy: object, site: Any, only: Any, listed: Any, onediff: Run, pair: tuple[str, str], source: str, error: str
) -> None:
    site.install("acme-onediff", {"bad": "acme_bad"}, version="3.1", acme_bad=source)
    only("toy", "bad")
    found = listed()
    plugin = found["plugins"]["bad"]
    assert (plugin["status"], plugin["dist"], plugin["version"]) == ("broken", "acme-onediff", "3.1")
    assert error in plugin["error"]
    assert found["plugins"]["toy"]["status"] == "loaded"
    assert list(found["domains"]) == ["toy"]
    ran = onediff("compare", *pair)
    assert (ran.code, ran.err) == (0, "")
    # asked for by name, it answers with its own error
    asked = onediff("compare", *pair, "--domain", "bad").error
    assert "bad (acme-onediff 3.1) is broken" in asked
    assert error in asked


@pytest.mark.parametrize(
    "place",
    ["domain", "models", "heads", "exporters", "executors"],
)
def test_a_contribution_that_raises_breaks_its_own_plugin_only(
    toy: object, listed: Any, onediff: Run, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("TOY_RAISE", place)
    plugin = listed()["plugins"]["toy"]
    assert plugin["status"] == "broken"
    hook = f"onediff_{place}"
    assert plugin["error"] == f"toy (onediff-toy 1.2): {hook} raised RuntimeError: the toy broke in {place}"
    error = onediff("compare", *pair, "--domain", "toy").error
    assert f"toy (onediff-toy 1.2): {hook} raised RuntimeError: the toy broke in {place}" in error


def test_two_distributions_with_one_name_are_both_named_and_neither_is_used(
    toy: object, site: Any, only: Any, listed: Any, onediff: Run, pair: tuple[str, str]
) -> None:
    site.install("acme-birds", {"birds": "acme_birds"}, acme_birds=DOMAIN.format(name="birds", more=""))
    site.install("zoo-birds", {"birds": "zoo_birds"}, version="2.0", zoo_birds=DOMAIN.format(name="birds", more=""))
    only("toy", "birds")
    found = listed()
    assert found["plugins"]["birds"]["status"] == "broken"
    assert list(found["domains"]) == ["toy"]
    error = onediff("compare", *pair, "--domain", "birds").error
    assert "acme-birds 1.0 and zoo-birds 2.0" in error
    assert onediff("compare", *pair, "--domain", "toy").code == 0


def test_two_plugins_with_one_domain_are_both_named(
    toy: object, site: Any, only: Any, onediff: Run, pair: tuple[str, str]
) -> None:
    site.install("acme-toys", {"acme": "acme_toys"}, acme_toys=DOMAIN.format(name="toy", more=""))
    only("toy", "acme")
    error = onediff("compare", *pair, "--domain", "toy").error
    assert "acme (acme-toys 1.0)" in error
    assert "toy (onediff-toy 1.2)" in error
    assert "both claim the domain 'toy': uninstall or disable one of them" in error


def test_a_plugin_that_is_no_domain_may_wrap_a_stage(
    toy: object, site: Any, only: Any, listed: Any, onediff: Run, pair: tuple[str, str]
) -> None:
    site.install("acme-words", {"words": "acme_words"}, acme_words=WRAPS)
    only("toy", "words")
    assert listed()["plugins"]["words"]["status"] == "loaded"
    assert onediff("compare", *pair).out.startswith("Wrapped.\n")


# --- which ones are loaded -------------------------------------------------------------------------------------


def test_variables_choose_which_plugins_are_loaded(
    toy: object, site: Any, listed: Any, onediff: Run, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme-bad", {"bad": "acme_bad"}, acme_bad=BROKEN)
    assert listed()["plugins"]["bad"]["status"] == "disabled"  # only the toy is asked for
    monkeypatch.delenv("ONEDIFF_LOAD_PLUGINS")
    monkeypatch.setenv("ONEDIFF_DISABLE_PLUGINS", "bad, toy")
    found = listed()
    assert (found["plugins"]["bad"]["status"], found["plugins"]["toy"]["status"]) == ("disabled", "disabled")
    assert "toy" not in found["domains"]
    assert "unknown domain 'toy'" in onediff("compare", *pair, "--domain", "toy").error
    monkeypatch.setenv("ONEDIFF_DISABLE_PLUGINS", "")
    found = listed()
    assert (found["plugins"]["bad"]["status"], found["plugins"]["toy"]["status"]) == ("broken", "loaded")


def test_tracing_tells_every_hook_call_on_stderr_and_leaves_stdout_alone(
    toy: object, onediff: Run, pair: tuple[str, str], environment: dict[str, str]
) -> None:
    quiet = onediff("compare", *pair).out.splitlines()
    command = [sys.executable, "-m", "onediff_plugins", "compare", *pair]
    ran = subprocess.run(
        command, env={**environment, "ONEDIFF_TRACE_PLUGINS": "1"}, capture_output=True, text=True, check=True
    )
    lines = ran.stderr.splitlines()
    assert all(line.startswith("trace: onediff_") for line in lines)
    for stage in ("load_pair", "align_pair", "preprocess_pair", "extract_regions", "caption_prompt", "refine_result"):
        assert any(line.startswith(f"trace: onediff_{stage} asked toy, built-in: returned") for line in lines) or any(
            line.startswith(f"trace: onediff_{stage} asked toy: returned") for line in lines
        ), stage
    assert [line for line in ran.stdout.splitlines() if " ms" not in line] == [
        line for line in quiet if " ms" not in line
    ]


# --- plugins, doctor and commands ------------------------------------------------------------------------------


def test_the_list_of_plugins_says_what_each_brings(toy: object, listed: Any, onediff: Run) -> None:
    found = listed()
    assert found["plugins"]["toy"] == {
        "name": "toy", "dist": "onediff-toy", "version": "1.2", "status": "loaded", "error": None
    }  # fmt: skip
    assert found["plugins"]["built-in"]["dist"] == "onediff-plugins"
    assert found["domains"] == {"toy": "squares on cardboard"}
    assert found["models"]["toy-detector"] == "detect"
    assert found["heads"] == {"toy.mark": "region"}
    assert {"json", "geojson", "png"} <= found["exporters"].keys()
    assert found["executors"]["inline"] == "in this process"
    table = onediff("plugins")
    assert (table.code, table.err) == (0, "")
    assert "toy: squares on cardboard" in table.out


def test_a_model_whose_check_raises_is_listed_with_that(
    toy: object, listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_RAISE", "available")
    said = listed()["models"]["toy-detector"]
    assert said == "detect (not available: its check raised RuntimeError: the toy broke in available)"


def test_doctor_is_content_with_a_good_installation(toy: object, onediff: Run) -> None:
    ran = onediff("doctor")
    assert ran.code == 0
    assert "plugin toy (onediff-toy 1.2): loaded" in ran.out
    assert "toy: detect by toy-detector" in ran.out
    assert "toy: describe by toy-words" in ran.out
    assert ran.out.rstrip().endswith("all is well")


def test_doctor_exits_with_2_and_names_every_problem(toy: object, site: Any, only: Any, onediff: Run) -> None:
    site.install("acme-bad", {"bad": "acme_bad"}, acme_bad=BROKEN)
    more = ', detectors=("gone",)'
    site.install("acme-blind", {"blind": "acme_blind"}, acme_blind=DOMAIN.format(name="blind", more=more))
    only("toy", "bad", "blind")
    ran = onediff("doctor")
    assert ran.code == 2
    assert "problem: bad (acme-bad 1.0) cannot be imported" in ran.out
    assert "problem: domain 'blind' has no detector that can be used here (gone: not installed)" in ran.out
    assert ran.out.rstrip().endswith("2 problems")


def test_doctor_names_a_model_whose_check_raises(toy: object, onediff: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_RAISE", "available")
    ran = onediff("doctor")
    assert ran.code == 2
    assert "problem: toy (onediff-toy 1.2) raised RuntimeError" in ran.out


def test_doctor_says_that_no_domain_is_installed(only: Any, onediff: Run) -> None:
    only("")
    ran = onediff("doctor")
    assert ran.code == 2
    assert "problem: no domain is installed: pip install" in ran.out


def test_doctor_names_a_setting_that_cannot_be_read(toy: object, onediff: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDIFF_TRESHOLD", "0.4")
    ran = onediff("doctor")
    assert ran.code == 2
    assert "problem: unknown setting 'treshold' (from environment). Did you mean 'threshold'?" in ran.out


def test_a_plugins_command_is_a_command_and_keeps_its_exit_code(toy: object, onediff: Run) -> None:
    assert "Say hello." in onediff("--help").out
    ran = onediff("toy")
    assert (ran.code, ran.out, ran.err) == (0, "hello\n", "")
    assert onediff("toy", "--code", "7").code == 7


def test_a_plugins_command_that_raises_is_the_plugins(
    toy: object, onediff: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_RAISE", "command")
    error = onediff("toy").error
    assert "toy (onediff-toy 1.2): the command 'toy' raised RuntimeError: the toy broke in command" in error


def test_commands_that_cannot_be_listed_leave_the_others(
    toy: object, onediff: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_RAISE", "commands")
    ran = onediff("--help")
    assert ran.code == 0
    assert "compare" in ran.out
    assert "Say hello." not in ran.out


def test_a_plugin_cannot_take_a_command_that_exists(toy: object, site: Any, only: Any, onediff: Run) -> None:
    source = """
import click

from onediff_plugins import hookimpl

@hookimpl
def onediff_commands():
    return [click.Command("compare", help="Mine."), click.Command("toy", help="Mine too.")]
"""
    site.install("acme-commands", {"zz-commands": "acme_commands"}, acme_commands=source)
    only("toy", "zz-commands")
    ran = onediff("--help")
    assert "Mine" not in ran.out
    assert "brings a command 'compare' that onediff itself has; left out" in ran.err
    assert "brings a command 'toy' that toy (onediff-toy 1.2) has; left out" in ran.err
