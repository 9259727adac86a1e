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
_PIP: Final = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-c", str(REPO / "constraints.txt"))


class AloneError(Exception):
    """A domain that cannot stand alone; the message says why."""


def main(asked: list[str]) -> int:
    """Run the domains asked for, or all; one line each on stdout, what went wrong on stderr."""
    if unknown := sorted(set(asked) - set(DOMAINS)):
        print(f"alone: no domain {', '.join(unknown)}; there are {', '.join(DOMAINS)}", file=sys.stderr)
        return 2
    failed = False
    with tempfile.TemporaryDirectory(prefix="onediff-alone-") as name:
        contract = CONTRACT.build_wheel(Path(name))
        for domain in asked or DOMAINS:
            started = time.monotonic()
            try:
                summary = check(domain, contract, Path(name))
            except (AloneError, RuntimeError) as exc:  # the latter: its wheel does not build
                failed, summary = True, "FAILED"
                print(exc, file=sys.stderr)
            print(f"{domain}: {summary} ({time.monotonic() - started:.0f} s with its installation)", flush=True)
    return 1 if failed else 0


def check(domain: str, contract: Path, folder: Path) -> str:
    """The last line of pytest, such as "21 passed, 9 skipped in 1.21s".

    Args:
        domain: its folder's name under `domains/`.
        contract: the wheel of onediff-plugins.
        folder: where to build and install; left as it is.

    Raises:
        AloneError: the domain cannot be installed, something else of ours is there too, or a test fails.
    """
    tests = CONFORMANCE / f"test_{domain}.py"
    if not tests.is_file():
        raise AloneError(f"{tests.relative_to(REPO)} is missing: write `class Test...(DomainPluginTests)` there")
    environment, neutral = folder / f"{domain}-environment", folder / f"{domain}-tests"
    neutral.mkdir()
    shutil.copy(tests, neutral)
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"

    _run(neutral, python, *_PIP, f"{contract}[testing]", DOMAINS[domain].build_wheel(folder))
    listing = json.loads(_run(neutral, python, "-m", "onediff_plugins", "plugins", "--json"))
    loaded = {plugin["name"]: plugin["status"] for plugin in listing["plugins"]}
    if loaded != {"built-in": "loaded", domain: "loaded"}:
        raise AloneError(f"{domain}: expected the built-in behaviour and {domain} and nothing else, found {loaded}")
    # Warnings are errors, as in the whole suite.
    printed = _run(neutral, python, "-m", "pytest", "-q", "-W", "error", tests.name)
    return printed.strip().splitlines()[-1].strip("= ")


def _run(folder: Path, *command: str | Path) -> str:
    """What a command prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ONEDIFF_", "PYTHON", "PYTEST"))}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AloneError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
