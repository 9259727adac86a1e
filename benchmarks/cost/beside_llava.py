"""OneDiff beside the LLaVA type at an eighth of the 7B widths, one thread: `python -m cost.beside_llava ROUNDS`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache

from cost.models import EIGHTH, WORDS, llava, onediff
from cost.timing import PartClock, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from cost.models import Contender

SAID = 16  # tokens that are decoded in a round


def prefill(contender: Contender, inputs: dict[str, Tensor], cache: DynamicCache) -> Tensor:
    """From pixels and a prompt to the first token, (B, 1)."""
    logits = contender.model(**inputs, cache=cache, use_cache=True, logits_to_keep=1).logits
    return logits.argmax(-1)


def decode(contender: Contender, token: Tensor, cache: DynamicCache, said: int = SAID) -> None:
    """Further tokens, greedy."""
    for _ in range(said):
        token = contender.model(input_ids=token, cache=cache, use_cache=True).logits[:, -1:].argmax(-1)


def one_round(contender: Contender, said: int = SAID) -> dict[str, Any]:
    """Times from pixels to the first token, of each part of that, and of each further token."""
    inputs, cache, first = contender.inputs(), DynamicCache(), []
    with PartClock(contender.parts) as clock:
        whole = timed(lambda: first.append(prefill(contender, inputs, cache)))
    further = timed(lambda: decode(contender, first[0], cache, said))
    return {"prefill": whole, "parts": clock.seconds, "decode": [seconds / said for seconds in further]}


def compare(contenders: Sequence[Contender], rounds: int, said: int = SAID) -> dict[str, Any]:
    """Rounds of all, one after the other, each time in the other order; the first round is not counted."""
    found: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders[:: 1 if number % 2 else -1]:
            found[contender.name].append(one_round(contender, said))
    return {
        contender.name: {
            "rounds": found[contender.name][1:],
            "tokens": contender.inputs()["input_ids"].shape[1] - WORDS,
            "parameters": contender.model.num_parameters(),
        }
        for contender in contenders
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        print(json.dumps(compare([onediff(EIGHTH), llava(EIGHTH)], options.rounds)))


if __name__ == "__main__":
    main()
