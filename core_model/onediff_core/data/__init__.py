"""Pairs to learn from: what one is, and where they come from."""

from onediff_core.data.folder import PairFolder
from onediff_core.data.sample import Sample, SampleRegion
from onediff_core.data.swap import swap

__all__ = ["PairFolder", "Sample", "SampleRegion", "swap"]
