"""Results of onediff-plugins as a FiftyOne dataset to review. FiftyOne itself is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onediff_fiftyone.dataset import Imported, to_fiftyone
    from onediff_fiftyone.loop.evaluating import evaluate_changes
    from onediff_fiftyone.loop.records import training_records

__all__ = ["Imported", "evaluate_changes", "to_fiftyone", "training_records"]
__version__ = "0.1.0"

_HOMES = {
    "Imported": "onediff_fiftyone.dataset",
    "evaluate_changes": "onediff_fiftyone.loop.evaluating",
    "to_fiftyone": "onediff_fiftyone.dataset",
    "training_records": "onediff_fiftyone.loop.records",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # any public name
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
