"""`onediff-tiny` on one thread: `python -m cost.tiny detect|caption|memory ROUNDS` prints JSON.

Each measure wants a process of its own, for the peak of memory and because one model's buffers warm another's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cost.timing import rounds
from onediff_core import OneDiffForConditionalGeneration
from onediff_core.heads import build_head
from onediff_core.presets import TINY_SIDE, onediff_tiny_config
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from onediff_core.heads.base import Head

WORDS = 20  # tokens of a prompt beside its placeholders
SAID = 20  # tokens of the caption
CLASSES = ("building+", "building-", "landcover", "object")


def with_random_weights() -> tuple[OneDiffForConditionalGeneration, Head]:
    """The model and a mask head of four classes."""
    torch.manual_seed(0)
    model = OneDiffForConditionalGeneration(onediff_tiny_config()).eval()
    spec = HeadSpec(name="any.change", task="mask", classes=CLASSES)
    head = build_head(spec, **model.model.dense_shape()._asdict()).eval()
    return model, head


def pair() -> Tensor:
    """(1, 2, 3, TINY_SIDE, TINY_SIDE), as the image processor would make it."""
    return torch.randn(1, 2, 3, TINY_SIDE, TINY_SIDE, generator=torch.Generator().manual_seed(0))


def prompt(model: OneDiffForConditionalGeneration) -> Tensor:
    """(1, T) placeholders for one pair, then words."""
    config = model.config
    visual = (TINY_SIDE // model.model.visual_stride(32)) ** 2
    words = torch.randint(3, config.text_config.vocab_size, (WORDS,), generator=torch.Generator().manual_seed(0))
    placeholders = [config.pair_token_id] * visual + [config.delta_token_id] * config.delta_config.num_delta_tokens
    return torch.cat([torch.tensor(placeholders), words])[None]


def detector() -> Callable[[], Tensor]:
    """From pixels to (1, 4, TINY_SIDE, TINY_SIDE) probabilities."""
    model, head = with_random_weights()
    pixels = pair()
    return lambda: head.probabilities(head(model.model.dense_features(pixels)))


def describer() -> Callable[[], Tensor]:
    """From pixels and a prompt to exactly SAID tokens, greedy."""
    model, _ = with_random_weights()
    inputs = {"pixel_values": pair(), "input_ids": prompt(model)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    length = {"min_new_tokens": SAID, "max_new_tokens": SAID, "do_sample": False}
    return lambda: model.generate(**inputs, **length, allow_untrained=True)


def peak_megabytes() -> float:
    """Of this process so far.

    Not ru_maxrss, which starts at what the process that launched this one had.
    """
    (peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(peak) / 1024


def memory() -> dict[str, Any]:
    """After a detection and a caption by one model each."""
    detector()(), describer()()
    return {"peak_mb": peak_megabytes()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["detect", "caption", "memory"])
    parser.add_argument("rounds", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        if options.what == "memory":
            found = memory()
        else:
            call = detector() if options.what == "detect" else describer()
            found = {"seconds": rounds(call, options.rounds)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
