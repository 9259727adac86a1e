import numpy as np
import pytest
import torch

from onediff_core.processing_onediff import IGNORED
from onediff_core.training.words.batches import LENGTHS, Collate, lesson_batches, prompt_of
from onediff_core.training.words.lessons import Lesson, Turn
from onediff_core.training.words.settings import TASKS
from onediff_core.training.words.sources import CoupledFacts, CoupledPictures, DrawnPairs


@pytest.fixture
def processor(dense):
    return dense.processor


def test_text_alone_has_no_placeholders_and_no_pixels(dense, processor):
    batch = Collate(processor)([CoupledFacts().draw(np.random.default_rng(n)) for n in range(3)])
    assert "pixel_values" not in batch
    assert not torch.isin(batch["input_ids"], torch.tensor(processor.placeholder_ids)).any()
    assert dense.model(**batch).loss.isfinite()


def test_a_pair_is_looked_at_once_for_all_its_turns(dense, processor):
    source = DrawnPairs({"objects": 1.0}, TASKS, 3, 64)
    batch = Collate(processor)([source.draw(np.random.default_rng(n)) for n in range(2)])
    assert batch["pixel_values"].shape == (2, 2, 3, 64, 64)
    assert len(batch["labels"]) == 6
    seen = dense.model.model(batch.pop("pixel_values")).repeated(3)
    assert dense.model(**batch, seen=seen).loss.isfinite()


def test_a_run_that_goes_on_gets_the_lessons_that_it_would_have_had(processor):
    def numbered(first):
        return lesson_batches(CoupledPictures(64), processor, seed=1, first=first, size=2, workers=0)

    whole, later = numbered(0), numbered(2)
    next(whole)
    one, two = next(whole), next(later)
    assert torch.equal(one["pixel_values"], two["pixel_values"])
    assert torch.equal(one["input_ids"], two["input_ids"])


def test_batches_have_few_lengths(processor):
    lessons = [Lesson(turns=(Turn("caption", "a house was built " * n),)) for n in range(1, 12)]
    for lesson in lessons:
        batch = Collate(processor)([lesson])
        assert {len(row) % LENGTHS for row in batch["input_ids"]} == {0}
        kept = batch["attention_mask"].bool()
        assert (batch["labels"][~kept] == IGNORED).all()
        whole = processor.tokenised([prompt_of(processor, lesson.turns[0])], None, [lesson.turns[0].answer])
        assert batch["input_ids"][kept].tolist() == whole["input_ids"][0].tolist()
