"""What this repository builds. A project folder that appears is picked up; nothing lists them by hand."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REPO: Final = Path(__file__).resolve().parent.parent
_FOLDERS: Final = (".", "core_model", "domains/*", "integrations/*", "examples/plugin_template")


@dataclass(frozen=True)
class Distribution:
    """A project folder.

    Attributes:
        name: of the distribution, such as "onediff-ui".
        folder: relative to the repository, such as "domains/ui".
    """

    name: str
    folder: str

    @property
    def project(self) -> dict[str, Any]:
        """The table [project] of its pyproject.toml."""
        return dict(_pyproject(self.folder)["project"])

    @property
    def package(self) -> str:
        """The one import package that it installs."""
        (only,) = _pyproject(self.folder)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        return str(only)

    def build_wheel(self, out: Path) -> Path:
        """Its wheel in a folder of its own below `out`, built with the tools of this environment.

        Raises:
            RuntimeError: the build failed; the message is what it printed.
        """
        here = out / self.name
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(here)]
        done = subprocess.run([*command, str(REPO / self.folder)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name} does not build:\n{done.stdout}{done.stderr}")
        (wheel,) = here.glob("*.whl")
        return wheel


def _pyproject(folder: str) -> dict[str, Any]:
    return tomllib.loads((REPO / folder / "pyproject.toml").read_text(encoding="utf-8"))


def _found() -> dict[str, Distribution]:
    files = [file for pattern in _FOLDERS for file in sorted(REPO.glob(f"{pattern}/pyproject.toml"))]
    folders = [file.parent.relative_to(REPO).as_posix() for file in files]
    found = [Distribution(_pyproject(folder)["project"]["name"], folder) for folder in folders]
    return {distribution.name: distribution for distribution in found}


DISTRIBUTIONS: Final = _found()
CONTRACT: Final = DISTRIBUTIONS["onediff-plugins"]
DOMAINS: Final = {
    found.folder.removeprefix("domains/"): found
    for found in DISTRIBUTIONS.values()
    if found.folder.startswith("domains/")
}
