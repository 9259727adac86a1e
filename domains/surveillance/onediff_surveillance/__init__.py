"""Fixed cameras for onediff-plugins."""

__version__ = "0.1.0"
