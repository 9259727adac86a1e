"""What `onediff-small` costs on one core: python benchmarks/small.py TOWER TEXT.

TOWER is a folder of EfficientNet-Lite0, TEXT a folder, hub id or GGUF file of SmolLM2-135M-Instruct. Seconds are of CPU
time on one thread, which other work on the machine moves less than it moves the clock.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers.utils import logging

from onediff_core.adapters import freeze_base
from onediff_core.small import onediff_small

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = 24


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def main(tower: str, text: str) -> None:
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    loading, (model, processor) = seconds(lambda: onediff_small(tower=tower, text=text))
    new = sum(value.numel() for part in model.new_parts().values() for value in part.parameters())
    print(f"parameters: {sum(value.numel() for value in model.parameters()) / 1e6:.1f} M, new {new / 1e6:.2f} M")
    print(f"loading: {loading:.1f} s; resident at most {peak_mib():.0f} MiB")
    inputs = processor(tuple(np.random.default_rng(0).integers(0, 255, (2, 256, 256, 3), dtype=np.uint8)))
    ids = inputs["input_ids"]
    print(f"prompt: {ids.shape[1]} tokens, of them {int((ids >= model.config.pair_token_id).sum())} placeholders")

    def say(words: int) -> None:
        model.generate(**inputs, max_new_tokens=words, min_new_tokens=words, do_sample=False, allow_untrained=True)

    say(2)  # the first call costs more
    first, last = (min(seconds(lambda words=words: say(words))[0] for _ in range(3)) for words in (1, 1 + WORDS))
    print(f"to the first word: {1000 * first:.0f} ms; each further word: {1000 * (last - first) / WORDS:.0f} ms")
    print(f"fingerprints of the base: {seconds(lambda: freeze_base(model))[0]:.1f} s")
    print(f"resident at most {peak_mib():.0f} MiB")


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
