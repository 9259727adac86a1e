"""The screenshot tools beside ours: odiff and pixelmatch, each one process for all pairs."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import ndimage

from evaluation.images import image_size, read_image
from evaluation.scores import Answer
from onediff_core.evaluation.regions import MIN_COMPONENT_PX, Box

if TYPE_CHECKING:
    from evaluation.sets import Pair

FOLDER = Path(__file__).resolve().parents[1] / ".peers"
INSTALL = "npm install --prefix benchmarks/.peers odiff-bin@4.5.0 pixelmatch@7.2.0 pngjs@7.0.0"

# Regions of a mask of separate glyphs: its components after a dilation that closes gaps of two such radii.
GROW_PX = 8
# Tools are often run with a tolerance, because one pixel of noise is enough to fail a page.
TOLERANCE = 0.001


class _Lines:
    """A process that answers one line of JSON with one line of JSON."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._name = Path(command[0]).name

    def read(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._name} ended with {self._process.wait()}; install it again: {INSTALL}")
        return json.loads(line)

    def ask(self, request: dict) -> dict:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self.read()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Odiff:
    """odiff with anti-aliasing detection, through its server mode."""

    def __init__(self, scratch: Path) -> None:
        self._mask = scratch / "odiff.png"
        self._server = _Lines([str(_installed("odiff-bin/bin/odiff")), "--server"])
        self._server.read()  # {"ready": true}

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """Verdict by any pixel, and by more than 0.1 % of the page; its time includes writing the difference."""
        self._mask.unlink(missing_ok=True)
        options = {"antialiasing": True, "threshold": 0.1, "outputDiffMask": True}
        request = {"requestId": 0, "base": str(pair.before), "compare": str(pair.after), "options": options}
        started = time.perf_counter()
        said = self._server.ask(request | {"output": str(self._mask)})
        seconds = time.perf_counter() - started
        if "match" not in said:
            return _verdicts("odiff", Answer(failed=said.get("error") or said.get("reason") or str(said)), 0.0)
        height, width = image_size(pair.after)
        mask = np.zeros((height, width), bool)
        if not said["match"]:
            written = read_image(self._mask)[:height, :width, 3] > 0
            mask[: written.shape[0], : written.shape[1]] = written
        answer = Answer(changed=not said["match"], mask=mask, regions=_grown(mask), seconds=seconds)
        return _verdicts("odiff", answer, said.get("diffCount", 0) / (height * width))

    def close(self) -> None:
        """End the process."""
        self._server.close()


class Pixelmatch:
    """pixelmatch at its default threshold, in one Node process."""

    def __init__(self, scratch: Path) -> None:
        self._mask = scratch / "pixelmatch.bin"
        if (node := shutil.which("node")) is None:
            raise SystemExit("pixelmatch needs Node.js (Debian: apt-get install nodejs npm), or use --without-peers")
        modules = _installed("pixelmatch/index.js").parents[2]
        self._node = _Lines([node, str(Path(__file__).with_name("pixelmatch.mjs")), str(modules)])

    def answers(self, pair: Pair) -> dict[str, Answer]:
        """Verdict by any pixel, and by more than 0.1 % of the page."""
        said = self._node.ask({"before": str(pair.before), "after": str(pair.after), "mask": str(self._mask)})
        if "error" in said:
            return _verdicts("pixelmatch", Answer(failed=said["error"]), 0.0)
        size = (said["height"], said["width"])
        height, width = image_size(pair.after)
        mask = np.fromfile(self._mask, np.uint8).reshape(size)[:height, :width] > 0
        answer = Answer(changed=said["count"] > 0, mask=mask, regions=_grown(mask), seconds=said["ms"] / 1000)
        return _verdicts("pixelmatch", answer, said["count"] / (size[0] * size[1]))

    def close(self) -> None:
        """End the process."""
        self._node.close()


def _installed(path: str) -> Path:
    found = FOLDER / "node_modules" / path
    if not found.is_file():
        raise SystemExit(f"{found} is missing: run `{INSTALL}`, or leave the peers out with --without-peers")
    return found


def _verdicts(name: str, answer: Answer, share: float) -> dict[str, Answer]:
    tolerant = answer if answer.failed else replace(answer, changed=share > TOLERANCE)
    return {name: answer, f"{name}, > 0.1 %": tolerant}


def _grown(mask: np.ndarray) -> tuple[tuple[Box, ...], ...]:
    """A region per component of the dilated mask, its box that of the pixels that were flagged."""
    size = 2 * GROW_PX + 1
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8))
    labels = np.where(mask, cv2.connectedComponents(grown, connectivity=8)[1], 0)
    counts = np.bincount(labels.ravel())
    regions = []
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is not None and counts[label] >= MIN_COMPONENT_PX:
            rows, columns = place
            box = Box(columns.start, rows.start, columns.stop, rows.stop)
            regions.append((box, replace(box, side="before")))  # one grid for both images
    return tuple(regions)
