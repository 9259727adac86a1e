"""What is shipped: each wheel holds its package, the licence, and nothing else."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from distributions import CONTRACT, DISTRIBUTIONS

MEGABYTE = 1_000_000


def tracked(repo: Path) -> list[Path]:
    """Files that are in the repository, relative to its root."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=repo, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [Path(name) for name in done.stdout.split("\0") if name and (repo / name).is_file()]


@pytest.fixture(scope="module", params=DISTRIBUTIONS)
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Name of a distribution, and its wheel as built from the checkout."""
    return request.param, DISTRIBUTIONS[request.param].build_wheel(tmp_path_factory.mktemp("wheel"))


def test_a_wheel_holds_its_package_and_nothing_else(wheel: tuple[str, Path], repo: Path) -> None:
    name, path = wheel
    folder, package = DISTRIBUTIONS[name].folder, DISTRIBUTIONS[name].package
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    info = f"{path.name.rsplit('-', 3)[0]}.dist-info"
    on_disk = {
        file.relative_to(repo / folder).as_posix()
        for file in (repo / folder / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    licences = {f"licenses/{file}" for file in DISTRIBUTIONS[name].project["license-files"]}
    parts = {"METADATA", "WHEEL", "RECORD", "entry_points.txt"} | licences
    about = {f"{info}/{part}" for part in parts}
    assert names == on_disk | about
    assert f"{package}/py.typed" in names
    assert not [name for name in names if re.search(r"(^|/)(tests?|test_\w+\.py|conftest\.py)(/|$)", name)]


def test_a_wheel_says_what_it_is(wheel: tuple[str, Path]) -> None:
    name, path = wheel
    with zipfile.ZipFile(path) as archive:
        (about,) = [part for part in archive.namelist() if part.endswith("METADATA")]
        metadata = archive.read(about).decode()
    assert f"Name: {name}\n" in metadata
    # The weights in onediff-core have terms of their own.
    of_weights = " AND LicenseRef-OneDiff-Research" if name == "onediff-core" else ""
    assert f"License-Expression: Apache-2.0{of_weights}\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert len(metadata.split("\n\n", 1)[1].strip()) > 100, "the README is missing from the metadata"


def test_a_wheel_has_what_its_package_reads_at_run_time(wheel: tuple[str, Path]) -> None:
    name, path = wheel
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if name == "onediff-plugins":
            assert "onediff_plugins/schemas/change-result-1.json" in names
            pairs = [json.loads(line) for line in archive.read("onediff_plugins/demo/pairs.jsonl").splitlines()]
            assert {f"onediff_plugins/demo/{pair[side]}" for pair in pairs for side in ("before", "after")} <= names
            assert {pair["domain"] for pair in pairs} == {"ui", "satellite", "surveillance"}
        elif "entry-points" in DISTRIBUTIONS[name].project:
            entry_points = next(part for part in names if part.endswith("entry_points.txt"))
            module = archive.read(entry_points).decode().split(" = ")[1].strip()
            assert f"{module.replace('.', '/')}.py" in names


WEIGHTS = Path("core_model/onediff_core/weights")


def test_no_tracked_file_is_larger_than_a_megabyte_but_for_the_weights_that_ship(repo: Path) -> None:
    sizes = {path: (repo / path).stat().st_size for path in tracked(repo)}
    assert {str(path): size for path, size in sizes.items() if size > MEGABYTE and WEIGHTS not in path.parents} == {}
    assert all(size <= 16 * MEGABYTE for path, size in sizes.items() if WEIGHTS in path.parents)


def test_the_wheel_of_onediff_core_holds_the_weights_with_their_papers(wheel: tuple[str, Path], repo: Path) -> None:
    name, path = wheel
    if name != "onediff-core":
        pytest.skip("another wheel")
    if not (repo / WEIGHTS).is_dir():
        pytest.skip("this checkout holds no weights")
    with zipfile.ZipFile(path) as archive:
        held = {part.removeprefix("onediff_core/weights/") for part in archive.namelist() if "core/weights/" in part}
    folder = repo / WEIGHTS / "onediff-tiny"
    heads = [f"heads/{path.name}" for path in (folder / "heads").iterdir()]
    wanted = [f"{part}/{file}" for part in (".", *heads) for file in ("config.json", "model.safetensors")]
    papers = ["MODEL_CARD.md", "LICENSE", "NOTICE"]
    assert {(Path("onediff-tiny") / file).as_posix() for file in (*wanted, *papers)} <= held
    assert len(heads) >= 3


def test_the_demo_is_under_a_megabyte_in_all(repo: Path) -> None:
    sizes = [(repo / path).stat().st_size for path in tracked(repo) if path.is_relative_to("onediff_plugins/demo")]
    assert sizes
    assert sum(sizes) < MEGABYTE


def test_nothing_built_is_tracked(repo: Path) -> None:
    built = [str(path) for path in tracked(repo) if path.suffix in {".pyc", ".whl", ".so"} or "egg-info" in str(path)]
    assert built == []


def requirement_names(lines: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines)
    return {re.sub(r"[._]", "-", match[0]).lower() for match in found if match}


def test_every_dependency_is_pinned_in_the_constraints(repo: Path) -> None:
    pinned = {}
    for line in (repo / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pinned[re.sub(r"[._]", "-", name).lower()] = version
    wanted = requirement_names((repo / "requirements-dev.txt").read_text(encoding="utf-8").splitlines())
    for distribution in DISTRIBUTIONS.values():
        project = distribution.project
        wanted |= requirement_names(project["dependencies"])
        for extra in project.get("optional-dependencies", {}).values():
            wanted |= requirement_names(extra)
    assert sorted(wanted - pinned.keys() - DISTRIBUTIONS.keys()) == []
    assert pinned["torch"] == "2.13.0"


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, anywhere in it and for the types too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_whatever_a_package_imports_its_distribution_requires(name: str, repo: Path) -> None:
    folder, package = DISTRIBUTIONS[name].folder, DISTRIBUTIONS[name].package
    project = DISTRIBUTIONS[name].project
    extras = [line for extra in project.get("optional-dependencies", {}).values() for line in extra]
    required = requirement_names([*project["dependencies"], *extras]) | {name, "pydantic-core"}  # pydantic's own
    if "onediff-plugins" in required:  # the contract's requirements, and those of its extras, are there with it
        contract = CONTRACT.project
        asked = re.findall(r"onediff-plugins\[(.+?)\]", " ".join(project["dependencies"]))
        brought = [
            line for extra in ",".join(asked).split(",") if extra for line in contract["optional-dependencies"][extra]
        ]
        required |= requirement_names([*contract["dependencies"], *brought])
    brought_by = metadata.packages_distributions()
    missing = {
        f"{path.relative_to(repo)}: {module}"
        for path in (repo / folder / package).rglob("*.py")
        if path.parts[-2] != "demo"  # scripts with which maintainers make the shipped pairs
        for module in imported(path)
        if not {d.lower().replace("_", "-") for d in brought_by.get(module, [module])} & required
    }
    assert sorted(missing) == []


def test_our_own_distributions_are_installed_from_the_checkout_only(repo: Path) -> None:
    for file in ("requirements-dev.txt", "Makefile", "constraints.txt"):
        text = (repo / file).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "@echo"))]
        named = [line for line in lines if re.search(r"(?<![\w./-])(onediff[-_]\w+|core_model)(?![\w.-])", line)]
        assert [line for line in named if "install" in line or file != "Makefile"] == []


def test_domains_name_the_contract_they_were_written_for(repo: Path) -> None:
    version = re.search(r'__version__ = "(.+)"', (repo / "onediff_plugins/__init__.py").read_text(encoding="utf-8"))
    assert version is not None
    major, minor, _ = version[1].split(".")
    bounds = f">={major}.{minor},<{major}.{int(minor) + 1}"
    for name in DISTRIBUTIONS.keys() - {CONTRACT.name}:
        (ours,) = [r for r in DISTRIBUTIONS[name].project["dependencies"] if r.startswith("onediff-plugins")]
        assert ours.endswith(bounds), f"{name}: {ours}"


def test_the_ci_runs_the_readmes_test_command_and_nothing_else(repo: Path) -> None:
    script = (repo / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert script == ["#!/usr/bin/env bash", "set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert (repo / ".ci" / "run").stat().st_mode & 0o111
    assert "make test" in (repo / "README.md").read_text(encoding="utf-8")
