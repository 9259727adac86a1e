"""Answers kept on disk: one small file each, whole or not there, the longest unused deleted first.

Several processes may share the folder. Each looks through it once, and again whenever it wrote a twentieth of its size,
so that together they exceed that by no more than a twentieth each. A file that is damaged, or vanishes, is an answer
that is not known.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Final

from platformdirs import user_cache_path

from onediff_plugins.atomic import LEFTOVERS, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Final = "onediff.vlm-answer/1"
# Only files that end so are ever deleted: somebody may name a folder that holds others, too.
_SUFFIX: Final = ".vlm-answer.json"
# What a killed run left; a file that somebody writes right now is younger.
_LEFTOVER_S: Final = 3600
# Deleting makes room for some answers at once, so that not every one of them deletes another.
_ROOM: Final = 0.9
# What others wrote is not known until the folder is looked through: after having written so much of its size.
_UNSEEN: Final = 0.05

log = logging.getLogger("onediff_plugins.vlm")


def default_folder() -> Path:
    """The platform's place for caches: ~/.cache/onediff/vlm on Linux ($XDG_CACHE_HOME), ~/Library/Caches on macOS."""
    return user_cache_path("onediff", appauthor=False) / "vlm"


class AnswerCache:
    """Question -> answer. A folder that cannot be written is told once and costs no more than the answers again."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Nothing is read or made yet.

        Args:
            folder: made when the first answer is kept.
            most_bytes: of all answers together.
        """
        self._folder, self._most = folder, most_bytes
        self._told = False
        self._total: int | None = None  # bytes of all answers when they were last counted
        self._unseen = 0  # bytes written since then

    def get(self, key: str) -> str | None:
        """The answer kept under a key of hex digits, or None."""
        path = self._path(key)
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            answer = kept["answer"] if kept["schema"] == SCHEMA else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with contextlib.suppress(OSError):
            path.touch()  # used just now
        return answer if isinstance(answer, str) else None

    def put(self, key: str, answer: str) -> None:
        """Keep an answer, and delete the longest unused ones where all together are too large."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what stands in images is nobody else's
            # ASCII, so that whatever a model wrote can be written.
            text = json.dumps({"schema": SCHEMA, "answer": answer})
            write_atomically(self._path(key), [text])
            self._unseen += len(text)
            if self._total is None or self._unseen > _UNSEEN * self._most or self._total + self._unseen > self._most:
                self._total, self._unseen = self._trimmed(), 0
        except OSError as error:
            if not self._told:
                log.warning("answers are not kept: %s: %s", self._folder, error.strerror or error)
                self._told = True

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _trimmed(self) -> int:
        """Bytes of all answers once there is room."""
        for leftover in self._folder.glob(LEFTOVERS):
            with contextlib.suppress(OSError):
                if leftover.stat().st_mtime < time.time() - _LEFTOVER_S:
                    leftover.unlink()
        kept = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # another process deleted it
                state = path.stat()
                kept.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in kept)
        if total <= self._most:
            return total
        for _, size, path in sorted(kept):
            if total <= _ROOM * self._most:
                break
            path.unlink(missing_ok=True)
            total -= size
        return total
