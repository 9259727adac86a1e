"""A chat model of transformers, the smallest there is: from its folder to words, and what it lacks in words."""

from __future__ import annotations

import json
import os
import shutil
from importlib.util import find_spec

import pytest
from PIL import Image

import onediff_vlm.local as module
from onediff_plugins.errors import DescriptionError
from onediff_vlm.answers import UnusableAnswerError
from onediff_vlm.chat import Turn
from onediff_vlm.local import LocalChat
from onediff_vlm.settings import VlmSettings

ANSWER = ('{"regions": [{"id": 1, "caption": "a white box"}', '], "caption": "one box is new"}')


@pytest.fixture(scope="module")
def random_vlm(tiny_vlm, tmp_path_factory):
    """Folder of a model of random weights, which says nothing of sense."""
    return tiny_vlm.save(tmp_path_factory.mktemp("vlm") / "random-vlm", *tiny_vlm.build())


@pytest.fixture
def copied(random_vlm, tmp_path):
    return shutil.copytree(random_vlm, tmp_path / "copied-vlm")


def chat_of(folder, device="cpu", **settings):
    return LocalChat(VlmSettings(model=str(folder), **settings), device)


QUESTION = [Turn("user", ("before:", Image.new("RGB", (50, 40)), "after:", Image.new("RGB", (60, 40), "red")))]


@pytest.fixture(scope="module")
def knowing_vlm(tiny_vlm, tmp_path_factory):
    """Folder of a model that knows one answer."""
    model, processor = tiny_vlm.build()
    tiny_vlm.know(model, processor, *ANSWER)
    return tiny_vlm.save(tmp_path_factory.mktemp("vlm") / "knowing-vlm", model, processor)


def compare(make_host, pictures, folder, **settings):
    """The record of a pair that has one box."""
    before = pictures[0]
    after = before.copy()
    after[20:50, 20:60] = 255
    host = make_host(endpoint=None, model=str(folder), max_tokens=64, **settings)
    return host.compare(before, after, domain="toy", captioner="hf-vlm")


def test_a_model_of_transformers_is_shown_the_pair_and_says_what_changed(make_host, knowing_vlm, pictures):
    result = compare(make_host, pictures, knowing_vlm)
    assert result.provenance.fallbacks == ()
    assert (result.caption, result.caption_source) == ("One box is new.", "hf-vlm:knowing-vlm")
    assert [region.caption for region in result.regions] == ["A white box."]


def test_a_model_in_halves_is_run_as_it_was_saved(make_host, tiny_vlm, pictures, tmp_path):
    model, processor = tiny_vlm.build()
    tiny_vlm.know(model, processor, *ANSWER)
    tiny_vlm.save(tmp_path / "half-vlm", model.bfloat16(), processor)
    assert compare(make_host, pictures, tmp_path / "half-vlm", cache=False).caption_source == "hf-vlm:half-vlm"


def test_a_kept_answer_is_found_without_loading_the_model(make_host, knowing_vlm, pictures, monkeypatch):
    first = compare(make_host, pictures, knowing_vlm)
    monkeypatch.setattr(module, "_loaded", lambda *arguments: pytest.fail("the model was loaded"))
    assert compare(make_host, pictures, knowing_vlm).caption == first.caption


def test_other_weights_are_asked_anew(make_host, knowing_vlm, pictures, tmp_path, monkeypatch):
    folder = shutil.copytree(knowing_vlm, tmp_path / "changing-vlm")
    compare(make_host, pictures, folder)
    os.utime(folder / "model.safetensors", (1, 1))
    loads = []
    load = module._loaded
    monkeypatch.setattr(module, "_loaded", lambda *arguments: loads.append(arguments) or load(*arguments))
    assert compare(make_host, pictures, folder).caption_source == "hf-vlm:changing-vlm"
    assert len(loads) == 1


def test_a_random_model_leaves_the_words_to_the_next_captioner(make_host, random_vlm, pictures):
    result = compare(make_host, pictures, random_vlm)
    assert result.caption_source == "template"
    (fallback,) = result.provenance.fallbacks
    assert "the answer of hf-vlm:random-vlm cannot be used" in fallback.reason
    assert str(random_vlm) not in fallback.reason


def test_the_same_question_gets_the_same_answer(random_vlm, monkeypatch):
    chat = chat_of(random_vlm, max_tokens=64)
    monkeypatch.setattr(chat, "_generate", lambda *a: (LocalChat._generate(chat, *a)[0], True))
    first = chat.ask(QUESTION)
    assert first
    assert chat.ask(QUESTION) == first


def test_an_answer_without_an_end_cannot_be_used(random_vlm):
    with pytest.raises(UnusableAnswerError, match=r"cut off at vlm\.max_tokens or vlm\.timeout_s: raise them"):
        chat_of(random_vlm, max_tokens=64).ask(QUESTION)


# --- what goes wrong ---


def failing(folder, device="cpu"):
    with pytest.raises(DescriptionError) as error:
        chat_of(folder, device).ask(QUESTION)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    assert failing(tmp_path / "nowhere").startswith(f"there is no folder {tmp_path / 'nowhere'}: set vlm.model to")


def test_a_folder_of_something_else_is_told(copied):
    (copied / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "cannot be loaded as a chat model for images" in failing(copied)


def test_damaged_weights_are_told(copied):
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "cannot be loaded as a chat model for images" in failing(copied)


def test_pickled_weights_are_not_loaded(copied):
    import torch

    (copied / "model.safetensors").rename(copied / "kept")
    torch.save({}, copied / "pytorch_model.bin")
    assert "safetensors" in failing(copied)


def test_a_model_without_a_chat_template_is_told(tiny_vlm, tmp_path):
    tiny_vlm.save(tmp_path / "base", *tiny_vlm.build(template=None))
    assert "has no chat template: set vlm.model to an instruct or chat model" in failing(tmp_path / "base")


def test_a_device_that_is_not_there_is_told(random_vlm):
    assert "the device 'cuda:7' is not there" in failing(random_vlm, "cuda:7")


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_a_processor_that_needs_torchvision_is_told(copied):
    config = json.loads((copied / "processor_config.json").read_text())
    config |= {
        "processor_class": "Qwen2VLProcessor",
        "video_processor": {"video_processor_type": "Qwen2VLVideoProcessor"},
    }
    (copied / "processor_config.json").write_text(json.dumps(config))
    message = failing(copied)
    assert "needs a package that is not here" in message
    assert "need torchvision; or ask a server: vlm.endpoint" in message


def test_what_a_model_raises_while_it_answers_is_told(random_vlm, monkeypatch):
    chat = chat_of(random_vlm)

    def fail(*arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(chat, "_generate", fail)
    with pytest.raises(DescriptionError, match=r'failed with RuntimeError: "out of memory"\. Choose a chat model'):
        chat.ask(QUESTION)


def test_without_transformers_the_package_to_install_is_named(random_vlm, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'onediff-vlm[local]'" in failing(random_vlm)


def test_a_model_that_cannot_be_loaded_is_not_tried_for_every_pair(tmp_path, monkeypatch):
    tried = []

    def fail(name):
        tried.append(name)
        raise OSError("no such model")

    monkeypatch.setattr(module, "_configuration", fail)
    chat = chat_of(tmp_path)
    for _ in range(3):
        with pytest.raises(DescriptionError, match="cannot be loaded"):
            chat.identity()
    assert len(tried) == 1
