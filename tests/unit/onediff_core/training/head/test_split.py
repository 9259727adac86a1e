from collections import Counter

import numpy as np
import pytest

from onediff_core.data import Sample
from onediff_core.errors import TrainingError
from onediff_core.training.head.split import split

IMAGE = np.zeros((4, 4, 3), np.uint8)


def sample(name, changed=True, group=""):
    return Sample(before=IMAGE, after=IMAGE, changed=changed, id=str(name), group=group)


def test_a_share_of_the_groups_is_held_out_whole():
    samples = [sample(number, number % 2, group=f"scene {number // 4}") for number in range(40)]
    training, held_out = split(samples, 0.2)
    assert sorted(Counter(entry.group for entry in held_out).values()) == [4, 4]
    assert not {entry.group for entry in training} & {entry.group for entry in held_out}
    assert len(training) + len(held_out) == 40


def test_the_order_of_the_list_decides_nothing():
    samples = [sample(number) for number in range(20)]
    assert [s.id for s in split(samples, 0.3).held_out] == [s.id for s in split(samples[::-1], 0.3).held_out]


@pytest.mark.parametrize("changed", range(30))
def test_each_side_shows_a_change_wherever_the_changed_ones_fall(changed):
    samples = [sample(number, changed=number in (changed, (changed + 7) % 30)) for number in range(30)]
    for side in split(samples, 0.1):
        assert any(entry.changed for entry in side)


@pytest.mark.parametrize("quiet", range(12))
def test_changes_are_left_to_learn_from_where_nearly_all_would_be_held_out(quiet):
    samples = [sample(number, changed=number in (quiet, (quiet + 1) % 12)) for number in range(12)]
    training, held_out = split(samples, 0.9)
    assert any(entry.changed for entry in training)
    assert any(entry.changed for entry in held_out)


def test_too_few_pairs_or_changes_are_refused():
    with pytest.raises(TrainingError, match="7 pairs can be used, and a head needs 8 at least"):
        split([sample(number) for number in range(7)], 0.2)
    with pytest.raises(TrainingError, match="1 of 9 groups of pairs hold a change"):
        split([sample(number, changed=number == 3) for number in range(9)], 0.2)
    with pytest.raises(TrainingError, match="1 of 1 groups"):
        split([sample(number, group="one place") for number in range(9)], 0.2)
