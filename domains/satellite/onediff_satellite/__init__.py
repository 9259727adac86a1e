"""Satellite and aerial imagery for onediff-plugins."""

__version__ = "0.1.0"
