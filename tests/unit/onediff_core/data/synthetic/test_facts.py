"""Masks that say which date shows a thing."""

import numpy as np
import pytest

from onediff_core.data.synthetic import scene
from onediff_core.data.synthetic.facts import Change, sample_of

BLANK = np.zeros((8, 8, 3), np.uint8)


def block(x):
    mask = np.zeros((8, 8), np.bool_)
    mask[2:4, x : x + 2] = True
    return mask


@pytest.mark.parametrize(
    ("kind", "left", "came", "went"),
    [("added", None, 4, 0), ("removed", None, 0, 4), ("changed", None, 4, 4), ("moved", block(0), 4, 4)],
)
def test_what_came_and_what_went_are_labelled_apart(kind, left, came, went):
    change = Change(kind=kind, label="box", mask=block(5), left=left, classes=("object",))
    sample = sample_of(BLANK, BLANK, [change], ("object+", "object-"))
    assert (sample.masks["object+"].sum(), sample.masks["object-"].sum()) == (came, went)
    if left is not None:
        assert np.array_equal(sample.masks["object-"], left)


@pytest.mark.parametrize("name", ["camera", "objects", "edited"])
def test_scenes_say_which_date_shows_a_thing(name):
    for number in range(12):
        sample = scene(name)(number, 0, 96)
        kinds = {region.kind for region in sample.regions or () if "what" not in region.attributes}
        assert sample.masks["object+"].any() == bool(kinds & {"added", "moved"})
        assert sample.masks["object-"].any() == bool(kinds & {"removed", "moved"})
