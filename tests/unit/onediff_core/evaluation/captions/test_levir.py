from onediff_core.evaluation.captions import levir


def test_a_caption_is_the_words_that_the_papers_leave():
    assert levir.tokens("A house, then a road; is built.") == [
        "a",
        "house",
        ",",
        "then",
        "a",
        "road",
        ";",
        "is",
        "built",
    ]
    assert levir.tokens("why? no") == ["why", "no"]


def test_words_that_come_five_times_or_less_are_all_one():
    known = levir.vocabulary(["a house"] * 6 + ["a villa"] * 5)
    assert known == {"a": 4, "house": 5}
    assert levir.ids("a villa is a house", known) == "4 1 1 4 5"


def test_nothing_said_has_no_words():
    assert levir.ids("", {}) == ""
