"""Pairs of pages that Chromium renders: real letters, real layout, and boxes from the page itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onediff_core.data.sample import Sample
from onediff_core.data.synthetic.ui import nuisance, pages
from onediff_core.data.synthetic.ui.edits import find_edits
from onediff_core.data.synthetic.ui.elements import State, regions_of
from onediff_core.data.synthetic.ui.plan import Measured, Plan
from onediff_core.data.synthetic.ui.samples import LICENCE, crop, told
from onediff_core.data.synthetic.ui.studio import RENDERERS, studio
from onediff_core.data.synthetic.ui.themes import random_theme

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from onediff_core.data.synthetic.ui.elements import Edit, Element, Picture
    from onediff_core.data.synthetic.ui.studio import OpenPage, Studio

NAME: Final = "ui-html"
UNCHANGED: Final = 0.38  # of the pairs
_NUISANCE: Final = {True: 0.75, False: 0.5}  # unchanged or not -> share of the pairs with a nuisance
_COUNTS: Final = (0.45, 0.25, 0.15, 0.1, 0.05)  # one to five edits
_RENDERERS: Final = {"plain": 0.6, "subpixel": 0.2, "hinted": 0.12, "aliased": 0.08}
_WIDTHS: Final = (640, 1280)
_HEIGHTS: Final = (480, 900)
_NEARLY: Final = 1.0  # pixels that a nuisance may move an edge


def scene(seed: int, index: int, size: int) -> Sample:
    """A square crop of a pair of pages, as `SCENES` wants it.

    Raises:
        MissingDependencyError: playwright is not installed.
        OneDiffError: there is no Chromium.
    """
    rng = _generator(seed, index, 1)
    return crop(page_pair(seed, index, studio(), least=size), size, rng)


def page_pair(seed: int, index: int, opener: Studio, *, least: int = 0, sort: str = "", clean: bool = False) -> Sample:
    """A whole page before and after.

    Args:
        seed: of the series.
        index: within the series; the same arguments give the same pixels with the same browser.
        opener: what opens the pages.
        least: sides of the window are no smaller than this, and no smaller than 640 x 480 anyway.
        sort: of the edits, a key of `edits.SORTS`; "" draws them, or none.
        clean: leave the nuisances out.

    Returns:
        The pair, 640 to 1280 pixels wide, with all regions and with the masks `element` and `moved`.
    """
    rng = _generator(seed, index, 0)
    theme = random_theme(rng)
    width, height = (max(int(rng.integers(low, high + 1)), least) for low, high in (_WIDTHS, _HEIGHTS))
    size = width, height
    kind = pages.PAGES[int(rng.integers(len(pages.PAGES)))]
    renderer = str(rng.choice(list(_RENDERERS), p=list(_RENDERERS.values())))
    page = opener.open(pages.page(kind, theme, rng), size, renderer)
    unchanged = not sort and rng.random() < UNCHANGED
    count = 0 if unchanged else 1 if sort else int(rng.choice(len(_COUNTS), p=_COUNTS)) + 1

    def planned(found: Mapping[str, Measured]) -> Plan:
        plan = Plan(found, theme, size, rng, pages.HtmlMaker(theme, rng))
        find_edits(plan, count, sort)
        return plan

    made = _edited(page, planned)
    disturbed = not clean and rng.random() < _NUISANCE[unchanged]
    before, after = _disturbed(made, opener, rng) if disturbed else (made.before.image, made.after.image)
    name = f"{NAME}-{seed}-{index}"
    bare = Sample(
        before=before, after=after, domain="ui", source=f"synthetic-{NAME}", licence=LICENCE, group=name, id=name
    )
    return told(bare, regions_of(made.edits, made.before, made.after))


@dataclass(frozen=True)
class _Made:
    """A page in both states, and its HTML in both."""

    before: State
    after: State
    edits: Sequence[Edit]
    html: tuple[str, str]


def _generator(seed: int, index: int, part: int) -> np.random.Generator:
    return np.random.default_rng([seed, index, part])


def _edited(page: OpenPage, plan_of: Callable[[Mapping[str, Measured]], Plan]) -> _Made:
    """Take the pictures of a page before and after what is planned for it."""
    found = _measured(page)
    plan = plan_of(found)
    image, html = page.picture(), page.html()
    removed, added = ([edit.uid for edit in plan.edits if edit.kind == kind] for kind in ("removed", "added"))
    before = State(image, _elements(found), page.picture(hidden=removed) if removed else None)
    if not plan.edits:
        return _Made(before, before, (), (html, html))
    page.edit(plan.steps)
    image, html_after = page.picture(), page.html()
    after = State(image, _elements(_measured(page)), page.picture(hidden=added) if added else None)
    return _Made(before, after, plan.edits, (html, html_after))


def _measured(page: OpenPage) -> dict[str, Measured]:
    return {one.element.uid: one for one in map(Measured.read, page.measure())}


def _elements(found: Mapping[str, Measured]) -> dict[str, Element]:
    return {uid: one.element for uid, one in found.items()}


def _disturbed(made: _Made, opener: Studio, rng: np.random.Generator) -> list[Picture]:
    """Both pictures, one of them with one or two differences that nobody would report."""
    images = [made.before.image, made.after.image]
    side = int(rng.integers(2))
    in_page = rng.random() < 0.6
    if in_page:
        images[side] = _rendered_otherwise(made.html[side], images[side], opener, rng)
    if not in_page or rng.random() < 0.3:
        name = str(rng.choice(sorted(nuisance.ON_IMAGES)))
        images[side] = nuisance.ON_IMAGES[name](images[side], rng)
    return images


def _rendered_otherwise(html: str, image: Picture, opener: Studio, rng: np.random.Generator) -> Picture:
    """The page as another renderer draws it, or with its letters set a little differently.

    Where that breaks a line elsewhere, so that things move by whole pixels, it is no nuisance: the picture stays.
    """
    height, width = image.shape[:2]
    renderer = str(rng.choice(sorted(RENDERERS)))
    plain = opener.open(html, (width, height), renderer).measure()
    name = str(rng.choice(sorted(nuisance.IN_PAGES)))
    styled = html.replace("</head>", f"<style>{nuisance.IN_PAGES[name](rng)}</style></head>", 1)
    page = opener.open(styled, (width, height), renderer)
    return page.picture() if _alike(plain, page.measure()) else image


def _alike(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    boxes = [np.array([said["box"] for said in found]) for found in (one, other)]
    return bool(np.abs(boxes[0] - boxes[1]).max(initial=0) < _NEARLY)
