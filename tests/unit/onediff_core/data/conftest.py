"""Pictures on disk, and sources read as the command reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_core.data import conversion, sources
from onediff_core.data.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_core.data.record import Record


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture below the test's folder: grey values, or one value for all of 12 x 8 pixels."""

    def write(name: str, pixels: Any = 9, size: tuple[int, int] = (12, 8)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.full(size[::-1], pixels) if np.isscalar(pixels) else np.asarray(pixels)
        assert cv2.imwrite(str(path), values.astype(np.uint8))
        return path

    return write


@pytest.fixture
def read() -> Callable[..., tuple[list[Record], Summary]]:
    """The records of a source by name, and what was noted on the way."""

    def records(name: str, root: Path, *annotations: Path, **settings: Any) -> tuple[list[Record], Summary]:
        job = conversion.Job(source=sources.source(name), root=root, annotations=annotations, settings=settings)
        summary = Summary(source=name)
        return list(job.records(summary)), summary

    return records


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., Summary]:
    """Converts a source into `out/` below the test's folder."""

    def run(name: str, root: Path, **choices: Any) -> Summary:
        return conversion.convert(conversion.Job(source=sources.source(name), root=root, **choices), tmp_path / "out")

    return run
