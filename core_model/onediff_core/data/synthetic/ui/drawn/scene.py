"""Pairs of drawn screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_core.data.sample import Sample
from onediff_core.data.synthetic.ui import nuisance
from onediff_core.data.synthetic.ui.drawn.kit import Kit
from onediff_core.data.synthetic.ui.drawn.maker import NodeMaker
from onediff_core.data.synthetic.ui.drawn.nodes import measured, place
from onediff_core.data.synthetic.ui.drawn.paint import Letters, paint
from onediff_core.data.synthetic.ui.drawn.screens import SCREENS, screen
from onediff_core.data.synthetic.ui.drawn.steps import edited
from onediff_core.data.synthetic.ui.edits import find_edits
from onediff_core.data.synthetic.ui.elements import State, regions_of
from onediff_core.data.synthetic.ui.plan import Plan
from onediff_core.data.synthetic.ui.samples import LICENCE, crop, told
from onediff_core.data.synthetic.ui.themes import font_files, random_theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_core.data.synthetic.ui.drawn.nodes import Placed
    from onediff_core.data.synthetic.ui.elements import Picture

NAME: Final = "ui-drawn"
UNCHANGED: Final = 0.36  # of the pairs
_NUISANCE: Final = {True: 0.75, False: 0.4}  # unchanged or not -> share of the pairs with a nuisance
_COUNTS: Final = (0.55, 0.3, 0.15)  # one to three edits
_WIDER: Final = 1.5  # times the crop, that screens are at most


def scene(seed: int, index: int, size: int) -> Sample:
    """A square crop of a pair of drawn screens, as `SCENES` wants it."""
    return crop(screen_pair(seed, index, size), size, np.random.default_rng([seed, index, 1]))


def screen_pair(seed: int, index: int, size: int, *, sort: str = "", clean: bool = False) -> Sample:
    """A whole screen before and after.

    Args:
        seed: of the series.
        index: within the series; the same arguments give the same pixels with the same typefaces.
        size: the screen is up to half wider and higher than this.
        sort: of the edits, a key of `edits.SORTS`; "" draws them, or none.
        clean: leave the nuisances out.

    Returns:
        The pair with all regions and with the masks `element` and `moved`.
    """
    rng = np.random.default_rng([seed, index, 0])
    window = int(size * rng.uniform(1, _WIDER)), int(size * rng.uniform(1, _WIDER))
    families = tuple(font_files()) or ("",)
    kit = Kit(random_theme(rng, font=families[int(rng.integers(len(families)))]), window, rng)
    first = screen(kit.pick(*SCREENS), kit)
    unchanged = not sort and rng.random() < UNCHANGED
    placed = place(first, window[0])
    plan = Plan(measured(placed), kit.theme, window, rng, NodeMaker(kit))
    if not unchanged:
        find_edits(plan, 1 if sort else int(rng.choice(len(_COUNTS), p=_COUNTS)) + 1, sort)
    letters = Letters(first.family, smooth=bool(rng.random() < 0.9))
    sides = [placed, place(edited(first, plan.steps), window[0]) if plan.edits else placed]
    gone, new = ([edit.uid for edit in plan.edits if edit.kind == kind] for kind in ("removed", "added"))
    before = _state(sides[0], window, kit.theme.ground, letters, gone)
    after = _state(sides[1], window, kit.theme.ground, letters, new) if plan.edits else before
    images = [before.image, after.image]
    if not clean and rng.random() < _NUISANCE[unchanged]:
        side = int(rng.integers(2))
        images[side] = _disturbed(images[side], sides[side], kit.theme.ground, letters, rng)
    name = f"{NAME}-{seed}-{index}"
    bare = Sample(
        before=images[0], after=images[1], domain="ui", source=f"synthetic-{NAME}", licence=LICENCE, group=name, id=name
    )
    return told(bare, regions_of(plan.edits, before, after))


def _state(placed: Sequence[Placed], size: tuple[int, int], ground: str, how: Letters, edited_: list[str]) -> State:
    elements = {uid: one.element for uid, one in measured(placed).items()}
    without = paint(placed, size, ground, how, edited_) if edited_ else None
    return State(paint(placed, size, ground, how), elements, without)


def _disturbed(
    image: Picture, placed: Sequence[Placed], ground: str, how: Letters, rng: np.random.Generator
) -> Picture:
    """The picture with its letters set otherwise, or as it comes out of a file or a viewer."""
    if rng.random() < 0.5:
        shift = (rng.uniform(0.15, 0.6), rng.choice([0.0, 0.3])) if rng.random() < 0.6 else (0.0, 0.0)
        smooth = not how.smooth if shift == (0.0, 0.0) else how.smooth
        return paint(placed, (image.shape[1], image.shape[0]), ground, Letters(how.family, smooth, shift))
    name = str(rng.choice(sorted(nuisance.ON_IMAGES)))
    return nuisance.ON_IMAGES[name](image, rng)
