import pytest
import torch

from onediff_core.features import DeltaFeatures
from onediff_core.heads import HeadConfig

CHANNELS, STRIDES, TOKEN_SIZE = (6, 8, 10), (2, 4, 16), 12


@pytest.fixture(autouse=True)
def seeded_on_one_thread():
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # small tensors: on a busy machine threads wait for each other longer than they work
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def config():
    """(task, **fields) -> a configuration for `features`."""

    def make(task, **fields):
        classes = ("changed",) if task == "pair" else ("building", "road")
        values = {"classes": classes, "channels": CHANNELS, "strides": STRIDES, "token_size": TOKEN_SIZE, "width": 16}
        return HeadConfig(**{"name": f"satellite.{task}", "task": task, "half_width": 8, **values, **fields})

    return make


@pytest.fixture
def features():
    """(batch, height, width) -> random features; each map has a cell for every begun stride of pixels."""

    def make(batch=2, height=32, width=48, *, channels=CHANNELS, strides=STRIDES, mask=None):
        return DeltaFeatures(
            tokens=torch.randn(batch, 5, TOKEN_SIZE),
            dense=tuple(
                torch.randn(batch, count, -(-height // stride), -(-width // stride))
                for count, stride in zip(channels, strides, strict=True)
            ),
            image_size=(height, width),
            image_mask=mask,
        )

    return make
