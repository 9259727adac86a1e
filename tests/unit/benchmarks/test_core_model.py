"""`benchmarks/core_model.py` and what it measures with."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import DynamicCache

import core_model
from cost import beside_llava, gpu, tables, tiny
from cost.models import EIGHTH, PAPER, WORDS, Sizes, llava, onediff
from cost.timing import PartClock, Spread, rounds
from onediff_core.presets import onediff_tiny, tiny_tokenizer

SMALL = Sizes(
    vision={
        "model_type": "clip_vision_model",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 7,
    },
    delta={
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "num_delta_tokens": 5,
    },
    text={
        "model_type": "llama",
        "vocab_size": 64,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "eos_token_id": 1,
        "pad_token_id": 1,
    },
)


# --- the models ---


def test_the_smaller_model_is_the_papers_at_an_eighth_of_its_widths() -> None:
    paper, eighth = PAPER.onediff(), EIGHTH.onediff()
    for part in ("vision_config", "delta_config", "text_config"):
        large, small = getattr(paper, part), getattr(eighth, part)
        for width in ("hidden_size", "intermediate_size"):
            assert getattr(large, width) == 8 * getattr(small, width), (part, width)
        assert large.num_hidden_layers == small.num_hidden_layers
    for part in ("vision_config", "text_config"):
        heads = [
            config.hidden_size / config.num_attention_heads for config in (getattr(paper, part), getattr(eighth, part))
        ]
        assert heads[0] == heads[1], part
    assert paper.delta_config.taps == eighth.delta_config.taps == (8, 16, 24)


def test_both_are_of_the_same_tower_and_language_model_and_count_their_tokens() -> None:
    with torch.device("meta"):
        ours, theirs = onediff(EIGHTH), llava(EIGHTH)
    for part in ("tower", "language model"):
        counts = [sum(p.numel() for m in one.parts[part] for p in m.parameters()) for one in (ours, theirs)]
        assert counts[0] == counts[1], part
    assert ours.model.config._attn_implementation == theirs.model.config._attn_implementation
    assert ours.model.dtype == theirs.model.dtype
    assert EIGHTH.llava().image_seq_length == 576


def test_both_see_the_same_pixels_and_read_the_same_words() -> None:
    ours, theirs = onediff(SMALL).inputs(2), llava(SMALL).inputs(2)
    assert torch.equal(ours["pixel_values"].flatten(0, 1), theirs["pixel_values"])
    assert torch.equal(ours["input_ids"][:, -WORDS:], theirs["input_ids"][:, -WORDS:])
    assert ours["input_ids"].shape == (2, 16 + 5 + WORDS)
    assert theirs["input_ids"].shape == (2, 2 * 16 + WORDS)


def test_the_tiny_model_answers_with_probabilities_and_as_many_tokens_as_are_timed() -> None:
    with torch.inference_mode():
        probabilities = tiny.detector()()
        model, _ = tiny.with_random_weights()
        said = tiny.describer()()
    assert probabilities.shape == (1, 4, 256, 256)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert said.shape[1] - tiny.prompt(model).shape[1] == tiny.SAID


def test_the_tiny_models_prompt_is_no_shorter_than_its_processor_makes_it() -> None:
    tokenizer = tiny_tokenizer()
    model, processor = onediff_tiny(tokenizer)
    blank = np.zeros((256, 256, 3), np.uint8)
    made = processor((blank, blank), processor.prompt("caption"))
    assert made["pixel_values"].shape == tiny.pair().shape
    assert made["input_ids"].shape[1] <= tiny.prompt(model).shape[1]


# --- the measures ---


@torch.inference_mode()
def test_contenders_take_turns_and_their_parts_make_up_the_whole() -> None:
    found = beside_llava.compare([onediff(SMALL), llava(SMALL)], rounds=2, said=3)
    assert list(found) == ["OneDiff", "LLaVA type"]
    assert [one["tokens"] for one in found.values()] == [21, 32]
    for one in found.values():
        assert len(one["rounds"]) == 2
        for entry in one["rounds"]:
            assert all(seconds > 0 for seconds in entry["parts"].values())
            assert sum(entry["parts"].values()) <= entry["prefill"][1]


@torch.inference_mode()
@pytest.mark.parametrize("build", [onediff, llava])
def test_what_is_decoded_continues_the_prompt(build: Any) -> None:
    contender, cache = build(SMALL), DynamicCache()
    inputs = contender.inputs()
    token = beside_llava.prefill(contender, inputs, cache)
    assert cache.get_seq_length() == inputs["input_ids"].shape[1]
    beside_llava.decode(contender, token, cache, said=3)
    assert cache.get_seq_length() == inputs["input_ids"].shape[1] + 3


@pytest.mark.parametrize("build", [onediff, llava])
def test_what_runs_on_a_gpu_runs_here_too(build: Any) -> None:
    contender = build(SMALL)
    frozen = {name: weight.clone() for name, weight in contender.model.named_parameters()}
    found = gpu.measure(contender, 2, batches=(1, 3), trained_pairs=2, said=4)
    assert list(found["captions"]) == [1, 3]
    assert found["step"]["flop"] > 0
    trained = {id(p) for part in contender.trained for module in contender.parts[part] for p in module.parameters()}
    for name, weight in contender.model.named_parameters():
        assert torch.equal(weight, frozen[name]) == (id(weight) not in trained), name


def test_what_does_not_fit_says_so() -> None:
    def too_large() -> None:
        raise torch.OutOfMemoryError

    assert gpu.measured(too_large, 2, torch.device("cpu")) == {"fits": False}


def test_a_clock_counts_only_what_runs_within_it() -> None:
    module = torch.nn.Linear(512, 512)
    with PartClock({"part": [module]}) as clock:
        module(torch.zeros(512, 512))
    counted = clock.seconds["part"]
    module(torch.zeros(512, 512))
    assert clock.seconds["part"] == counted > 0


def test_calls_to_warm_up_are_not_counted() -> None:
    calls = []
    found = rounds(lambda: (calls.append(1), time.sleep(0.01)), 3, warm_up=2)
    assert (len(calls), len(found)) == (5, 3)
    assert all(seconds.wall >= 0.01 > seconds.cpu for seconds in found)


# --- the tables ---


def test_a_spread_is_a_median_between_the_extremes() -> None:
    assert Spread.of([0.03, 0.01, 0.05]).text(1000, unit="ms") == "30 ms (10 to 50)"


def contender(prefill: float, decode: float, tokens: int, **parts: float) -> dict[str, Any]:
    entry = {"prefill": [prefill, prefill / 2], "decode": [decode, decode], "parts": parts}
    return {"rounds": [entry, entry], "tokens": tokens, "parameters": 2_000_000}


def test_ratios_are_of_rounds_that_followed_each_other() -> None:
    ours, theirs = contender(1.0, 0.1, 608, tower=0.2, delta=0.1), contender(2.0, 0.1, 1152, tower=0.2)
    theirs["rounds"] = [contender(4.0, 0.1, 0, tower=0.2)["rounds"][0], theirs["rounds"][0]]
    lines = tables.llava(ours, theirs).splitlines()
    assert lines[3] == "| tokens for two images | 608 | 1152 | 0.53 | - |"
    assert lines[4].endswith("| 1000 ms (1000 to 1000) | 3000 ms (2000 to 4000) | 0.38 (0.25 to 0.50) | at most 0.8 |")
    assert "| of that: delta | 100 ms (100 to 100) | - | - | - |" in lines


def test_processor_time_stands_before_the_clocks() -> None:
    lines = tables.tiny([[0.2, 0.1]], [[0.3, 0.2]], 500.4).splitlines()
    assert lines[2].endswith("| 100 ms (100 to 100) | 200 ms (200 to 200) | 120 ms |")
    assert lines[4] == "| peak memory of a process that did both | 500 MB | - | 900 MB |"


def test_what_does_not_fit_is_in_the_table() -> None:
    found = {
        "fits": True,
        "seconds": [2.0],
        "peak_gb": 17.04,
    }
    one = {"captions": {"8": found, "32": {"fits": False}}, "step": {**found, "pairs": 8, "flop": 1e15}}
    lines = tables.gpu({"OneDiff": one}).splitlines()
    assert lines[2] == "| OneDiff | captions, batch 8 | 4.00 pairs/s (4.00 to 4.00) | 17.0 GB | - |"
    assert lines[3] == "| OneDiff | captions, batch 32 | does not fit | - | - |"
    assert lines[4] == "| OneDiff | a step of training, batch 8 | 2000 ms (2000 to 2000) | 17.0 GB | 500.0 |"


# --- the command ---

PAGE = """# Results
<!-- quality: overview -->
| set |
| --- |
| b |
<!-- end of overview -->
<!-- quality: core_model tiny -->
old
<!-- end of core_model tiny -->
The end.
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["core_model.py", *map(str, arguments)])
    core_model.main()


