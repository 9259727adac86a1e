"""The FiftyOne plugin: a panel and operators, which live in the installed package `onediff_fiftyone`.

`onediff fiftyone install` copies this file, fiftyone.yml and the built panel into FiftyOne's plugins folder. What runs
is always the installed package, so that only the built panel can be of another version.
"""

from __future__ import annotations

from typing import Any


def register(plugin: Any) -> None:
    """Called by FiftyOne when it loads plugins."""
    from onediff_fiftyone.app.operators import OPERATORS
    from onediff_fiftyone.app.panel import ChangeReview
    from onediff_fiftyone.loop.metrics import METRICS

    for operator in (ChangeReview, *OPERATORS, *METRICS):
        plugin.register(operator)
