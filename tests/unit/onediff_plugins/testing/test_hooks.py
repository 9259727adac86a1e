"""Hook implementations are read without being called."""

from __future__ import annotations

import pytest

import onediff_satellite.plugin
import onediff_ui.plugin
from onediff_plugins import defaults, hookimpl
from onediff_plugins.testing.hooks import SPECS, hook_problems
from onediff_plugins.testing.imports import foreign_imports


@pytest.mark.parametrize("plugin", [defaults, onediff_ui.plugin, onediff_satellite.plugin], ids=lambda m: m.__name__)
def test_the_plugins_that_are_shipped_have_no_problems(plugin) -> None:
    assert hook_problems(plugin) == []


def test_hooks_are_read_from_their_declarations() -> None:
    assert SPECS["onediff_align_pair"] == ("pair", "settings")
    assert len(SPECS) == 16


def test_a_hook_may_be_implemented_under_another_name() -> None:
    class Named:
        @hookimpl(specname="onediff_align_pair")
        def align(self, pair):
            return None

        @hookimpl(specname="onediff_align_pairs")
        def align_again(self, pair):
            return None

    assert hook_problems(Named()) == ["there is no hook 'onediff_align_pairs' (did you mean 'onediff_align_pair'?)"]


def test_an_optional_hook_of_another_version_is_let_pass() -> None:
    class Later:
        @hookimpl(optionalhook=True)
        def onediff_quantum_entanglement(self, qubits):
            return None

    assert hook_problems(Later()) == []


@pytest.mark.parametrize("argument", ["*pairs", "**everything"])
def test_arguments_by_the_dozen_are_not_filled(argument: str) -> None:
    scope = {"hookimpl": hookimpl}
    exec(f"class Greedy:\n    @hookimpl\n    def onediff_align_pair(self, {argument}): ...", scope)
    (problem,) = hook_problems(scope["Greedy"]())
    assert problem == f"onediff_align_pair takes {argument!r}, which is never filled; ask for: pair, settings"


def test_a_wrong_argument_is_named_without_its_annotation() -> None:
    class Misnamed:
        @hookimpl
        def onediff_pair_finished(self, results: list[str]) -> None:
            return None

    (problem,) = hook_problems(Misnamed())
    assert problem == "onediff_pair_finished takes 'results'; the arguments are: result (did you mean 'result'?)"


# --- imports -------------------------------------------------------------------------------------------------------


def test_a_module_of_the_standard_library_and_the_hook_marker_load_nothing_foreign() -> None:
    assert foreign_imports("onediff_plugins.defaults") == {}


def test_what_a_module_loads_is_listed_with_its_time() -> None:
    loaded = foreign_imports("onediff_plugins.plain")
    assert {"cv2", "numpy", "shapely"} <= loaded.keys()
    assert loaded["numpy"] > 0
    assert "numpy" not in foreign_imports("onediff_plugins.plain", {"numpy"})


def test_a_module_that_cannot_be_imported_afresh_says_what_the_interpreter_said() -> None:
    with pytest.raises(ImportError, match="No module named 'onediff_nowhere'") as caught:
        foreign_imports("onediff_nowhere.plugin")
    assert "import time:" not in str(caught.value)
