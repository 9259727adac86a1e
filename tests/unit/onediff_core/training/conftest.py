"""Drawn tiles, and the smallest network that the dense stage can train."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from onediff_core.data import Sample
from onediff_core.modeling_onediff import OneDiffModel
from onediff_core.training.network import DenseNetwork
from onediff_core.training.sets import MaskSet
from onediff_core.training.sources import MaskSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HOUSES = MaskSet(
    name="houses",
    mask="building+",
    empty=("building-",),
    quiet=("landcover",),
    share=0.7,
    scale=(0.7, 1.6),
    swapped=True,
    licence="ours",
)
FIELDS = MaskSet(name="fields", mask="landcover", share=0.3, scale=(1.0, 1.0))
CLASSES = ("building+", "building-", "landcover")


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def meadow(rng: np.random.Generator, side: int) -> np.ndarray:
    """A green ground that is nowhere the same."""
    coarse = rng.integers(60, 120, (side // 8, side // 8, 3)).astype(np.uint8)
    ground = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return cv2.add(ground, np.array([0, 40, 0, 0], np.float64))


@pytest.fixture
def tile() -> Callable[..., Sample]:
    """(houses, side, name) -> a meadow, and the same with that many red houses in a row."""

    def make(houses: int = 2, side: int = 96, name: str = "building+", seed: int = 0) -> Sample:
        ground = meadow(np.random.default_rng(seed), side)
        after, mask = ground.copy(), np.zeros((side, side), np.uint8)
        for number in range(houses):
            corner = (12 + 28 * number, 30)
            end = (corner[0] + 13, corner[1] + 17)
            cv2.rectangle(after, corner, end, (220, 30, 30), -1)
            cv2.rectangle(mask, corner, end, 1, -1)
        other = {"building-": np.zeros((side, side), bool)} if name == "building+" else {}
        return Sample(
            before=ground,
            after=after,
            masks={name: mask.astype(bool), **other},
            changed=houses > 0,
            source="drawn",
            id=f"{name}-{seed}",
        )

    return make


@pytest.fixture
def sources(tile: Callable[..., Sample]) -> list[MaskSource]:
    return [
        MaskSource(HOUSES, [tile(2, seed=1), tile(1, seed=2), tile(0, seed=3)]),
        MaskSource(FIELDS, [tile(1, name="landcover", seed=4)]),
    ]


@pytest.fixture
def network(make_config: Callable[..., Any]) -> DenseNetwork:
    base = OneDiffModel(make_config("efficientnet_lite", delta={"dense_taps": (1, 2, 3, 4), "taps": (3, 4)}))
    return DenseNetwork(base, CLASSES, (0.5,) * 3, (0.25,) * 3)


@pytest.fixture
def killed_once() -> Callable[[Sequence[str], Callable[[], bool]], None]:
    """Starts a command, and kills it, as nothing can prepare for, once it has got somewhere."""

    def kill(command: Sequence[str], got_there: Callable[[], bool]) -> None:
        with subprocess.Popen(command) as process:
            deadline = time.monotonic() + 240
            while not got_there():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL

    return kill
