"""What importing a plugin module loads, measured in an interpreter of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# The hook marker and what it is made of.
FREE: Final = frozenset({"onediff_plugins", "pluggy"})
_SCRIPT: Final = """
import json, sys
bare = set(sys.modules)
import {module}
print(json.dumps(sorted(set(sys.modules) - bare)))
"""
_LINE: Final = re.compile(r"^import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)$", re.MULTILINE)


def foreign_imports(module: str, allowed: Iterable[str] = ()) -> dict[str, float]:
    """Packages that importing a module loads, beyond the standard library, its own package and the hook marker.

    Args:
        module: dotted name.
        allowed: further top-level packages that do not count.

    Returns:
        Top-level package -> milliseconds that its import took, in the order of the alphabet.

    Raises:
        ImportError: the module cannot be imported in a fresh interpreter; the message holds what that one said.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _SCRIPT.format(module=module)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("import time:"))
        raise ImportError(f"{module} cannot be imported in a fresh interpreter:\n{said}")
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    foreign = loaded - sys.stdlib_module_names - FREE - {module.partition(".")[0], *allowed}
    took = {name: int(microseconds) / 1000 for microseconds, name in _LINE.findall(done.stderr)}
    return {name: took.get(name, 0.0) for name in sorted(foreign)}
