"""The figures of the docs are what their scripts make."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "docs/figures/model.svg"


@pytest.fixture(scope="module")
def drawn(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The figure of the model, made now."""
    out = tmp_path_factory.mktemp("figures") / "model.svg"
    command = [sys.executable, str(repo / "docs/figures/model.py"), "--out", str(out)]
    subprocess.run(command, check=True, timeout=300)
    return out.read_text(encoding="utf-8")


def test_the_figure_of_the_model_is_what_its_script_makes(repo: Path, drawn: str) -> None:
    assert (repo / MODEL).read_text(encoding="utf-8") == drawn, "run: python docs/figures/model.py"


def test_the_figure_shows_the_shapes_of_the_models(drawn: str) -> None:
    from onediff_core import OneDiffConfig
    from onediff_core.presets import onediff_tiny_config

    said = [element.text for element in ElementTree.fromstring(drawn).iter() if element.tag.endswith("text")]
    for config in (OneDiffConfig(), onediff_tiny_config()):
        delta, text = config.delta_config, config.text_config
        assert f"{delta.num_delta_tokens} × {delta.hidden_size}" in said
        assert f"{delta.hidden_size} → {text.hidden_size}" in said
        assert f"× {delta.num_delta_tokens}" in said
        assert f"× {delta.num_hidden_layers}" in said
        assert any(f"{text.num_hidden_layers} layers of {text.hidden_size}" in line for line in said)
    assert "576 × 2048 → 576 × 4096" in said  # the paper's projector
