"""Heads: what is trained on top of a frozen OneDiff, each saved apart from it."""

from onediff_core.errors import CheckpointError
from onediff_core.heads.config import HeadConfig
from onediff_core.heads.mask import ChangeMaskHead
from onediff_core.heads.pair import PairHead
from onediff_core.heads.region import RegionAnswer, RegionHead, RegionLogits, RegionView
from onediff_core.heads.together import HeadSet, build_head, load_head
from onediff_core.weights import fingerprint

__all__ = [
    "ChangeMaskHead",
    "CheckpointError",
    "HeadConfig",
    "HeadSet",
    "PairHead",
    "RegionAnswer",
    "RegionHead",
    "RegionLogits",
    "RegionView",
    "build_head",
    "fingerprint",
    "load_head",
]
