import numpy as np
import pytest

from onediff_core.data import Sample
from onediff_core.training.head.crops import OwnPairs, has_both_directions, tiles_of


def sample(height, width, marked=True, ignored=False):
    rng = np.random.default_rng(height)
    before, after = rng.integers(0, 255, (2, height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[2:6, 3:8] = marked
    ignore = np.zeros_like(mask)
    ignore[:4] = True
    return Sample(
        before=before, after=after, masks={"pool+": mask}, changed=marked, ignore=ignore if ignored else None, id="x"
    )


def test_tiles_cover_an_image_and_stay_in_it():
    tiles = tiles_of([sample(100, 70)], 32, at_most=99)
    assert len(tiles) == 4 * 3
    whole = sample(100, 70)
    assert np.array_equal(tiles[0].after, whole.after[:32, :32])
    assert any(np.array_equal(tile.after, whole.after[-32:, -32:]) for tile in tiles)
    assert {tile.after.shape for tile in tiles} == {(32, 32, 3)}


def test_a_small_image_is_mirrored_with_its_mask():
    (tile,) = tiles_of([sample(20, 24)], 32, at_most=9)
    assert np.array_equal(tile.after[20:], sample(20, 24).after[8:][::-1][:, np.r_[0:24, 23:15:-1]])
    assert np.array_equal(tile.masks["pool+"][:20, :24], sample(20, 24).masks["pool+"])


def test_of_many_tiles_half_show_a_change():
    samples = [sample(32, 32) for _ in range(5)] + [sample(32, 32, marked=False) for _ in range(50)]
    tiles = tiles_of(samples, 32, at_most=8)
    assert [tile.changed for tile in tiles] == [True] * 4 + [False] * 4
    assert len(tiles_of(samples, 32, at_most=30)) == 30


def test_what_is_ignored_shows_no_difference_and_no_change():
    (tile,) = tiles_of([sample(32, 32, ignored=True)], 32, at_most=9)
    assert np.array_equal(tile.before[:4], tile.after[:4])
    assert not np.array_equal(tile.before[4:], tile.after[4:])
    assert tile.masks["pool+"].sum() == 2 * 5


def test_pairs_are_read_backwards_only_where_asked(rng):
    samples = [sample(32, 32)]
    forwards = OwnPairs(samples, ["pool+"], scale=(1, 1), swapped=False)
    assert {name for _ in range(20) for name in forwards.draw(rng).masks} == {"pool+"}
    both = OwnPairs(samples, ["pool+", "pool-"], scale=(1, 1), swapped=True)
    assert {name for _ in range(20) for name in both.draw(rng).masks} == {"pool+", "pool-"}


@pytest.mark.parametrize(
    ("classes", "both"),
    [(["a+", "a-"], True), (["a+", "a-", "b"], False), (["a+"], False), (["change"], False), (["a+", "b-"], False)],
)
def test_directions_are_both_there_or_not(classes, both):
    assert has_both_directions(classes) is both
