"""Real captions, and the tools that they are scored with."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Captioned(NamedTuple):
    """Pairs of a set, and what somebody said of each, of whom every third was looking at another pair."""

    references: list[list[str]]
    said: list[str]


@pytest.fixture(scope="session")
def scorers() -> None:
    """pycocoevalcap is there."""
    if not find_spec("pycocoevalcap"):
        pytest.skip("pycocoevalcap is not installed")


@pytest.fixture(scope="session")
def java(scorers: None) -> None:
    """Java is there, too."""
    if not shutil.which("java"):
        pytest.skip("no Java on the PATH")


@pytest.fixture(scope="session")
def real_captions(data_set: Callable[[str], Path]) -> Captioned:
    """200 captions of three sets, from people."""
    folder = data_set("captions_text")

    def read(name: str) -> Any:
        content = (folder / name).read_bytes()
        return json.loads(gzip.decompress(content) if name.endswith(".gz") else content)

    levir = list(read("levir_cc_train.json.gz").values())
    spot = [pair["sentences"] for pair in read("spot_the_diff/test.json")]
    edits = [pair["sents"] for pair in read("image_editing_request/test.json")]
    rng = random.Random(7)
    made = Captioned([], [])
    for texts, count in ((levir, 80), (spot, 60), (edits, 60)):
        several = [[text for text in some if text.strip()] for some in texts]
        several = [some for some in several if len(some) > 1]
        for number, (own, *others) in enumerate(rng.sample(several, count)):
            made.references.append(others)
            made.said.append(own if number % 3 else rng.choice(rng.choice(several)))
    return made
