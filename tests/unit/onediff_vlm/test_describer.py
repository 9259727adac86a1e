"""From regions to questions, and from answers to words, with a model of a few scripted lines."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from onediff_plugins import ChangeRegion, Frame, ImagePair, Registration
from onediff_plugins.errors import DescriptionError
from onediff_plugins.records import ModelRecord
from onediff_vlm.answers import UnusableAnswerError
from onediff_vlm.cache import AnswerCache
from onediff_vlm.describer import VlmDescriber
from onediff_vlm.settings import VlmSettings


class Scripted:
    """Answers in turn with texts, or raises what is no text."""

    record = ModelRecord(name="scripted")

    def __init__(self, *answers, name="scripted"):
        self.answers, self.asked, self.name = list(answers), [], name

    def identity(self):
        return self.name

    def ask(self, turns):
        self.asked.append(turns)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def words(numbers, caption=None, **special):
    found = {"regions": [{"id": n, "caption": special.get(f"p{n}", f"thing {n} is new")} for n in numbers]}
    return json.dumps(found if caption is None else found | {"caption": caption})


def text_of(turns):
    return "\n".join(part for part in turns[-1].parts if isinstance(part, str))


@pytest.fixture
def pair():
    pixels = np.random.default_rng(1).random((3, 120, 200), dtype=np.float32)
    frame = Frame(pixels=pixels, valid=np.ones((120, 200), bool), bands=("red", "green", "blue"))
    return ImagePair(before=frame, after=frame, before_on_after=frame, registration=Registration(method="assumed"))


def regions(count):
    """The first is the weakest."""
    boxes = [shapely.box(10 * n, 5 * n, 10 * n + 8, 5 * n + 6) for n in range(count)]
    return [
        ChangeRegion(
            id=n + 1, score=(n + 1) / count, geometry=box, area_px=48, bbox_after=box.bounds, label=f"shed {n}"
        )
        for n, box in enumerate(boxes)
    ]


def describe(chat, pair, found, cache=None, prompt=None, **settings):
    describer = VlmDescriber(chat, VlmSettings(model="m", **settings), "Nothing is new.", cache)
    (said,) = describer.describe([pair], [found], [prompt])
    return said


def test_a_pair_without_regions_is_not_shown_to_anybody(pair):
    chat = Scripted()
    assert describe(chat, pair, []).caption == "Nothing is new."
    assert chat.asked == []


def test_one_question_asks_for_the_places_first_and_then_for_the_pair(pair):
    chat = Scripted(words([3, 2, 1], "three sheds are new"))
    said = describe(chat, pair, regions(3))
    assert said.caption == "Three sheds are new."
    assert said.region_captions == ("Thing 1 is new.", "Thing 2 is new.", "Thing 3 is new.")
    assert said.unsaid is None
    ((turn,),) = chat.asked
    text = text_of([turn])
    assert text.index("Image 3, place 3 before (shed 2, changed, at [20, 10, 28, 16]") < text.index(
        "Image 8, place 1 after:"
    )
    assert '"regions": [{"id": 3' in text
    assert text.index('"regions"') < text.index('"caption" comes last')
    assert len([part for part in turn.parts if not isinstance(part, str)]) == 2 + 2 * 3


def test_many_regions_are_asked_about_in_parts_and_the_last_knows_what_was_said(pair):
    chat = Scripted(words([7, 6, 5]), words([4, 3, 2]), words([1], "seven sheds are new"))
    said = describe(chat, pair, regions(7), batch=3)
    assert said.caption == "Seven sheds are new."
    assert said.region_captions == tuple(f"Thing {n} is new." for n in range(1, 8))
    first, second, last = (text_of(turns) for turns in chat.asked)
    assert "whole scene before:" not in first + second
    assert first.index("Image 1, place 7 before") < first.index("Image 6, place 5 after:")
    assert '- place 7: "Thing 7 is new."' in last
    assert "Image 1, the whole scene before:" in last


def test_the_weakest_regions_beyond_the_limit_are_left_to_others(pair):
    chat = Scripted(words([5, 4], "sheds are new"))
    said = describe(chat, pair, regions(5), max_regions=2)
    assert said.region_captions == ("", "", "", "Thing 4 is new.", "Thing 5 is new.")
    assert said.unsaid == "only the 2 strongest regions are shown (vlm.max_regions)"
    assert "3 more places differ and are not shown." in text_of(chat.asked[0])


def test_a_region_that_is_missing_or_unseen_is_left_to_others_with_the_reason(pair):
    chat = Scripted(words([3, 1], "sheds are new", p1=""))
    said = describe(chat, pair, regions(3))
    assert said.region_captions == ("", "", "Thing 3 is new.")
    assert said.unsaid == "it sees no difference at region 1; it gave no answer for region 2"


def test_a_model_that_sees_no_difference_anywhere_has_no_words(pair):
    chat = Scripted(words([2, 1], "nothing changed", p1="", p2=" "))
    with pytest.raises(DescriptionError, match="scripted sees no difference at any of the places"):
        describe(chat, pair, regions(2))
    assert len(chat.asked) == 1


def test_an_answer_that_cannot_be_used_is_asked_for_once_more(pair):
    chat = Scripted("I see a shed.", words([1], "a shed is new"))
    assert describe(chat, pair, regions(1)).caption == "A shed is new."
    first, second = chat.asked
    assert [turn.role for turn in second] == ["user", "assistant", "user"]
    assert second[0] == first[0]
    assert second[1].parts == ("I see a shed.",)
    assert 'That cannot be used: it holds no JSON object: "I see a shed."' in text_of(second)


def test_a_model_that_talks_nonsense_twice_has_no_words(pair):
    chat = Scripted("I see a shed.", words([9], "a ghost"))
    with pytest.raises(UnusableAnswerError) as error:
        describe(chat, pair, regions(1))
    assert str(error.value) == (
        "the answer of scripted cannot be used, asked twice: it was asked about place 1 and it speaks of 9"
    )
    assert len(chat.asked) == 2


def test_nonsense_about_some_regions_costs_those_alone(pair):
    chat = Scripted("nonsense", "nonsense", words([2, 1], "sheds are new"))
    said = describe(chat, pair, regions(4), batch=2)
    assert said.region_captions == ("Thing 1 is new.", "Thing 2 is new.", "", "")
    assert said.unsaid is not None
    assert said.unsaid.startswith("regions 4, 3: the answer of scripted cannot be used, asked twice")


def test_an_answer_that_was_cut_short_is_not_asked_for_again(pair):
    chat = Scripted(UnusableAnswerError("it was cut off"))
    with pytest.raises(UnusableAnswerError, match="the answer of scripted cannot be used: it was cut off"):
        describe(chat, pair, regions(1))
    assert len(chat.asked) == 1


def test_the_domains_own_question_is_asked_with_the_pair(pair):
    chat = Scripted(words([1], "a shed is new"))
    describe(chat, pair, regions(1), prompt="Which shed?", language="German")
    assert "What is asked about the scene as a whole: Which shed?" in text_of(chat.asked[0])
    assert "in German" in text_of(chat.asked[0])


# --- kept answers ---


def test_the_same_question_is_put_once(pair, tmp_path):
    cache = AnswerCache(tmp_path, 10**6)
    chat = Scripted(words([1], "a shed is new"))
    first = describe(chat, pair, regions(1), cache)
    assert describe(chat, pair, regions(1), cache) == first
    assert len(chat.asked) == 1


@pytest.mark.parametrize("other", ["pixel", "model", "language", "region"])
def test_another_question_is_put_anew(pair, tmp_path, other):
    cache = AnswerCache(tmp_path, 10**6)
    describe(Scripted(words([1], "a shed is new")), pair, regions(1), cache)
    chat = Scripted(words([1], "a tree is new"), name="other" if other == "model" else "scripted")
    found, settings = regions(1), {"language": "German"} if other == "language" else {}
    if other == "region":
        found = [found[0].replace(label="tree")]
    if other == "pixel":
        pixels = pair.after.pixels.copy()
        pixels[:, 60, 100] = 1 - pixels[:, 60, 100]
        frame = Frame(pixels=pixels, valid=pair.after.valid, bands=pair.after.bands)
        pair = ImagePair(before=pair.before, after=frame, before_on_after=pair.aligned, registration=pair.registration)
    assert describe(chat, pair, found, cache, **settings).caption == "A tree is new."


def test_what_cannot_be_used_is_not_kept(pair, tmp_path):
    cache = AnswerCache(tmp_path, 10**6)
    with pytest.raises(UnusableAnswerError):
        describe(Scripted("no", "no"), pair, regions(1), cache)
    assert list(tmp_path.iterdir()) == []
    describe(Scripted("no", words([1], "a shed is new")), pair, regions(1), cache)
    assert describe(Scripted(), pair, regions(1), cache).caption == "A shed is new."


def test_a_kept_answer_that_is_damaged_is_asked_for_again(pair, tmp_path):
    cache = AnswerCache(tmp_path, 10**6)
    describe(Scripted(words([1], "a shed is new")), pair, regions(1), cache)
    (path,) = tmp_path.iterdir()
    cache.put(path.name.split(".")[0], "rubbish")
    assert describe(Scripted(words([1], "a tree is new")), pair, regions(1), cache).caption == "A tree is new."
