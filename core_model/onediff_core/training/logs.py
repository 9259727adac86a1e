"""The log of a run: lines of JSON, TensorBoard where it is installed, and curves at the end."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

LOG_NAME: Final = "log.jsonl"
CURVES_NAME: Final = "curves.png"


class RunLog:
    """Appends what is measured to `log.jsonl`, and to TensorBoard."""

    def __init__(self, folder: Path, *, resume_at: int) -> None:
        """Open the log of a run.

        Args:
            folder: of the run.
            resume_at: step that the run goes on from; what was logged of later steps is dropped, since they come again.
        """
        path = folder / LOG_NAME
        kept = [line for line in read_log(folder) if line["step"] <= resume_at]
        path.write_text("".join(f"{json.dumps(line)}\n" for line in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._board = _tensorboard(folder, resume_at)

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One line, at once on disk."""
        self._file.write(f"{json.dumps({'step': step, **values})}\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


class NoLog(AbstractContextManager["NoLog"]):
    """Of a process that learns along and does not write."""

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Nothing."""


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; a last line that was cut short is left out."""
    path = folder / LOG_NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def plot_curves(folder: Path) -> Path | None:
    """Draw what the log holds, one panel a group of names; None without matplotlib or anything logged."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return None
    lines = read_log(folder)
    names = sorted({name for line in lines for name in line} - {"step"})
    if not names:
        return None
    groups = sorted({name.split("/")[0] for name in names})
    figure = Figure(figsize=(9, 2.6 * len(groups)), layout="constrained")
    for panel, group in zip(figure.subplots(len(groups), squeeze=False)[:, 0], groups, strict=True):
        for name in (name for name in names if name.split("/")[0] == group):
            points = [(line["step"], line[name]) for line in lines if name in line]
            panel.plot(
                *zip(*points, strict=True), label=name.removeprefix(f"{group}/"), linewidth=1, marker=".", markersize=3
            )
        panel.set_title(group, loc="left", fontsize=9)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7, loc="best")
    path = folder / CURVES_NAME
    figure.savefig(path, dpi=110)
    return path


def _tensorboard(folder: Path, resume_at: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(folder / "tensorboard", purge_step=resume_at)
