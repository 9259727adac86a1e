"""Results of onediff-plugins as a FiftyOne dataset to review. FiftyOne itself is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onediff_fiftyone.dataset import Imported, to_fiftyone
    from onediff_fiftyone.loop.evaluating import evaluate_changes
    from onediff_fiftyone.loop.records import training_records
    from onediff_fiftyone.loop.similarity import embed_pairs, embed_regions, more_like_this

__all__ = [
    "Imported",
    "embed_pairs",
    "embed_regions",
    "evaluate_changes",
    "more_like_this",
    "to_fiftyone",
    "training_records",
]
__version__ = "0.1.0"

_HOMES = {
    "Imported": "onediff_fiftyone.dataset",
    "embed_pairs": "onediff_fiftyone.loop.similarity",
    "embed_regions": "onediff_fiftyone.loop.similarity",
    "evaluate_changes": "onediff_fiftyone.loop.evaluating",
    "more_like_this": "onediff_fiftyone.loop.similarity",
    "to_fiftyone": "onediff_fiftyone.dataset",
    "training_records": "onediff_fiftyone.loop.records",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # any public name
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
