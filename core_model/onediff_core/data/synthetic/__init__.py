"""Pairs that are drawn, not photographed: endless, from a seed, with exact truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onediff_core.data.sample import Sample

    Scene = Callable[[int, int, int], Sample]  # seed, index, size in pixels

__all__ = ["SCENES", "scene"]

SCENES: Final[Mapping[str, str]] = {
    "camera": "onediff_core.data.synthetic.camera:camera",
    "edited": "onediff_core.data.synthetic.edited:edited_demo",
    "objects": "onediff_core.data.synthetic.objects:objects",
    "satellite": "onediff_core.data.synthetic.satellite:satellite",
    "ui-drawn": "onediff_core.data.synthetic.ui.drawn.scene:scene",
    "ui-html": "onediff_core.data.synthetic.ui.html:scene",
}


def scene(name: str) -> Scene:
    """What draws the pairs of a kind of scene.

    Args:
        name: a key of `SCENES`.

    Returns:
        `draw(seed, index, size) -> Sample`: the same arguments, the same pair, in whatever order they are asked for.

    Raises:
        UnknownNameError: no such scene.
    """
    from pkgutil import resolve_name

    from onediff_plugins.errors import UnknownNameError

    if name not in SCENES:
        raise UnknownNameError("scene", name, SCENES)
    draw: Scene = resolve_name(SCENES[name])
    return draw
