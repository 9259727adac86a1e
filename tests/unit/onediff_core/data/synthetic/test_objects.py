import numpy as np
import pytest

from onediff_core.data.synthetic.objects import still


@pytest.mark.parametrize("most", [1, 3])
def test_a_still_shows_one_to_so_many_things_within_it(most):
    for index in range(8):
        picture, things = still(4, index, 96, most=most)
        assert picture.shape == (96, 96, 3)
        assert 1 <= len(things) <= most
        for thing in things:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= 96
            assert 0 <= y0 < y1 <= 96
            assert thing.attributes["colour"]


def test_the_same_seed_and_index_are_the_same_still():
    (one, facts), (two, again), (other, _) = still(1, 2, 64), still(1, 2, 64), still(1, 3, 64)
    assert np.array_equal(one, two)
    assert facts == again
    assert not np.array_equal(one, other)
