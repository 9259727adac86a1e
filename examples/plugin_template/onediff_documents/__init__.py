"""Scanned pages as a domain of onediff-plugins."""

__version__ = "0.1.0"
