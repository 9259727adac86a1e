"""What stands in several splits: the same pair, or another one of its group."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.sources.base import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onediff_core.data.record import Picture, Record

# What is more worth protecting stands first: of a pair in two splits, the other one is the leak.
_PROTECTED: Final = ("test", "val", "train")


@dataclass
class Shares:
    """What stands in several splits, and ids that come twice.

    Attributes:
        places: "pairs" or "groups" -> what is looked for -> split -> the first id there.
    """

    places: dict[str, dict[Any, dict[str, str]]] = field(default_factory=lambda: {"pairs": {}, "groups": {}})
    _ids: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Take a record into account.

        Raises:
            SourceError: its id came before.
        """
        if record.id in self._ids:
            raise SourceError(f"the id {record.id!r} comes twice: an id names one pair of its source")
        self._ids.add(record.id)
        for what, key in _keys(record):
            self.places[what].setdefault(key, {}).setdefault(record.split, record.id)

    def leaks(self) -> dict[str, dict[tuple[str, str], list[str]]]:
        """What is shared -> two splits -> an id of each in the first of the two."""
        found: dict[str, dict[tuple[str, str], list[str]]] = {}
        for what, keys in self.places.items():
            shared: dict[tuple[str, str], list[str]] = defaultdict(list)
            for places in keys.values():
                for splits in combinations(sorted(split for split in places if split), 2):
                    shared[splits].append(places[splits[0]])
            if shared:
                found[what] = dict(shared)
        return found

    def is_leak(self, record: Record) -> bool:
        """Whether a more protected split has the pair or the group of a record, too."""
        if record.split not in _PROTECTED:
            return False
        stronger = _PROTECTED[: _PROTECTED.index(record.split)]
        return any(split in self.places[what][key] for what, key in _keys(record) for split in stronger)


def _keys(record: Record) -> Iterator[tuple[str, Any]]:
    yield "pairs", _digest(record.before) + _digest(record.after)
    if record.group:
        yield "groups", (record.source, record.group)


def _digest(picture: Picture) -> bytes:
    """Short, because there is one for each picture of a set."""
    return hashlib.blake2b(picture if isinstance(picture, bytes) else os.fsencode(picture), digest_size=12).digest()
