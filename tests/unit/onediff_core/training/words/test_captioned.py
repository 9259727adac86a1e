import shutil

import pytest

from onediff_core.training.sets import DataError
from onediff_core.training.words.captioned import read_captioned


def places(samples):
    return {sample.group for sample in samples} - {""}


def test_no_place_is_both_learned_from_and_scored(sets):
    pairs = read_captioned(sets, fold=1)
    uses = [places(part) for part in pairs]
    assert all(uses)
    assert not uses[0] & uses[1] | uses[0] & uses[2] | uses[1] & uses[2]


def test_every_tuning_place_is_scored_in_one_fold_and_the_reported_half_never_moves(sets):
    folds = [read_captioned(sets, fold=fold) for fold in range(5)]
    scored = [group for pairs in folds for group in sorted(places(pairs.scored))]
    assert len(scored) == len(set(scored)) == 6
    assert len({tuple(sample.id for sample in pairs.reported) for pairs in folds}) == 1


def test_people_say_whether_anything_changed(sets):
    pairs = read_captioned(sets, fold=0)
    assert {(sample.changed, "there is no difference" in sample.captions) for sample in pairs.learned} == {
        (True, False),
        (False, True),
    }


def test_sets_without_captions_are_refused(sets):
    path = sets / "levir_val" / "pairs.jsonl"
    path.write_text(path.read_text().replace("captions", "said"))
    with pytest.raises(DataError, match="no captioned pairs of levir_val and levir_tiles are scored or reported"):
        read_captioned(sets, fold=0)
    shutil.rmtree(sets)
