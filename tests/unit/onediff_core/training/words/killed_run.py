"""A small run of coupled samples in a process of its own, which a test kills: CHECKPOINT, FOLDER, pause."""

import sys
import time
from pathlib import Path

import torch

from onediff_core.checkpoint import load_checkpoint
from onediff_core.training.schedule import Budget
from onediff_core.training.words.run import WordRun
from onediff_core.training.words.settings import stage_settings
from onediff_core.training.words.sources import CoupledPictures


def main() -> None:
    torch.set_num_threads(1)
    settings = stage_settings(
        "cst", batch=2, warm_up=3, precision="fp32", workers=0, log_every=1, save_every_s=0, score_every_s=1e9
    )
    checkpoint = load_checkpoint(sys.argv[1])
    run = WordRun(
        Path(sys.argv[2]), "cst", checkpoint.model, checkpoint.processor, CoupledPictures(64), settings,
        Budget(steps=10),
    )  # fmt: skip
    learn, pause = run._learn, float(sys.argv[3])

    def slowly(*given):
        time.sleep(pause)
        return learn(*given)

    run._learn = slowly
    run.go_on(dict)


if __name__ == "__main__":
    main()
