"""Pairs of pages that a real Chromium renders."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onediff_core.data.synthetic.ui import pages
from onediff_core.data.synthetic.ui.edits import SORTS
from onediff_core.data.synthetic.ui.html import page_pair
from onediff_core.data.synthetic.ui.samples import crop
from onediff_core.data.synthetic.ui.studio import RENDERERS, Studio, find_chromium
from onediff_core.data.synthetic.ui.themes import random_theme
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from onediff_core.data import Sample

IN_PLACE = ("colour", "icon", "picture", "state", "value")


@pytest.fixture(scope="module")
def studio(browser: Browser) -> Iterator[Studio]:
    opened = Studio(browser.browser_type, find_chromium())
    yield opened
    opened.close()


def differing(sample: Sample) -> np.ndarray:
    return (sample.before != sample.after).any(axis=2)


def first(studio: Studio, sort: str) -> Sample:
    """The first clean pair in which there was something to do this to."""
    pairs = (page_pair(3, index, studio, sort=sort, clean=True) for index in range(40))
    return next(pair for pair in pairs if pair.regions)


def test_the_same_seed_gives_the_same_pixels(studio: Studio) -> None:
    for index in range(3):
        one, again = page_pair(1, index, studio), page_pair(1, index, studio)
        np.testing.assert_array_equal(one.before, again.before)
        np.testing.assert_array_equal(one.after, again.after)
        assert (one.regions, one.captions) == (again.regions, again.captions)


@pytest.mark.parametrize("kind", pages.PAGES)
def test_every_page_shows_elements_that_edits_can_reach(studio: Studio, kind: str) -> None:
    rng = np.random.default_rng(2)
    page = studio.open(pages.page(kind, random_theme(rng), rng), (900, 700))
    found = page.measure()
    seen = [said for said in found if said["box"][2] > said["box"][0] and said["box"][1] < 700]
    assert len(seen) >= 10
    assert len({said["uid"] for said in found}) == len(found)
    assert len(np.unique(page.picture().reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_every_sort_of_edit_can_be_seen(studio: Studio, sort: str) -> None:
    sample = first(studio, sort)
    unlike = differing(sample)
    assert unlike.any()
    assert sample.changed is True
    assert sample.regions is not None
    if sort in IN_PLACE:
        x0, y0, x1, y1 = sample.regions[0].box
        inside = unlike[y0:y1, x0:x1]
        assert inside.sum() == unlike.sum()
        assert inside[0].any()
        assert inside[-1].any()
        assert inside[:, 0].any()
        assert inside[:, -1].any()


def test_captions_quote_the_old_and_the_new_text(studio: Studio) -> None:
    sample = first(studio, "text")
    assert sample.regions is not None
    facts = sample.regions[0].attributes
    assert all(facts["text_before"] in caption and facts["text_after"] in caption for caption in sample.captions)


def test_every_renderer_sets_letters_its_own_way(studio: Studio) -> None:
    html = "<p style='font: 20px sans-serif'>Letters of several sizes and slants: Wavy quick fox</p>"
    pictures = [studio.open(html, (640, 100), renderer).picture() for renderer in RENDERERS]
    for number, one in enumerate(pictures):
        assert not any(np.array_equal(one, other) for other in pictures[number + 1 :])


@pytest.mark.slow
def test_a_third_or_more_are_unchanged_and_some_of_them_differ_by_nuisance(studio: Studio) -> None:
    samples = [page_pair(9, index, studio) for index in range(40)]
    unchanged = [sample for sample in samples if sample.changed is False]
    assert len(unchanged) >= len(samples) / 4  # of so few
    assert 0 < sum(differing(sample).any() for sample in unchanged) < len(unchanged)
    cut = [crop(sample, 256, np.random.default_rng(0)) for sample in samples]
    assert {sample.after.shape for sample in cut} == {(256, 256, 3)}


@pytest.mark.slow
def test_the_scene_runs_by_itself(studio: Studio) -> None:
    code = "from onediff_core.data.synthetic import scene; print(scene('ui-html')(1, 2, 256).after.shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "(256, 256, 3)"


def test_without_a_chromium_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(OneDiffError, match=r"none of chromium.*apt-get install chromium.*ui-drawn needs no browser"):
        find_chromium()
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(OneDiffError, match="CHROMIUM names 'no-such-browser'"):
        find_chromium("/also/not/there")
