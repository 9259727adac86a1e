"""Drawn pairs written to a folder, one after the other, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from onediff_core.data.folder import write_images
from onediff_core.data.listing import PAIRS
from onediff_core.data.synthetic import scene
from onediff_plugins.atomic import write_atomically
from onediff_plugins.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.synthetic import Scene

PLAN: Final = "synth.json"
_UNFINISHED: Final = f"{PAIRS}.part"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a folder is drawn from; the same plan, the same pairs.

    Attributes:
        scenes: names of scenes, which take turns.
        seed: of all of them.
        size: side of the pictures in pixels.
        images: folder of pictures that the scene `edited` takes, or None for those that ship with onediff-plugins.
    """

    scenes: tuple[str, ...]
    seed: int
    size: int
    images: str | None = None

    def draw(self) -> tuple[Scene, ...]:
        """What draws each scene."""
        return tuple(self._scene(name) for name in self.scenes)

    def _scene(self, name: str) -> Scene:
        if name != "edited" or self.images is None:
            return scene(name)
        from onediff_core.data.synthetic.edited import Edited, Pictures

        pictures = Pictures(self.images)
        if not pictures:
            raise SettingsError(f"{self.images} holds no pictures, PNG, JPEG, TIFF or WebP: name another --images")
        return Edited(pictures, domain="generic", source="edited-pictures", licence="")


def export(out: Path, plan: Plan, count: int) -> Iterator[int]:
    """Draw pairs into a folder: images at once, `pairs.jsonl` when all are there.

    A folder of the same plan is gone on with, also for more pairs than it was first made for.

    Args:
        out: made where it is missing.
        plan: what to draw.
        count: how many pairs the folder holds at the end.

    Yields:
        How many pairs are there, after each one.

    Raises:
        UnknownNameError: no such scene.
        SettingsError: the folder holds pairs of another plan, or there are no pictures to edit.
        ExportError: a file cannot be written.
    """
    scenes = plan.draw()
    out.mkdir(parents=True, exist_ok=True)
    _agree(out, plan)
    lines = _finished(out)[:count]
    unfinished = out / _UNFINISHED
    write_atomically(unfinished, lines)
    with unfinished.open("a", encoding="utf-8") as stream:
        for number in range(len(lines), count):
            draw, index = scenes[number % len(scenes)], number // len(scenes)
            row = write_images(out, draw(plan.seed, index, plan.size))
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            stream.flush()
            yield number + 1
        os.fsync(stream.fileno())
    unfinished.replace(out / PAIRS)


def _agree(out: Path, plan: Plan) -> None:
    """Write down the plan, or check that it is the one that the folder was begun with."""
    wanted = json.loads(json.dumps(asdict(plan)))
    try:
        held = json.loads((out / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if (out / PAIRS).exists():
            raise SettingsError(f"{out}: holds a {PAIRS} that was not drawn here; name another folder") from None
        write_atomically(out / PLAN, [json.dumps(wanted, indent=1)])
        return
    except ValueError as exc:
        raise SettingsError(f"{out / PLAN}: cannot be read: {exc}; delete the folder, or name another one") from exc
    if held != wanted:
        differing = ", ".join(name for name in wanted if held.get(name) != wanted[name])
        raise SettingsError(f"{out}: was drawn with another {differing} ({PLAN}); name another folder, or delete it")


def _finished(out: Path) -> list[str]:
    """The lines of the pairs that are there; a line that was cut off is none."""
    for name in (_UNFINISHED, PAIRS):
        path = out / name
        if path.exists():
            return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return []
