from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from onediff_core.evaluation import report
from onediff_core.evaluation.sheet import sheet

HOUSE, POOL = (4, 4, 16, 16), (24, 24, 36, 32)


@pytest.fixture
def study(make_references, make_results, make_study):
    references = make_references(
        {"boxes_of_mask": [HOUSE], "captions": ["a house <b>"]}, {"boxes_of_mask": []}, {"boxes_of_mask": [POOL]}
    )
    results = make_results({"boxes_of_mask": [HOUSE], "caption": "<script>"}, {}, {"boxes_of_mask": [HOUSE]})
    return make_study(references, ours=results)


def cards(page):
    """Heading and ids, in the order of the page."""
    return re.findall(r"<h3>(\w+) by|<p class=\"id\">(\w+)", page)


def test_the_worst_come_first_and_pairs_without_anything_to_see_are_passed_over(study):
    page = sheet(study, report.evaluate(study, ["masks", "regions"], resamples=0), "ours")
    assert cards(page) == [("Worst", ""), ("", "p2"), ("Best", ""), ("", "p0")]
    assert "mask IoU 0.00 · 0 of 1 regions, 1 found" in page


def test_texts_stay_texts(study):
    page = sheet(study, report.evaluate(study, ["masks"], resamples=0), "<i>")
    assert "&lt;script&gt;" in page
    assert "a house &lt;b&gt;" in page
    assert "<script>" not in page
    assert "<title>&lt;i&gt; · OneDiff</title>" in page


def test_outlines_show_what_is_true_and_what_was_found(study):
    page = sheet(study, report.evaluate(study, ["masks"], resamples=0), "ours")
    worst = re.search(r"data:image/webp;base64,([^\"]+)", page).group(1)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(worst))).convert("RGB"), int)
    assert pixels.shape == (320, 644, 3)
    green = (pixels[:, :, 1] - pixels[:, :, 0] > 60).nonzero()
    orange = (pixels[:, :, 0] - pixels[:, :, 2] > 100).nonzero()
    # Eight pixels of the sheet are one of the image; the right half is the after image.
    assert np.abs(green[0].mean() - 8 * 28) < 12
    assert np.abs(orange[0].mean() - 8 * 10) < 12
    assert min(green[1].min(), orange[1].min()) > 320


def test_a_method_that_cannot_be_ranked_says_so(study):
    assert "Nothing that it says can be ranked." in sheet(study, [], "ours")
