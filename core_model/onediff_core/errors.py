"""What goes wrong with weights on disk and in training. Standard library only: torch may not be loaded yet."""

from __future__ import annotations

from onediff_plugins.errors import OneDiffError, PluginError


class CheckpointError(PluginError, ValueError):
    """A folder of weights is missing, damaged, unsafe, or not made for what it is loaded onto."""


class TrainingError(OneDiffError):
    """Training cannot start, or cannot go on; the message says what to change."""


class EvaluationError(OneDiffError):
    """Nothing can be scored: the message says which file does not fit, and what to do."""
