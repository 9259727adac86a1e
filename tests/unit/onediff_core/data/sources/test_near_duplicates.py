"""Near-duplicates, found with a real, small vision model of random weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    ConvNextV2Config,
    ConvNextV2Model,
    ViTConfig,
    ViTModel,
)

from onediff_core.data import PairFolder
from onediff_core.data.sources.base import SourceError
from onediff_core.data.sources.near_duplicates import neighbours
from onediff_plugins.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = {**SMALL, "image_size": 32, "patch_size": 8}


def model(name: str) -> torch.nn.Module:
    if name == "clip":
        return CLIPModel(CLIPConfig(text_config={**SMALL, "vocab_size": 20}, vision_config=VISION, projection_dim=16))
    if name == "vit":
        return ViTModel(ViTConfig(**VISION), add_pooling_layer=False)
    return ConvNextV2Model(ConvNextV2Config(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], image_size=32))


@pytest.fixture(params=["clip", "vit", "convnextv2"])
def weights(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    folder = tmp_path / "weights"
    model(request.param).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    CLIPImageProcessorPil(size=size, crop_size=size, do_center_crop=False).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def photos(tmp_path: Path, draw) -> Path:
    """Six scenes; of three of them there is a second look, of one a copy."""
    rng = np.random.default_rng(3)
    for scene in range(6):
        pixels = np.kron(rng.integers(0, 255, (4, 4, 3)), np.ones((16, 16, 1)))
        draw(f"photos/{scene}.png", pixels)
        if scene < 3:
            draw(f"photos/second/{scene}.png", np.clip(pixels + rng.normal(0, 12, pixels.shape), 0, 255))
        if scene == 5:
            draw("photos/copy.png", pixels)
    return tmp_path / "photos"


def test_second_looks_are_found_and_copies_are_not(photos: Path, weights: str, tmp_path: Path, convert) -> None:
    (photos / "broken.png").write_text("no picture")
    lines = [{"file_name": f"{scene}.png", "text": f"scene {scene}"} for scene in range(6)]
    (photos / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = {"model": weights, "low": -1, "high": 0.99999, "batch": 4}
    summary = convert("near-duplicates", photos, settings=settings, max_missing=0.5)
    ids = {row["id"]: row for row in PairFolder(tmp_path / "out").rows}
    assert {f"{scene}.png|second/{scene}.png" for scene in range(3)} <= ids.keys()
    assert "5.png|copy.png" not in ids
    assert summary.left_out == {"broken": [str(photos / "broken.png")]}
    assert ids["1.png|second/1.png"]["meta"]["caption_before"] == "scene 1"
    assert ids["1.png|second/1.png"]["meta"]["similarity"] > 0.9


def test_the_search_is_exact_and_counts_each_pair_once() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2300, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = neighbours(vectors, 0.7, 0.9, 3)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    similarity[similarity > 0.9] = -np.inf
    expected = set()
    for one, row in enumerate(similarity):
        for other in np.argsort(-row)[:3]:
            if row[other] >= 0.7:
                expected.add((min(one, int(other)), max(one, int(other))))
    assert {(one, other) for one, other, _ in found} == expected
    assert len(expected) > 50


def test_pictures_that_are_connected_are_one_group(photos: Path, weights: str, tmp_path: Path, convert) -> None:
    convert("near-duplicates", photos, settings={"model": weights, "low": -1, "high": 1, "neighbours": 9})
    assert {row["group"] for row in PairFolder(tmp_path / "out").rows} == {"0.png"}


def test_a_model_that_is_none_and_settings_that_cannot_be_are_refused(photos: Path, read) -> None:
    with pytest.raises(SourceError, match="needs a vision model: --set model="):
        read("near-duplicates", photos)
    with pytest.raises(SourceError, match="is no vision model of transformers"):
        read("near-duplicates", photos, model=str(photos))
    with pytest.raises(SettingsError, match=r"low is 0\.9, which is above high"):
        read("near-duplicates", photos, model="x", low=0.9, high=0.5)
