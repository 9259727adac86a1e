"""What is asked of a model, whichever way it is reached."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from onediff_plugins.records import ModelRecord


class Turn(NamedTuple):
    """One message: texts and RGB pictures in the order in which they are read."""

    role: Literal["user", "assistant"]
    parts: tuple[str | Image.Image, ...]


class Chat(Protocol):
    """A model that looks at several images and answers in text.

    Attributes:
        record: what answers, for the provenance of results.
    """

    @property
    def record(self) -> ModelRecord:
        """What answers."""
        ...

    def identity(self) -> str:
        """What its answers depend on beside the question; a part of the key under which they are kept.

        Raises:
            DescriptionError: it cannot be found out.
        """
        ...

    def ask(self, turns: Sequence[Turn]) -> str:
        """Its answer.

        Args:
            turns: the last one is the user's.

        Raises:
            UnusableAnswerError: it answered, but not with a whole text.
            DescriptionError: it did not answer; the message says why, and what to do.
        """
        ...


def digest(identity: str, turns: Sequence[Turn]) -> str:
    """SHA-256 of a question, pixel by pixel, and of whom it is put to; 64 hex digits."""
    found = hashlib.sha256()

    def add(data: bytes) -> None:
        found.update(len(data).to_bytes(8, "big"))
        found.update(data)

    add(identity.encode())
    for turn in turns:
        add(turn.role.encode())
        for part in turn.parts:
            if isinstance(part, str):
                add(b"text")
                add(part.encode())
            else:
                add(f"picture {part.mode} {part.size}".encode())
                add(part.tobytes())
    return found.hexdigest()
