"""How a failed check speaks to a plugin's author."""

from __future__ import annotations

from typing import Final

PAGE: Final = "docs/conformance.md"


def failure(where: str, came: str, *, expected: str, do: str, section: str) -> str:
    """The message of a failed check.

    Args:
        where: hook, model or exporter that is at fault.
        came: what it gave.
        expected: what the contract asks for.
        do: what the author does now.
        section: anchor of the check's heading in `docs/conformance.md`.
    """
    return f"{where}: {came}\n  expected: {expected}\n  to do: {do}\n  more: {PAGE}#{section}"
