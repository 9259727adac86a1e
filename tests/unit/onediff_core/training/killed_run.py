"""A small run of the dense stage in a process of its own, which a test kills: FOLDER, and seconds between steps."""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from onediff_core import OneDiffConfig, OneDiffModel
from onediff_core.data import Sample
from onediff_core.training.network import DenseNetwork, classes_of
from onediff_core.training.run import Run
from onediff_core.training.schedule import Budget
from onediff_core.training.sets import MaskSet
from onediff_core.training.settings import DenseSettings
from onediff_core.training.sources import MaskSource

ENTRY = MaskSet(name="squares", mask="building+", empty=("building-",), share=1.0, scale=(0.8, 1.2), swapped=True)
SETTINGS = DenseSettings(
    crop=64, batch=3, late_crop=96, late_batch=2, warm_up=3, frozen="stage1", precision="fp32", workers=1,
    log_every=1, save_every_s=0, score_every_s=1e9,
)  # fmt: skip


def square(number: int) -> Sample:
    ground = np.random.default_rng(number).integers(80, 120, (96, 96, 3), dtype=np.uint8)
    mask = np.zeros((96, 96), bool)
    mask[20 + number : 40 + number, 30:55] = True
    after = np.where(mask[..., None], np.uint8(230), ground)
    masks = {"building+": mask, "building-": np.zeros_like(mask)}
    return Sample(before=ground, after=after, masks=masks, changed=True, id=str(number))


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tower = {
        "model_type": "efficientnet_lite", "stem_size": 8, "hidden_sizes": [8, 12, 16], "depths": [1, 1, 1],
        "strides": [1, 2, 2], "kernel_sizes": [3, 3, 3], "expand_ratios": [1, 2, 2], "out_indices": [1, 2, 3],
    }  # fmt: skip
    delta = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    text = {"model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": 32}  # fmt: skip
    sources = [MaskSource(ENTRY, [square(number) for number in range(4)])]
    base = OneDiffModel(OneDiffConfig(vision_config=tower, delta_config=delta, text_config=text))
    network = DenseNetwork(base, classes_of(sources), (0.5,) * 3, (0.25,) * 3)
    run = Run(Path(sys.argv[1]), network, sources, SETTINGS, Budget(steps=12))
    learn, pause = run._learn, float(sys.argv[2])

    def slowly(*given):
        time.sleep(pause)
        return learn(*given)

    run._learn = slowly
    run.train({})


if __name__ == "__main__":
    main()
