"""`onediff train`. Imports click alone, so that the command line is listed without torch."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final, Literal

import click


class Elsewhere(click.Command):
    """A command by name and summary, whose module is loaded when it is called."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        """Name a command.

        Args:
            name: in its group.
            module: that has it, as `main`.
            summary: one line for the list of commands.
        """
        super().__init__(name, help=summary)
        self.module = module

    def load(self) -> click.Command:
        """The command itself."""
        command: click.Command = import_module(self.module).main
        return command


class _Stages(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A command for its call: now it has to be loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Elsewhere) else command, rest


@click.group(cls=_Stages)
def train() -> None:
    """Train heads on your own pairs, a OneDiff of pretrained parts, and the weights that ship."""


_ELSEWHERE: Final = (
    Elsewhere("dense", "onediff_core.training.dense", "Train the tower and the change masks of onediff-tiny."),
    Elsewhere("words", "onediff_core.training.words.__main__", "Train a word stage of onediff-tiny."),
    Elsewhere("tune", "onediff_core.training.tune.__main__", "Tune a OneDiff of pretrained parts, by a recipe."),
    Elsewhere("export", "onediff_core.training.export", "Write a run of the dense stage as a OneDiff with heads."),
    Elsewhere("ship", "onediff_core.training.ship", "Put a finished run, its heads and words where they ship."),
)
for _command in _ELSEWHERE:
    train.add_command(_command)


@train.command()
@click.argument("name")
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option(
    "--base",
    default="shipped",
    show_default=True,
    metavar="FOLDER|HUB_ID|shipped",
    help="The OneDiff that it is trained on; it stays as it is.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the head, new or begun.")
@click.option(
    "--task",
    type=click.Choice(["mask", "region", "pair"]),
    default="mask",
    show_default=True,
    help="What it says: where something changed, what it is, or whether anything did.",
)
@click.option("--classes", metavar="A,B", default="", help="Of masks or labels; all that there are unless given.")
@click.option(
    "--scene", "scenes", multiple=True, metavar="NAME=SHARE", help="Drawn pairs without end, instead of DATA."
)
@click.option("--domain", metavar="NAME", help="Whose reading and alignment pairs go through; that of NAME else.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="How long it may take; 10 unless given.")
@click.option("--steps", type=click.IntRange(min=1), help="Or how many steps.")
@click.option("--device", default="cpu", show_default=True, metavar="DEV", help="Any torch device.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting, such as batch=12.")
def head(
    name: str,
    data: Path | None,
    base: str,
    out: Path,
    task: Literal["mask", "region", "pair"],
    classes: str,
    scenes: tuple[str, ...],
    domain: str | None,
    minutes: float | None,
    steps: int | None,
    device: str,
    assignments: tuple[str, ...],
) -> None:
    """Train the head NAME, such as satellite.pool, on the pairs in DATA.

    DATA is a folder with before/, after/ and masks/ (0 and 255, or a folder for each class), or a list as `onediff
    batch` takes it, with the columns mask, boxes or changed. A region head may learn from drawn pairs instead, with
    --scene. A run that was stopped goes on when it is called again.
    """
    from onediff_core.training.head.fit import train_head
    from onediff_core.training.head.plan import HeadPlan
    from onediff_core.training.head.report import print_fitted, watching
    from onediff_core.training.head.settings import head_settings, scene_shares

    if minutes is not None and steps is not None:
        raise click.UsageError("give --minutes or --steps, not both")
    plan = HeadPlan(
        name=name,
        data=data,
        base=base,
        out=out,
        settings=head_settings(assignments),
        task=task,
        classes=tuple(dict.fromkeys(word.strip() for word in classes.split(",") if word.strip())),
        domain=domain,
        minutes=minutes if minutes or steps else 10.0,
        steps=steps,
        device=device,
        scenes=scene_shares(scenes),
    )
    with watching() as watcher:
        fitted = train_head(plan, watcher)
    print_fitted(plan, fitted)
