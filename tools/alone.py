"""Each domain alone.

    python tools/alone.py [DOMAIN ...]

Builds the wheels, installs the contract and one domain in a clean environment, and runs that domain's conformance tests
there, from a folder from which nothing of this checkout can be imported. Exit code 1 when one of them fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Final

from distributions import CONTRACT, DOMAINS, REPO

CONFORMANCE: Final = REPO / "tests" / "conformance"


def main(asked: list[str]) -> int:
    """Run the domains asked for, or all; one line each on stdout, what went wrong on stderr."""
    if unknown := sorted(set(asked) - set(DOMAINS)):
        print(f"alone: no domain {', '.join(unknown)}; there are {', '.join(DOMAINS)}", file=sys.stderr)
        return 2
    failed = []
    with tempfile.TemporaryDirectory(prefix="onediff-alone-") as name:
        contract = CONTRACT.build_wheel(Path(name))
        for domain in asked or DOMAINS:
            started = time.monotonic()
            problem, summary = _alone(domain, contract, Path(name))
            if problem:
                failed.append(domain)
                print(problem, file=sys.stderr)
            print(f"{domain}: {summary} ({time.monotonic() - started:.0f} s with its installation)", flush=True)
    return 1 if failed else 0


def _alone(domain: str, contract: Path, folder: Path) -> tuple[str, str]:
    """What went wrong, or "", and a summary."""
    tests = CONFORMANCE / f"test_{domain}.py"
    if not tests.is_file():
        return f"{tests.relative_to(REPO)} is missing: write `class Test...(DomainPluginTests)` there", "no tests"
    wheel = DOMAINS[domain].build_wheel(folder)
    environment = folder / f"{domain}-environment"
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    neutral = folder / f"{domain}-tests"
    neutral.mkdir()
    shutil.copy(tests, neutral)

    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "-c",
        REPO / "constraints.txt",
    ]
    if problem := _run([*pip, f"{contract}[testing]", wheel], neutral)[1]:
        return problem, "cannot be installed"
    listing, problem = _run([python, "-m", "onediff_plugins", "plugins", "--json"], neutral)
    if problem:
        return problem, "`onediff plugins` fails"
    loaded = {plugin["name"]: plugin["status"] for plugin in json.loads(listing)["plugins"]}
    if loaded != {"built-in": "loaded", domain: "loaded"}:
        return f"{domain}: expected the built-in behaviour and {domain}, found {loaded}", "not alone"
    pytest: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        tests.name,
    ]  # warnings are errors, as in the whole suite
    printed, problem = _run(pytest, neutral)
    return problem, (printed.strip().splitlines() or ["pytest said nothing"])[-1].strip("= ")


def _run(command: list[str | Path], folder: Path) -> tuple[str, str]:
    """What a command prints, and what went wrong, or ""."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ONEDIFF_", "PYTHON", "PYTEST"))}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    problem = f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}" if done.returncode else ""
    return done.stdout, problem


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
