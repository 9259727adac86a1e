"""The dense stage: the tower and the change masks of `onediff-tiny`, from real pairs, on two CPU cores.

    onediff train dense --data FOLDER --out RUN --minutes 120
    onediff train dense --data FOLDER --out RUN --minutes 120     # again: it goes on where it was

A run is a folder: `settings.json`, `log.jsonl` and `tensorboard/`, `state.pt` (replaced every minute or two) and, where
matplotlib is installed, `curves.png` at the end. A run that was killed and is started again sees the pairs that it
would have seen. `onediff_core.training.export` makes a OneDiff of a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import torch

from onediff_core.data.synthetic import scene
from onediff_core.devices import torch_device
from onediff_core.efficientnet_lite import IMAGE_MEAN, IMAGE_STD
from onediff_core.towers import imagenet_weights
from onediff_core.training.network import DenseNetwork, classes_of
from onediff_core.training.run import Run
from onediff_core.training.schedule import Budget
from onediff_core.training.sets import TRAINING_SETS, VALIDATION_SETS, data_folder, read_set, require_sets, tuning_half
from onediff_core.training.settings import DenseSettings
from onediff_core.training.sources import MaskSource, ObjectSource, SceneSource
from onediff_core.training.start import starting_model
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from onediff_core.training.sources import Source

# Beside the shares of the sets, which sum to one.
OBJECT_SHARE: Final = 0.12


def training_sources(folder: Path, settings: DenseSettings) -> list[Source]:
    """All sets of `TRAINING_SETS`, decoded, things pasted into their images, and drawn scenes.

    Args:
        folder: of the sets.
        settings: whose drawn scenes are taken.
    """
    sets = [MaskSource(entry, read_set(folder, entry)) for entry in TRAINING_SETS]
    images = [sample for source in sets for sample in source.samples]
    drawn = [
        SceneSource(scene(name), share=share, pool=settings.scene_pool, workers=settings.workers)
        for name, share in settings.scenes.items()
    ]
    return [*sets, ObjectSource(images, share=OBJECT_SHARE), *drawn]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the sets; else the variable ONEDIFF_DATA.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run, new or begun.")
@click.option("--minutes", type=float, help="How long it may take, interruptions not counted.")
@click.option("--steps", type=int, help="Or how many steps.")
@click.option("--scene", "scenes", multiple=True, metavar="NAME=SHARE", help="Drawn pairs beside the real ones.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting, such as batch=12.")
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of the network.")
@click.option("--device", default="cpu", show_default=True, metavar="DEV", help="Any torch device.")
def main(
    data: Path | None,
    out: Path,
    minutes: float | None,
    steps: int | None,
    scenes: tuple[str, ...],
    assignments: tuple[str, ...],
    threads: int,
    device: str,
) -> None:
    """Train the tower and the change masks of onediff-tiny from real pairs."""
    try:
        settings = DenseSettings.model_validate({"scenes": _values("--scene", scenes), **_values("--set", assignments)})
        place = torch_device(device)
        folder = data_folder(data)
        require_sets(folder, (*TRAINING_SETS, *VALIDATION_SETS))
        weights = imagenet_weights()
        Budget(minutes=minutes, steps=steps)
    except (OneDiffError, ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    torch.backends.cudnn.benchmark = place.type == "cuda"  # crops have one size for long
    sources = training_sources(folder, settings)
    validation = {entry.name: tuning_half(read_set(folder, entry)) for entry in VALIDATION_SETS}
    model, _ = starting_model(weights)
    network = DenseNetwork(model.model, classes_of(sources), IMAGE_MEAN, IMAGE_STD)
    run = Run(out, network, sources, settings, Budget(minutes=minutes, steps=steps), place)
    run.train(validation)


def _values(option: str, assignments: tuple[str, ...]) -> dict[str, str]:
    wrong = [entry for entry in assignments if "=" not in entry]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} has no '='", param_hint=option)
    return dict(entry.split("=", 1) for entry in assignments)


if __name__ == "__main__":
    main()
