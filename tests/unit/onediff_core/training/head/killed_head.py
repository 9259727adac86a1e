"""A run of a head in a process of its own, which a test kills: BASE, DATA, OUT, and seconds between steps."""

import sys
import time
from pathlib import Path

import torch

from onediff_core.training.head.fit import train_head
from onediff_core.training.head.plan import HeadPlan
from onediff_core.training.head.run import HeadRun
from onediff_core.training.head.settings import HeadSettings

SETTINGS = HeadSettings(crop=64, batch=2, warm_up=3, score_every=4, log_every=1, save_every_s=0, workers=1)


def main() -> None:
    torch.set_num_threads(1)
    learn, pause = HeadRun._learn, float(sys.argv[4])

    def slowly(*given):
        time.sleep(pause)
        return learn(*given)

    HeadRun._learn = slowly
    base, data, out = sys.argv[1:4]
    train_head(
        HeadPlan(name="surveillance.square", data=Path(data), base=base, out=Path(out), settings=SETTINGS, steps=12)
    )


if __name__ == "__main__":
    main()
