"""The ways to score, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_core.evaluation.protocols import captions, places, verdicts, words

if TYPE_CHECKING:
    from onediff_core.evaluation.protocols.base import Protocol

_IN_ORDER: Final = (*verdicts.PROTOCOLS[:1], *places.PROTOCOLS, *captions.PROTOCOLS, *words.PROTOCOLS,
                    *verdicts.PROTOCOLS[1:])  # fmt: skip
PROTOCOLS: Final[dict[str, Protocol]] = {protocol.name: protocol for protocol in _IN_ORDER}

__all__ = ["PROTOCOLS"]
