"""The built panel belongs to its source, and takes React from the App's page. No Node is needed to know."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import yaml

import onediff_fiftyone
from onediff_fiftyone.installing import APP

PANEL = APP.parents[1] / "panel"
BUNDLE = APP / "dist" / "index.umd.js"
SETUP = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.js")


def digest_of_sources() -> str:
    """As vite.config.js writes it into the bundle."""
    names = sorted([*SETUP, *(f"src/{path.name}" for path in (PANEL / "src").iterdir())])
    found = hashlib.sha256()
    for name in names:
        found.update(f"{name}\n".encode() + (PANEL / name).read_bytes() + b"\n")
    return found.hexdigest()


def test_the_bundle_was_built_from_this_source() -> None:
    said = re.match(
        r"/\*! onediff change review; sources sha256:([0-9a-f]{64}) \*/", BUNDLE.read_text(encoding="utf-8")
    )
    assert said is not None
    assert said[1] == digest_of_sources(), "the source of the panel was changed: make app, and commit dist/index.umd.js"


def test_the_bundle_is_small_and_brings_no_react_of_its_own() -> None:
    text = BUNDLE.read_text(encoding="utf-8")
    assert len(text) < 80_000
    assert all(name in text for name in ("globalThis", "React", "__fos__", "__fop__", "__foo__"))
    assert "react.production" not in text
    assert "useSyncExternalStore" not in text


def test_the_lockfile_names_versions_and_digests_and_no_addresses() -> None:
    packages = json.loads((PANEL / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    brought = {name: package for name, package in packages.items() if name}
    assert brought
    assert all(package.get("integrity", "").startswith("sha512-") for package in brought.values())
    assert not any("resolved" in package for package in packages.values())


def test_everything_of_one_release_has_one_version() -> None:
    definition = yaml.safe_load((APP / "fiftyone.yml").read_text(encoding="utf-8"))
    package = json.loads((PANEL / "package.json").read_text(encoding="utf-8"))
    assert definition["version"] == package["version"] == onediff_fiftyone.__version__


def test_the_wheel_holds_the_built_panel_and_not_its_source(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(APP.parents[1])], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as opened:
        inside = {name for name in opened.namelist() if name.startswith("onediff_fiftyone/app/")}
    modules = {path.relative_to(APP).as_posix() for path in APP.rglob("*.py")}
    assert inside == {f"onediff_fiftyone/app/{name}" for name in {*modules, "fiftyone.yml", "dist/index.umd.js"}}


def test_the_plugin_is_listed_without_fiftyone() -> None:
    assert "import fiftyone" not in Path(APP / "__init__.py").read_text(encoding="utf-8")
