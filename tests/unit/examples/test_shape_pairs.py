"""The 64 pairs are what their page says: neither image alone tells what happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from click.testing import CliRunner

import shape_pairs as example
from onediff_core.data.folder import PairFolder
from shape_pairs import SIDE, shape_pairs

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = shape_pairs()


def pictures(side: str) -> Counter[bytes]:
    return Counter(getattr(sample, side).tobytes() for sample in SAMPLES)


def test_there_are_64_of_which_a_quarter_is_unchanged() -> None:
    assert len(SAMPLES) == len({sample.id for sample in SAMPLES}) == 64
    unchanged = [sample for sample in SAMPLES if not sample.changed]
    assert len(unchanged) == 16
    assert all(sample.captions == ("nothing changed.",) and not sample.masks["object"].any() for sample in unchanged)
    assert not any(np.array_equal(sample.before, sample.after) for sample in unchanged), "the light differs"


def test_each_image_stands_with_four_captions_on_either_side() -> None:
    for side in ("before", "after"):
        assert set(pictures(side).values()) == {4}
        captions = {(getattr(sample, side).tobytes(), sample.captions) for sample in SAMPLES}
        assert len(captions) == 64


def test_every_kind_of_change_is_there() -> None:
    kinds = Counter(region.kind for sample in SAMPLES for region in sample.regions or ())
    assert set(kinds) == {"added", "removed", "moved", "changed"}


def test_images_differ_where_the_mask_is_and_hardly_elsewhere() -> None:
    for sample in SAMPLES:
        difference = np.abs(sample.after.astype(float) - sample.before).mean(2)
        mask = sample.masks["object"]
        assert difference[~mask].mean() < 35
        if sample.changed:
            assert difference[mask].mean() > 2 * difference[~mask].mean()


def test_a_region_lies_around_a_shape_that_changed() -> None:
    for sample in SAMPLES:
        for region in sample.regions or ():
            x0, y0, x1, y1 = region.box
            assert 0 <= x0 < x1 <= SIDE
            assert 0 <= y0 < y1 <= SIDE
            assert sample.masks["object"][y0:y1, x0:x1].mean() > 0.4


def test_the_seed_decides() -> None:
    again, other = shape_pairs(0, scenes=1), shape_pairs(1, scenes=1)
    assert all(np.array_equal(a.after, b.after) for a, b in zip(again, SAMPLES, strict=False))
    assert not np.array_equal(other[0].before, SAMPLES[0].before)


def test_they_are_written_into_a_folder_and_read_back(tmp_path: Path) -> None:
    done = CliRunner().invoke(example.main, [str(tmp_path / "pairs")])
    assert done.exit_code == 0, done.output
    found = PairFolder(tmp_path / "pairs")
    assert [sample.id for sample in found] == [sample.id for sample in SAMPLES]
    for read, drawn in zip(found, SAMPLES, strict=True):
        assert np.array_equal(read.after, drawn.after)
        assert (read.captions, read.regions) == (drawn.captions, drawn.regions)
