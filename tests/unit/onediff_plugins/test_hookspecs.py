"""Every hook is documented with its exact arguments, and every hook has a test."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from onediff_plugins import Host, hookspecs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANAGER = pluggy.PluginManager(hookspecs.PROJECT)
MANAGER.add_hookspecs(hookspecs)
HOOKS: dict[str, Callable[..., Any]] = {
    name: value for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")
}

# The stable names and arguments: renaming or reordering one breaks plugins that are already out there.
FIXED = {
    "onediff_domain": (),
    "onediff_models": (),
    "onediff_heads": (),
    "onediff_exporters": (),
    "onediff_executors": (),
    "onediff_commands": (),
    "onediff_load_pair": ("request", "settings"),
    "onediff_align_pair": ("pair", "settings"),
    "onediff_preprocess_pair": ("pair", "overview", "settings"),
    "onediff_extract_regions": ("change", "pair", "settings"),
    "onediff_caption_prompt": ("pair", "regions", "settings"),
    "onediff_refine_result": ("result", "pair", "settings"),
    "onediff_overlays": ("result", "pair"),
    "onediff_pair_finished": ("result",),
    "onediff_pair_failed": ("failure",),
    "onediff_fiftyone_setup": ("dataset",),
}
FIRST_RESULT = {
    "onediff_load_pair",
    "onediff_align_pair",
    "onediff_preprocess_pair",
    "onediff_extract_regions",
    "onediff_caption_prompt",
    "onediff_refine_result",
}


def declared(hook: Callable[..., Any]) -> str:
    """The declaration of a hook on one line, as a plugin author reads it."""
    signature = inspect.signature(hook)
    arguments = ", ".join(
        f"{name}: {parameter.annotation}" if parameter.annotation is not inspect.Parameter.empty else name
        for name, parameter in signature.parameters.items()
    )
    return f"def {hook.__name__}({arguments}) -> {signature.return_annotation}"


def sections(markdown: str) -> dict[str, str]:
    """Text under each heading that is a hook's name in backticks."""
    parts = re.split(r"^#+ `(onediff_\w+)`\s*$", markdown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="module")
def documented(repo: Path) -> dict[str, str]:
    return sections((repo / "docs" / "hooks.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def names_of_tests(repo: Path) -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in (repo / "tests").rglob("test_*.py")]
    return {name for source in sources for name in re.findall(r"^\s*def (test_\w+)\(", source, flags=re.MULTILINE)}


def test_the_hooks_are_the_fixed_ones_with_their_fixed_arguments() -> None:
    assert {name: tuple(inspect.signature(hook).parameters) for name, hook in HOOKS.items()} == FIXED


@pytest.mark.parametrize("name", FIXED)
def test_first_results_are_asked_of_stages_only(name: str) -> None:
    spec = getattr(MANAGER.hook, name).spec
    assert bool(spec.opts.get("firstresult")) == (name in FIRST_RESULT)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_says_in_its_docstring_what_it_is(name: str) -> None:
    assert len(inspect.getdoc(HOOKS[name]) or "") > 15


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_its_exact_declaration(name: str, documented: dict[str, str]) -> None:
    assert name in documented, f"docs/hooks.md has no heading '### `{name}`'"
    text = re.sub(r"\s+", " ", documented[name]).replace("( ", "(").replace(", )", ")").replace(" )", ")")
    assert declared(HOOKS[name]) in text, f"docs/hooks.md, {name}: the declaration is `{declared(HOOKS[name])}`"


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_when_it_is_called_what_to_return_and_an_example(
    name: str, documented: dict[str, str]
) -> None:
    text = documented[name]
    for word in ("**Called**", "**Return**"):
        assert word in text, f"docs/hooks.md, {name}: no {word}"
    assert re.search(rf"```python\n(?:.*\n)*?@hookimpl.*\n+def {name}\(", text), f"docs/hooks.md, {name}: no example"


def test_the_docs_explain_every_hook_and_no_other_in_the_order_of_the_specs(documented: dict[str, str]) -> None:
    assert list(documented) == list(HOOKS)


@pytest.fixture(scope="module")
def overview(repo: Path) -> dict[str, list[str]]:
    """The table of all hooks: name -> when, answers taken, called by."""
    text = (repo / "docs" / "hooks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`(onediff_\w+)`\]\(#\1\) \| (.+) \|$", text, flags=re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


def test_the_table_lists_the_hooks_in_the_order_of_the_specs(overview: dict[str, list[str]]) -> None:
    assert list(overview) == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_the_table_says_how_a_hook_is_called(name: str, overview: dict[str, list[str]]) -> None:
    when, answers, caller = overview[name]
    assert answers == ("first" if getattr(MANAGER.hook, name).spec.opts.get("firstresult") else "all")
    stage = re.match(r"Stage (\d)", inspect.getdoc(HOOKS[name]) or "")
    assert bool(stage) == when[0].isdigit()
    assert stage is None or when.startswith(stage[1])
    # `Host` has one method per hook, whose docstring begins with the hook's name.
    method = getattr(Host, caller.strip("`").removeprefix("Host."))
    about = inspect.getdoc(method if inspect.isfunction(method) else method.fget) or ""
    assert about.startswith(f"`{name}`: ")


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_in_the_docs_is_a_plugin_that_registers(name: str, documented: dict[str, str]) -> None:
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", documented[name], re.DOTALL) if "@" in block]
    plugin = ModuleType("example")
    exec(compile(source, f"docs/hooks.md {name}", "exec", dont_inherit=True), vars(plugin))
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    assert len(getattr(manager.hook, name).get_hookimpls()) == 1


def test_every_hook_has_a_test(names_of_tests: set[str]) -> None:
    missing = [
        name
        for name in HOOKS
        if not any(found == f"test_{name}" or found.startswith(f"test_{name}_") for found in names_of_tests)
    ]
    assert missing == [], "no test is called test_<hook> or test_<hook>_...: " + ", ".join(missing)


def test_a_hook_name_that_does_not_exist_is_found_by_the_manager() -> None:
    class Typo:
        @hookspecs.hookimpl
        def onediff_aling_pair(self, pair: Any, settings: Any) -> None: ...

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(Typo())
    with pytest.raises(pluggy.PluginValidationError, match="onediff_aling_pair"):
        manager.check_pending()
