"""What is loaded when: the command line and a list of plugins must not wait for numpy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Each of these takes longer to import than `onediff --help` may take in all, or belongs to somebody's option.
HEAVY = {
    "PIL",
    "affine",
    "cv2",
    "fiftyone",
    "httpx2",
    "kornia",
    "numpy",
    "pymongo",
    "pyarrow",
    "pydantic",
    "pyproj",
    "rasterio",
    "rich",
    "scipy",
    "shapely",
    "torch",
    "transformers",
}
PLUGIN_MODULES = [
    "onediff_core.plugin",
    "onediff_fiftyone",
    "onediff_fiftyone.commands",
    "onediff_fiftyone.plugin",
    "onediff_fiftyone.schema",
    "onediff_plugins.defaults",
    "onediff_satellite.plugin",
    "onediff_surveillance.plugin",
    "onediff_ui.plugin",
    "onediff_vlm.plugin",
]
# The core model's package registers its classes with those of transformers once somebody imports that: 20 ms, and
# nothing heavy behind it.
# Commands are click commands, and the command line has click by then.
ALSO_ALLOWED = {"onediff_core.plugin": {"wrapt"}, "onediff_fiftyone.commands": {"click"}}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after running some code."""
    script = (
        f"import json, sys\n{code}\nprint(); print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


BARE = modules_after("")


def test_the_help_loads_nothing_heavy() -> None:
    loaded = modules_after("from onediff_plugins.cli import main\nmain(['--help'])")
    assert {"onediff_plugins", "onediff_core", "onediff_ui", "onediff_satellite", "click"} <= loaded, (
        "the plugins were not listed"
    )
    assert sorted(HEAVY & loaded) == []


@pytest.mark.parametrize("command", ["compare", "batch", "plugins", "doctor", "demo"])
def test_the_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    assert sorted(HEAVY & modules_after(f"from onediff_plugins.cli import main\nmain(['{command}', '--help'])")) == []


def test_importing_the_package_loads_the_standard_library_only() -> None:
    loaded = modules_after("import onediff_plugins") - BARE
    assert sorted(loaded - sys.stdlib_module_names) == ["onediff_plugins"]


@pytest.mark.parametrize("module", ["errors", "hookspecs", "specs", "discovery", "cli"])
def test_what_lists_plugins_loads_nothing_heavy(module: str) -> None:
    assert sorted(HEAVY & modules_after(f"import onediff_plugins.{module}")) == []


@pytest.mark.parametrize("module", PLUGIN_MODULES)
def test_a_plugin_module_imports_only_the_hook_marker_and_the_standard_library(module: str) -> None:
    loaded = modules_after(f"import {module}") - BARE
    allowed = {"onediff_plugins", "pluggy", module.partition(".")[0]} | ALSO_ALLOWED.get(module, set())
    assert sorted(loaded - sys.stdlib_module_names - allowed) == []


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    import onediff_plugins

    for name in onediff_plugins.__all__:
        value = getattr(onediff_plugins, name)
        if isinstance(value, type):
            assert value.__doc__, name
    assert dir(onediff_plugins) == onediff_plugins.__all__


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    import onediff_plugins

    with pytest.raises(AttributeError, match="has no attribute 'Hots'"):
        _ = onediff_plugins.Hots