def test_a_measured_table_takes_the_place_of_the_old_one(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    monkeypatch.setitem(core_model.MEASURES, "tiny", lambda rounds: f"| {rounds} rounds |")
    called(monkeypatch, "tiny", "--rounds", "4", "--machine", "one abacus", "--write", results)
    text = results.read_text(encoding="utf-8")
    start, end = PAGE.split("old\n")
    assert text.startswith(start)
    assert text.endswith(f"| 4 rounds |\n{end}")
    assert "`python benchmarks/core_model.py tiny --rounds 4`" in text
    assert "; one abacus; torch " in text


def test_a_page_without_a_place_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch, results: Path) -> None:
    monkeypatch.setitem(core_model.MEASURES, "llava", lambda rounds: pytest.fail("it ran"))
    with pytest.raises(SystemExit, match="no place for core_model llava"):
        called(monkeypatch, "llava", "--write", results)


def test_a_part_that_is_not_known_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        called(monkeypatch, "huge")
    assert "there is no huge: choose from tiny, llava, gpu" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_its_table_is_not_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        called(monkeypatch, "gpu")
    assert "needs a CUDA device" in capsys.readouterr().err
    for part in ("tiny", "llava"):
        monkeypatch.setitem(core_model.MEASURES, part, lambda rounds: "measured")
    called(monkeypatch)
    assert "core_model gpu" not in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no /proc tells the peak of memory")
def test_a_measure_runs_in_a_process_of_its_own() -> None:
    assert 100 < core_model.measure("tiny", "memory", 1)["peak_mb"] < 900
