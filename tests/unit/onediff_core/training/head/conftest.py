"""Folders of pairs as users have them: bright squares that appear on a noisy ground."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIDE = 64


def square(number: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int] | None]:
    """Before, after, and the box of the square in it; every third pair has none."""
    rng = np.random.default_rng(number)
    before = rng.integers(60, 120, (SIDE // 8, SIDE // 8, 3)).astype(np.uint8)
    before = cv2.resize(before, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    after = before.copy()
    if number % 3 == 0:
        return before, after, None
    size = int(rng.integers(14, 26))
    x, y = (int(rng.integers(2, SIDE - size - 2)) for _ in range(2))
    after[y : y + size, x : x + size] = 235
    return before, after, (x, y, x + size, y + size)


@pytest.fixture
def squares(tmp_path: Path) -> Callable[..., Path]:
    """(count, masks="masks") -> a folder with before/, after/ and a folder of masks."""

    def make(count: int = 16, masks: str = "masks", name: str = "mine") -> Path:
        folder = tmp_path / name
        for part in ("before", "after", masks):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            before, after, box = square(number)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            if box is not None:
                mask[box[1] : box[3], box[0] : box[2]] = 255
            for part, image in (("before", before), ("after", after), (masks, mask)):
                cv2.imwrite(str(folder / part / f"{number:02d}.png"), image)
        return folder

    return make


@pytest.fixture
def listed(squares: Callable[..., Path]) -> Callable[..., Path]:
    """(describe, count) -> a pairs.jsonl whose lines hold what describe(number, box) adds to the paths."""

    def make(describe: Callable[[int, Any], dict[str, Any]], count: int = 16) -> Path:
        folder = squares(count)
        rows = [
            {"id": f"{number:02d}", "before": f"before/{number:02d}.png", "after": f"after/{number:02d}.png"}
            | describe(number, square(number)[2])
            for number in range(count)
        ]
        path = folder / "pairs.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return make


@pytest.fixture
def small() -> tuple[str, ...]:
    """Settings with which a head learns in seconds."""
    return ("crop=64", "workers=0", "batch=4", "rate=0.01", "warm_up=5", "score_every=20", "log_every=5")
