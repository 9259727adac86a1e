"""OneDiff as a plugin library: what differs between two images, shown and said.

Names are loaded when they are first used, so that importing the package costs almost nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from onediff_plugins.hookspecs import API_VERSION, hookimpl
    from onediff_plugins.host import Host
    from onediff_plugins.reading import read_results
    from onediff_plugins.records import (
        ChangeRegion,
        ChangeResult,
        Description,
        PairFailure,
    )
    from onediff_plugins.settings import DomainSettings, ModelSettings
    from onediff_plugins.specs import (
        BuildContext,
        DomainSpec,
        ExecutorSpec,
        ExporterSpec,
        HeadSpec,
        ModelSpec,
        Wording,
    )
    from onediff_plugins.types import (
        Box,
        ChangeMap,
        Frame,
        GeoRef,
        ImagePair,
        Overlay,
        PairRequest,
        Piece,
        Registration,
    )

__version__ = "0.1.0"

_HOME: Final = {
    "API_VERSION": "hookspecs",
    "hookimpl": "hookspecs",
    "Host": "host",
    "read_results": "reading",
    **dict.fromkeys(("DomainSettings", "ModelSettings"), "settings"),
    **dict.fromkeys(
        ("BuildContext", "DomainSpec", "ExecutorSpec", "ExporterSpec", "HeadSpec", "ModelSpec", "Wording"), "specs"
    ),
    **dict.fromkeys(("ChangeRegion", "ChangeResult", "Description", "PairFailure"), "records"),
    **dict.fromkeys(
        (
            "Box",
            "ChangeMap",
            "Frame",
            "GeoRef",
            "ImagePair",
            "Overlay",
            "PairRequest",
            "Piece",
            "Registration",
        ),
        "types",
    ),
}

__all__ = [
    "API_VERSION",
    "Box",
    "BuildContext",
    "ChangeMap",
    "ChangeRegion",
    "ChangeResult",
    "Description",
    "DomainSettings",
    "DomainSpec",
    "ExecutorSpec",
    "ExporterSpec",
    "Frame",
    "GeoRef",
    "HeadSpec",
    "Host",
    "ImagePair",
    "ModelSettings",
    "ModelSpec",
    "Overlay",
    "PairFailure",
    "PairRequest",
    "Piece",
    "Registration",
    "Wording",
    "__version__",
    "hookimpl",
    "read_results",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
