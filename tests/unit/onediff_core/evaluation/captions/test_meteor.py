"""METEOR in Python against counts that METEOR 1.5 gave of the same sentences."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pytest

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.captions import lexicon, meteor

pytest.importorskip("snowballstemmer")
# Sentence, reference, and the counts of meteor-1.5.jar.
COUNTED = [
    ("lower-left", "lower-left", "2 2 0 0 2 2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 2 2"),
    ("house the", "the house", "2 2 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 2 2 2"),
    ("a house b", "a houses b", "3 3 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 1 3 3"),
    # A match by stem alone weighs nothing, unless it joins others.
    ("house", "houses", "1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"),
    ("houses appears", "houses appear", "2 2 0 0 1 1 0 0 1 1 0 0 0 0 0 0 0 0 0 0 1 2 2"),
    ("road", "street", "1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 0 0 1 1 1"),
    ("", "a b", "0 2 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"),
    ("x 's y", "x 's y", "4 4 2 2 2 2 2 2 0 0 0 0 0 0 0 0 0 0 0 0 1 4 4"),
]


@pytest.fixture
def package(tmp_path):
    """The files of pycocoevalcap, with a few words."""
    (tmp_path / "meteor/data").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "meteor/meteor-1.5.jar", "w") as jar:
        jar.writestr("function/english.words", "the\na\n's\ns\n'\n")
        jar.writestr("synonym/english.synsets", "house\n1 2\nhome\n2\nappear\n3\nman\n4\n")
        jar.writestr("synonym/english.exceptions", "man\nmen\n")
    with gzip.open(tmp_path / "meteor/data/paraphrase-en.gz", "wb") as table:
        table.write(b"0.5\nstreet\nroad\n0.1\nnext to\nbeside\n0.1\nfar\naway\n")
    return tmp_path


def counted(package, said, *references):
    texts = [meteor.normalised(text) for text in (said, *references)]
    return meteor.statistics(lexicon.read_lexicon(package, texts), [references], [said])[0]


@pytest.mark.parametrize(("said", "reference", "counts"), COUNTED)
def test_words_are_aligned_as_meteor_aligns_them(package, said, reference, counts):
    assert counted(package, said, reference).tolist() == [float(count) for count in counts.split()]


def test_a_phrase_in_other_words_is_one_match(package):
    counts = counted(package, "a home beside the road", "a house next to the street")
    assert counts[-3:].tolist() == [1, 5, 6]
    assert counts[12:14].tolist() == [1, 1]  # home and house are synonyms


def test_the_best_reference_counts(package):
    one, two = "the man", "a house appears"
    assert counted(package, "a house appears", one, two).tolist() == counted(package, "a house appears", two).tolist()


def test_forms_of_a_word_have_the_senses_of_the_word(package):
    known = lexicon.read_lexicon(package, [])
    assert known.senses("houses") == {"1", "2"}
    assert known.senses("men") == {"4"}
    assert known.senses("appeared") == {"3"}
    assert known.senses("nothing") == frozenset()


def test_only_paraphrases_that_occur_are_kept(package):
    kept = lexicon.read_lexicon(package, [["the", "street"], ["a", "road"]]).paraphrases
    assert kept == {("street",): [("road",)]}


# The first and the last are what meteor-1.5.jar answers to EVAL.
def test_the_score_of_counts_is_meteors():
    rows = np.array(
        [
            [4, 4, 0, 0, 2, 2, *[0] * 14, 1, 2, 2],
            [6, 6, 2, 2, 1, 1, *[0] * 10, 1, 1, 1, 0, 2, 3, 2],
            [0, 2, 0, 1, *[0] * 19],
        ],
        float,
    )
    assert meteor.score(rows[0]) == pytest.approx(0.23883483101116276, rel=1e-14)
    assert meteor.score(rows[1]) == pytest.approx(0.14859841166620052, rel=1e-14)
    assert meteor.score(rows[2]) == 0
    assert meteor.corpus_score(rows) == pytest.approx(0.16526063446614334, rel=1e-14)


def test_a_sentence_that_is_its_reference_has_no_penalty():
    whole = np.array([3, 3, 0, 0, 3, 3, *[0] * 14, 1, 3, 3], float)
    assert meteor.score(whole) == pytest.approx(1)
    assert meteor.corpus_score(np.array([whole, whole])) == pytest.approx(1)


def test_files_that_are_damaged_are_named(tmp_path):
    (tmp_path / "meteor").mkdir()
    (tmp_path / "meteor/meteor-1.5.jar").write_bytes(b"no archive")
    with pytest.raises(EvaluationError, match="install pycocoevalcap again"):
        lexicon.read_lexicon(tmp_path, [])
