"""What the sources of a recipe draw."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from onediff_core.errors import TrainingError
from onediff_core.training.tune.recipe import Source
from onediff_core.training.tune.sources import Made, MixedLessons, make_source
from onediff_plugins.errors import PairsFileError

from .conftest import CAME, SAME, SIDE, write_lines, write_pairs


def made(sets: Any, **part: Any) -> Made:
    return make_source(TypeAdapter(Source).validate_python(part), sets, SIDE)


def lessons(one: Made, count: int = 24) -> list[Any]:
    return [one.source.draw(np.random.default_rng(number)) for number in range(count)]


def answers(one: Made) -> set[str]:
    return {turn.answer for lesson in lessons(one) for turn in lesson.turns}


def test_coupled_pictures_are_told_one_after_the_other(sets):
    one = made(sets, kind="coupled", pictures={"pictures": 1, "drawn": 1})
    for lesson in lessons(one, 8):
        assert [image.shape for image in lesson.images] == [(SIDE, SIDE, 3)] * 2
        assert re.fullmatch(r"before: .+\. after: .+", lesson.turns[0].answer)
        assert lesson.turns[0].question == "Describe the first image, then the second."
    assert one.size == 3, "six pictures make three couples"


def test_a_list_of_pairs_gives_the_after_pictures_of_those_that_changed(sets):
    assert answers(made(sets, kind="coupled", pictures={"pairs": 1})) == {f"before: {CAME}. after: {CAME}"}


def test_a_single_picture_is_shown_as_both_and_asked_its_own_question(sets):
    drawn = lessons(made(sets, kind="pictures", path="pictures"), 40)
    assert all(np.array_equal(*lesson.images) for lesson in drawn)
    asked = {(turn.question, turn.answer) for lesson in drawn for turn in lesson.turns}
    assert ("What is this?", "a tree") in asked


def test_pairs_are_asked_what_they_answer_with_the_prompts_of_the_recipe(sets):
    one = made(
        sets, kind="pairs", path="pairs", tasks={"caption": 1, "yes_no": 1}, prompts={"yes_no": "Same?"}, turns=2
    )
    turns = [turn for lesson in lessons(one) for turn in lesson.turns]
    assert {turn.answer for turn in turns if turn.task == "yes_no"} == {"yes", "no"}
    assert {turn.question for turn in turns if turn.task == "yes_no"} == {"Same?"}
    assert CAME in {turn.answer for turn in turns if turn.task == "caption"}


def test_held_out_places_are_scored_and_never_learned_from(sets):
    one = made(sets, kind="pairs", path="pairs", held_out=0.3)
    held = {sample.id for sample in one.scored.samples}
    assert len({sample.group for sample in one.scored.samples}) == 2
    learned = {one.source.source.pairs.rows[number]["id"] for number in one.source.source.numbers}
    assert not held & learned
    assert len(held | learned) == 12


def test_splits_of_a_list_are_kept(sets, tmp_path):
    write_pairs(tmp_path / "split", np.random.default_rng(0), split="test")
    with pytest.raises(TrainingError, match="all 12 are of other splits than train"):
        made(tmp_path, kind="pairs", path="split")


@pytest.mark.parametrize(
    ("task", "tasks", "question", "said"),
    [
        ("edit", {"edit": 1}, "Which edit makes the second image of the first?", {CAME, SAME}),
        ("compare", {"compare": 1}, "How does the second image differ from the first?", {CAME, SAME}),
        ("list", {"list": 1}, None, {f"{CAME}\nit is large"}),
        ("list", {"caption": 1}, None, {CAME, "it is large"}),
    ],
)
def test_captions_answer_what_their_set_asks(tmp_path, task, tasks, question, said):
    write_pairs(tmp_path / "set", np.random.default_rng(0), task=task)
    if task == "list":
        rows = [{"before": "0a.png", "after": "0b.png", "captions": [CAME, "it is large"], "task": task}]
        write_lines(tmp_path / "set" / "pairs.jsonl", rows)
    one = made(tmp_path, kind="pairs", path="set", tasks=tasks, held_out=0)
    assert answers(one) == said
    assert {turn.question for lesson in lessons(one) for turn in lesson.turns} == {question}


def test_a_broken_picture_is_passed_over_and_only_broken_ones_are_an_error(sets, caplog):
    for number in range(5):
        (sets / "pictures" / f"{number}.png").write_bytes(b"no picture")
    one = made(sets, kind="coupled", pictures={"pictures": 1})
    assert lessons(one, 2)
    assert "passed over" in caplog.text
    (sets / "pictures" / "5.png").unlink()
    with pytest.raises(TrainingError, match="20 pictures in a row cannot be read"):
        lessons(one, 1)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"kind": "pairs", "path": "pairs", "tasks": {"captoin": 1}}, "no task 'captoin'; did you mean 'caption'?"),
        ({"kind": "pairs", "path": "pairs", "tasks": {"caption": 0}}, "are all 0"),
        ({"kind": "drawn", "tasks": {"edit": 1}}, "there is no task 'edit'"),
        ({"kind": "pairs", "path": "pairs", "prompts": {"regions": "Where?"}}, "write {places} where they go"),
    ],
)
def test_tasks_that_cannot_be_asked_are_refused(sets, part, said):
    with pytest.raises(TrainingError, match=re.escape(said)):
        made(sets, **part)


def test_a_list_without_a_task_that_fits_says_so(sets):
    one = made(sets, kind="pairs", path="pairs", tasks={"edit": 1})
    with pytest.raises(TrainingError, match="pairs in a row have nothing that its tasks ask for"):
        lessons(one, 1)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"caption": "x"}], "row 1: no image"),
        ([{"image": "0.png"}], "holds no picture with a caption or a conversation"),
        ([{"image": "0.png", "conversations": [1]}], "row 1: a conversation is a list of from and value"),
    ],
)
def test_a_list_of_pictures_that_cannot_be_used_says_why(sets, rows, said):
    write_lines(sets / "pictures" / "pictures.jsonl", rows)
    with pytest.raises(PairsFileError, match=said):
        made(sets, kind="pictures", path="pictures")


def test_talk_without_a_picture_is_left_out(sets):
    row = {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}
    write_lines(sets / "pictures" / "pictures.jsonl", [row, {"image": "1.png", "caption": "a tree"}])
    assert made(sets, kind="pictures", path="pictures").size == 1


def test_a_block_is_of_one_source_and_hangs_on_seed_and_number_alone(sets):
    sources = [
        made(sets, kind="pictures", path="pictures"),
        made(sets, kind="pairs", path="pairs", tasks={"yes_no": 1}),
    ]
    mixed = MixedLessons(sources, 3, seed=1)
    blocks = [{mixed[number].turns[0].task for number in range(start, start + 3)} for start in range(0, 60, 3)]
    assert all(len(tasks) == 1 for tasks in blocks)
    assert {next(iter(tasks)) for tasks in blocks} == {"", "yes_no"}
    assert mixed[7].turns == MixedLessons(sources, 3, seed=1)[7].turns
