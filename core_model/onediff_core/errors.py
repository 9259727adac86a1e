"""What goes wrong with weights on disk. Standard library only: it is raised before torch is loaded, too."""

from __future__ import annotations

from onediff_plugins.errors import PluginError


class CheckpointError(PluginError, ValueError):
    """A folder of weights is missing, damaged, unsafe, or not made for what it is loaded onto."""
