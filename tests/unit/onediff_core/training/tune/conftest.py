"""Parts with random weights as folders, pairs and pictures with captions, and a recipe of both stages."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from transformers import AutoBackbone, AutoModelForCausalLM

from onediff_core.presets import tiny_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIDE = 64
CAME, SAME = "a red square came", "nothing changed"
RECIPE: dict[str, Any] = {
    "name": "test",
    "model": {
        "vision": "tower",
        "text": "words",
        "side": SIDE,
        "delta": {
            "hidden_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "num_delta_tokens": 4,
            "dropout": 0.0,
        },
    },
    "stages": [
        {
            "name": "cst",
            "trains": "new",
            "sources": [{"kind": "coupled", "pictures": {"pictures": 1, "drawn": 1}}],
            "steps": 4,
            "held_out": 2,
        },
        {
            "name": "tune",
            "trains": "lora",
            "lora": {"r": 2, "alpha": 4},
            "sources": [
                {"kind": "pairs", "path": "pairs", "share": 3, "tasks": {"caption": 1, "yes_no": 1}},
                {"kind": "pictures", "path": "pictures"},
            ],
            "steps": 4,
        },
    ],
}
QUICK = {
    "batch": 4,
    "micro": 2,
    "workers": 0,
    "precision": "fp32",
    "log_every": 1,
    "warm_up": 0,
    "rate": 0.01,
    "average": 0.5,
}


@pytest.fixture
def recipe() -> dict[str, Any]:
    """Of both stages, four steps each, to be changed."""
    made = copy.deepcopy(RECIPE)
    for stage in made["stages"]:
        stage.update(QUICK)
    return made


@pytest.fixture
def sets(tmp_path: Path, make_config: Callable[..., Any]) -> Path:
    """A folder with a tower, a language model, twelve pairs in six places, and six pictures."""
    data = tmp_path / "sets"
    config = make_config("efficientnet_lite", text={"vocab_size": 1600, "max_position_embeddings": 512})
    AutoBackbone.from_config(config.vision_config).save_pretrained(data / "tower")
    with torch.no_grad():
        AutoModelForCausalLM.from_config(config.text_config).save_pretrained(data / "words")
    tiny_tokenizer([CAME, SAME]).save_pretrained(data / "words")
    rng = np.random.default_rng(0)
    write_pairs(data / "pairs", rng)
    (data / "pictures").mkdir()
    rows = []
    for number in range(6):
        cv2.imwrite(str(data / "pictures" / f"{number}.png"), rng.integers(0, 255, (40, 50, 3), dtype=np.uint8))
        rows.append({"image": f"{number}.png", "caption": f"a tree and {number} houses"})
    rows[0] = {
        "image": "0.png",
        "conversations": [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": "a tree"}],
    }
    write_lines(data / "pictures" / "pictures.jsonl", rows)
    return data


def write_pairs(folder: Path, rng: np.random.Generator, count: int = 12, **more: Any) -> None:
    folder.mkdir(parents=True)
    rows = []
    for number in range(count):
        before = rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
        after, changed = before.copy(), number % 2 == 0
        if changed:
            after[10:40, 10:40] = (20, 20, 220)
        names = {"before": f"{number}a.png", "after": f"{number}b.png"}
        for name, image in zip(names.values(), (before, after), strict=True):
            cv2.imwrite(str(folder / name), image)
        said = {"captions": [CAME if changed else SAME], "changed": changed}
        rows.append({"id": str(number), "group": f"place {number // 2}", **names, **said, **more})
    write_lines(folder / "pairs.jsonl", rows)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def write(sets: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a recipe whose parts are those of `sets`."""

    def make(content: dict[str, Any], name: str = "recipe.yaml") -> Path:
        content = copy.deepcopy(content)
        for part in ("vision", "text"):
            if content["model"].get(part) in ("tower", "words"):
                content["model"][part] = str(sets / content["model"][part])
        path = sets / name
        path.write_text(yaml.safe_dump(content))
        return path

    return make
