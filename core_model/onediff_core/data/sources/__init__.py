"""Sets of pairs as their makers publish them, each read into records by a module of its own.

Modules are loaded when they are asked for, so that the command line names them all without the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from onediff_plugins.errors import UnknownNameError

if TYPE_CHECKING:
    from onediff_core.data.sources.base import Source

# In the order in which an unknown annotation file is held against them.
_MODULES: Final = {
    "spot-the-diff": "spot_the_diff",
    "image-editing-request": "image_editing_request",
    "birds-to-words": "birds_to_words",
    "clevr-change": "clevr_change",
    "clevr-dc": "clevr_dc",
    "levir-cc": "levir_cc",
    "levir-mci": "levir_mci",
    "wuicc": "wuicc",
    "diffspot": "diffspot",
    "a-b-label": "a_b_label",
    "cdnet-2014": "cdnet_2014",
    "instructpix2pix": "instructpix2pix",
    "near-duplicates": "near_duplicates",
    "pairs": "pairs",
    "results": "results",
}
NAMES: Final = tuple(_MODULES)


def source(name: str) -> Source:
    """A source by its name.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in _MODULES:
        raise UnknownNameError("source of pairs", name, NAMES)
    found: Source = import_module(f"{__name__}.{_MODULES[name]}").SOURCE
    return found
