from dataclasses import replace

import numpy as np
import pytest
import torch

from onediff_core.data import Sample
from onediff_core.heads import ChangeMaskHead
from onediff_core.training.words.predicted import predicted_places


@pytest.fixture
def sure_of_the_left(dense, monkeypatch):
    """The head, made to see a building that came in the left half."""
    head = dense.heads["satellite.building"]

    def forward(features):
        logits = torch.full((1, 2, 64, 64), -9.0)
        logits[:, 0, 16:32, :32] = 9.0
        return logits

    monkeypatch.setattr(head, "forward", forward)
    return head


def test_what_a_head_finds_is_a_place_with_its_label_and_kind(dense, sure_of_the_left):
    image = np.zeros((64, 64, 3), np.uint8)
    ((place,),) = predicted_places(
        dense.model, dense.processor, [sure_of_the_left], [Sample(before=image, after=image)]
    )
    assert place.box == (0.0, 0.25, 0.5, 0.5)
    assert (place.kind, place.label) == ("added", "building")


@pytest.fixture
def land(sure_of_the_left):
    """(where, fields of its configuration) -> a head that sees other land there."""

    def make(where, **fields):
        config = replace(sure_of_the_left.config, name="satellite.change", classes=("landcover",), kinds={}, **fields)
        head = ChangeMaskHead(config).eval()
        logits = torch.full((1, 1, 64, 64), -9.0)
        logits[..., where, where] = 5.0
        head.forward = lambda features: logits
        return head

    return make


def test_the_surest_of_several_heads_counts_and_images_tell_the_direction_where_a_class_does_not(
    dense, sure_of_the_left, land
):
    before = np.zeros((64, 64, 3), np.uint8)
    after = before.copy()
    after[40:56, 40:56] = 255
    heads = [sure_of_the_left, land(slice(40, 56))]
    (places,) = predicted_places(dense.model, dense.processor, heads, [Sample(before=before, after=after)])
    assert [(place.label, place.kind) for place in places] == [("building", "added"), ("landcover", "added")]
    assert places[1].box == (0.625, 0.625, 0.875, 0.875)


def test_a_head_leaves_to_another_what_is_around_its_things(dense, sure_of_the_left, land):
    image = np.zeros((64, 64, 3), np.uint8)
    heads = [sure_of_the_left, land(slice(8, 40), yields_to={"satellite.building": 10.0})]
    (places,) = predicted_places(dense.model, dense.processor, heads, [Sample(before=image, after=image)])
    assert [(place.label, place.box) for place in places] == [("building", (0.0, 0.25, 0.5, 0.5))]
