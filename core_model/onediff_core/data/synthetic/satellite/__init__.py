"""Land seen from above: fields, forest, water, roads, buildings, trees and vehicles, on two dates."""

from onediff_core.data.synthetic.satellite.pairs import satellite

__all__ = ["satellite"]
