"""Pairs to learn from: what one is, and where they come from."""

from onediff_core.data.sample import Sample, SampleRegion

__all__ = ["Sample", "SampleRegion"]
