"""Every error that the library raises on purpose.

A message says what went wrong, where, whose it is, and what to do now. `stage` and `plugin` are filled in by the
host when an error passes through a hook call, so that a failure record can name them.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DescriptionError",
    "ExportError",
    "MismatchedPairError",
    "MissingDependencyError",
    "OneDiffError",
    "PairError",
    "PairsFileError",
    "PluginApiError",
    "PluginConflictError",
    "PluginContractError",
    "PluginError",
    "PluginLoadError",
    "RegistrationError",
    "ResultsError",
    "SettingsError",
    "StageError",
    "UnknownNameError",
    "UnsupportedSourceError",
    "near_miss",
]

# Names that somebody may ask for without having the distribution that brings them.
BROUGHT_BY: Final = {
    "satellite": "onediff-satellite",
    "ir-mad": "onediff-satellite",
    "cog": "onediff-satellite",
    "ui": "onediff-ui",
    "ui-blocks": "onediff-ui",
    "surveillance": "onediff-surveillance",
    "illumination": "onediff-surveillance",
    "onediff": "onediff-core",
    "onediff-tiny": "onediff-core",
    "hf-vlm": "onediff-vlm",
    "vlm": "onediff-vlm",
}


class OneDiffError(Exception):
    """Base of all errors of the library."""

    stage: str | None = None
    plugin: str | None = None


class PluginError(OneDiffError):
    """A plugin cannot be used."""


class PluginLoadError(PluginError):
    """A plugin failed while it was imported or registered; `__cause__` is the original error."""


class PluginConflictError(PluginError):
    """Two distributions claim one name."""


class PluginContractError(PluginError):
    """A plugin breaks the hook contract: a hook that does not exist, a wrong argument, a record that is not valid."""


class PluginApiError(PluginError):
    """A plugin was written for another version of the hook API."""


class UnknownNameError(OneDiffError):
    """A domain, detector, captioner, exporter, executor or head of that name is not installed."""

    def __init__(self, what: str, name: str, choices: Iterable[str]) -> None:
        """Compose the message: the choices, the nearest of them, and the distribution that would bring the name.

        Args:
            what: kind of thing asked for, such as "domain".
            name: the name asked for.
            choices: the names that exist.
        """
        known = sorted(choices)
        parts = [f"unknown {what} {name!r}."]
        if close := near_miss(name, known):
            parts.append(f"Did you mean {close!r}?")
        parts.append(f"Installed: {', '.join(known) if known else 'none'}.")
        if name in BROUGHT_BY:
            parts.append(f"`pip install {BROUGHT_BY[name]}` brings {name!r}.")
        super().__init__(" ".join(parts))
        self.name = name
        self.choices = known


class SettingsError(OneDiffError):
    """A setting is unknown or its value is not allowed."""


class PairsFileError(OneDiffError):
    """The list of pairs of a batch cannot be read, or its ids are not unique."""


class PairError(OneDiffError):
    """This pair cannot be compared; others may."""


class UnsupportedSourceError(PairError):
    """A source is missing, damaged, too large or of a kind that no loader reads."""


class MismatchedPairError(PairError):
    """The two sources do not fit together: sizes, bands, or a georeference on one side only."""


class RegistrationError(PairError):
    """The two images do not show the same place, or cannot be aligned."""


class DescriptionError(OneDiffError):
    """A describer has no words for this pair, and says why; the host asks the domain's next one."""


class StageError(OneDiffError):
    """A plugin raised a foreign exception inside a stage; `__cause__` is that exception."""


class ExportError(OneDiffError):
    """Results cannot be written there."""


class ResultsError(OneDiffError):
    """Results cannot be read back: missing, damaged, not ours, or of a newer version."""


class MissingDependencyError(OneDiffError):
    """An optional package is needed for what was asked."""

    def __init__(self, package: str, needed_for: str, install: str) -> None:
        """Compose the message.

        Args:
            package: the import that failed, such as "pyproj".
            needed_for: what it is needed for, such as "a georeferenced result".
            install: what to pass to `pip install`.
        """
        super().__init__(f"{needed_for} needs the package {package!r}: pip install {install!r}")
        self.package = package


def near_miss(name: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The choice that looks most like `name`, or None when none is as near as `cutoff`, in [0, 1]."""
    close = difflib.get_close_matches(name, list(choices), n=1, cutoff=cutoff)
    return close[0] if close else None
