"""OneDiff and the LLaVA type at the paper's sizes on one CUDA device: `python -m cost.gpu ROUNDS` prints JSON.

bfloat16, random weights. One model is on the device at a time. What does not fit says so.
"""

from __future__ import annotations

import argparse
import gc
import json
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from cost.models import PAPER, llava, onediff
from cost.timing import rounds, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cost.models import Contender

BATCHES = (1, 8, 32)
TRAINED_PAIRS = 8  # of a training step
SAID = 32  # tokens of a caption


def caption(contender: Contender, pairs: int, said: int) -> Callable[[], object]:
    """From pixels to exactly `said` tokens for each pair, greedy."""
    inputs = contender.inputs(pairs)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    more = {"allow_untrained": True} if contender.name == "OneDiff" else {}
    length = {"min_new_tokens": said, "max_new_tokens": said, "do_sample": False}
    return lambda: contender.model.generate(**inputs, **length, **more)


def training_step(contender: Contender, pairs: int) -> Callable[[], object]:
    """Forward, backward and AdamW of a first stage: the tower and the language model are frozen, and recomputed."""
    model = contender.model.train()
    model.requires_grad_(False)
    trained = [
        parameter for name in contender.trained for part in contender.parts[name] for parameter in part.parameters()
    ]
    for parameter in trained:
        parameter.requires_grad_(True)
    model.activation_checkpointing_enable()
    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    inputs = contender.inputs(pairs)
    inputs["labels"] = inputs["input_ids"].clone()
    inputs["labels"][:, :-SAID] = -100

    def step() -> None:
        model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def measured(call: Callable[[], object], count: int, device: torch.device) -> dict[str, Any]:
    """Seconds of some rounds and the peak of memory, or that it does not fit."""
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    try:
        seconds = rounds(call, count, torch.cuda.synchronize if cuda else lambda: None)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return {"fits": False}
    peak = torch.cuda.max_memory_allocated(device) / 1e9 if cuda else None
    return {"fits": True, "seconds": [second.wall for second in seconds], "peak_gb": peak}


def measure(
    contender: Contender,
    count: int,
    *,
    batches: Sequence[int] = BATCHES,
    trained_pairs: int = TRAINED_PAIRS,
    said: int = SAID,
) -> dict[str, Any]:
    """Captions at each batch size, then a step of training."""
    device = contender.model.device
    with torch.inference_mode():
        captions = {pairs: measured(caption(contender, pairs, said), count, device) for pairs in batches}
    step = training_step(contender, trained_pairs)
    trained = {"pairs": trained_pairs, **measured(step, count, device)}
    if trained["fits"]:
        with FlopCounterMode(display=False) as counter:
            timed(step)
        trained["flop"] = counter.get_total_flops()
    return {"captions": captions, "step": trained}


def measure_one(build: Callable[..., Contender], count: int) -> dict[str, Any]:
    """A contender of the paper's sizes, by name; gone afterwards."""
    contender = build(PAPER, "cuda", torch.bfloat16)
    return {contender.name: measure(contender, count)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("cost.gpu needs a CUDA device, and torch sees none")
    found: dict[str, Any] = {"device": torch.cuda.get_device_name()}
    for build in (onediff, llava):
        found |= measure_one(build, options.rounds)
        gc.collect()
        torch.cuda.empty_cache()  # before the next is made
    print(json.dumps(found))


if __name__ == "__main__":
    main()
