"""A folder of tiny sets with captions, and the smallest OneDiff that the word stages can start from."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from onediff_core import OneDiffForConditionalGeneration
from onediff_core.checkpoint import load_checkpoint, save_checkpoint
from onediff_core.heads import ChangeMaskHead, HeadConfig
from onediff_core.presets import tiny_tokenizer
from onediff_core.processing_onediff import OneDiffProcessor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_core import OneDiffConfig
    from onediff_core.checkpoint import Checkpoint

SIDE = 64
BUILT = ["a house is built at the top left", "some houses appear on the left", "two villas are built at the top"]
SAME = ["there is no difference", "the scene is the same as before"]


def write_pairs(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    for row in rows:
        row |= {"before": f"{row['id']}a.png", "after": f"{row['id']}b.png"}
        cv2.imwrite(str(folder / row["before"]), image)
        cv2.imwrite(str(folder / row["after"]), 255 - image)
    (folder / "pairs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """`levir_val` of 24 pairs in 12 places, `levir_tiles` of two, and the three sets of texts."""
    data = tmp_path / "sets"
    told = (BUILT, SAME)
    write_pairs(
        data / "levir_val",
        [{"id": f"v{n}", "group": f"place{n // 2:02}", "captions": told[n % 2]} for n in range(24)],
    )
    write_pairs(data / "levir_tiles", [{"id": f"t{n}", "captions": told[n]} for n in range(2)])
    texts = data / "captions_text"
    written = {
        "levir_cc_train.json.gz": {str(n): told[n % 3 == 2] for n in range(60)},
        "spot_the_diff/train.json.gz": [{"img_id": "1", "sentences": ["the red car on the left is gone", "hm"]}],
        "image_editing_request/train.json.gz": [{"sents": ["make it brighter"]}],
    }
    for name, content in written.items():
        (texts / name).parent.mkdir(parents=True, exist_ok=True)
        (texts / name).write_bytes(gzip.compress(json.dumps(content).encode()))
    return data


@pytest.fixture
def dense(tmp_path: Path, make_config: Callable[..., OneDiffConfig]) -> Checkpoint:
    """What the dense stage would have exported: a tower, a head for buildings, and words that were never trained."""
    config = make_config(
        "efficientnet_lite",
        delta={"dense_taps": (1, 2, 3, 4), "taps": (3, 4), "dropout": 0.0},
        text={
            "max_position_embeddings": 1024,
            "vocab_size": 1536,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
    )
    model = OneDiffForConditionalGeneration(config).eval()
    processor = OneDiffProcessor.for_model(model, tiny_tokenizer(), size=(SIDE, SIDE))
    head = ChangeMaskHead(
        HeadConfig(
            name="satellite.building",
            task="mask",
            classes=("building+", "building-"),
            kinds={"building+": "added", "building-": "removed"},
            **model.model.dense_shape()._asdict(),
        )
    )
    folder = tmp_path / "dense"
    with torch.no_grad():
        save_checkpoint(folder, model, processor, [head.eval()])
    return load_checkpoint(folder)
