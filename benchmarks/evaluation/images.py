"""Files of the sets, read and written; what cannot be ends the run with a message that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


def read_image(path: Path, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    """(H, W) or (H, W, C), channels as OpenCV orders them.

    Raises:
        SystemExit: the file is missing, or no image.
    """
    pixels = cv2.imread(str(path), flags)
    if pixels is None:
        what = "cannot be decoded" if path.is_file() else "is missing"
        raise SystemExit(f"{path} {what}: put it back as its set has it, or name the other sets on the command line")
    return pixels


def image_size(path: Path) -> tuple[int, int]:
    """Height and width; errors as `read_image`."""
    height, width = read_image(path).shape[:2]
    return height, width


def write_image(path: Path, pixels: np.ndarray) -> Path:
    """Write an image, and give its path back.

    Raises:
        SystemExit: it cannot be written.
    """
    if not cv2.imwrite(str(path), pixels):
        raise SystemExit(f"{path} cannot be written: is the disk full? TMPDIR names another folder for scratch files")
    return path
