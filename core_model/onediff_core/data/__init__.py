"""Pairs to learn from: what one is, and where they come from.

Names are loaded when they are asked for: the command line lists `onediff data` without numpy and OpenCV.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from onediff_core.data.backwards import swap
    from onediff_core.data.folder import PairFolder
    from onediff_core.data.record import Record
    from onediff_core.data.sample import Sample, SampleRegion

__all__ = ["PairFolder", "Record", "Sample", "SampleRegion", "swap"]

_MODULE_OF: Final = {
    "PairFolder": "folder",
    "Record": "record",
    "Sample": "sample",
    "SampleRegion": "sample",
    "swap": "backwards",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
