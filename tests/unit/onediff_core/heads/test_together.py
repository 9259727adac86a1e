"""Heads from plugins' records, and several at once on one frozen base."""

from dataclasses import replace

import pytest
import torch

from onediff_core.heads import (
    ChangeMaskHead,
    CheckpointError,
    HeadSet,
    PairHead,
    RegionHead,
    RegionLogits,
    build_head,
    load_head,
)
from onediff_core.heads.base import Head
from onediff_plugins.specs import HeadSpec

BASE = "sha256:" + "a" * 64
SHAPE = {"channels": (6, 8, 10), "strides": (2, 4, 16), "token_size": 12}


@pytest.fixture
def heads(config):
    return HeadSet(
        [
            PairHead(config("pair", evidence="satellite.mask")),
            ChangeMaskHead(config("mask")),
            RegionHead(config("region")),
            ChangeMaskHead(config("mask", name="ui.mask", classes=("button",), exclusive=True)),
        ]
    ).eval()


@pytest.mark.parametrize(
    ("task", "classes", "made"),
    [
        ("mask", ("added", "removed"), ChangeMaskHead),
        ("region", ("car",), RegionHead),
        ("pair", ("changed",), PairHead),
    ],
)
def test_a_plugin_s_record_becomes_the_standard_head_of_its_task(task, classes, made):
    spec = HeadSpec(name="toy.head", task=task, classes=classes, kinds={classes[0]: "added"}, gsd_range_m=(0.3, 1.0))
    head = build_head(spec, **SHAPE)
    assert type(head) is made
    assert head.config.name == "toy.head"
    assert head.config.classes == classes
    assert dict(head.config.kinds) == {classes[0]: "added"}
    assert head.config.gsd_range_m == (0.3, 1.0)


def test_a_plugin_may_build_its_own_head(tmp_path, features):
    class Inverted(ChangeMaskHead):
        def forward(self, features):
            return -super().forward(features)

    spec = HeadSpec(name="toy.head", task="mask", classes=("car",), build=Inverted)
    head = build_head(spec, **SHAPE).eval()
    assert type(head) is Inverted
    head.save_pretrained(tmp_path, base_fingerprint=BASE)
    loaded, made = load_head(tmp_path, base_fingerprint=BASE, spec=spec), features()
    assert torch.equal(loaded(made), head(made))
    standard = load_head(tmp_path, base_fingerprint=BASE)
    assert torch.equal(standard(made), -head(made))


def test_what_a_plugin_builds_must_be_a_head():
    spec = HeadSpec(name="toy.head", task="mask", classes=("car",), build=lambda config: torch.nn.Identity())
    with pytest.raises(TypeError, match=r"build of head 'toy\.head' must return a Head, got Identity"):
        build_head(spec, **SHAPE)


def test_what_a_plugin_builds_must_answer_as_its_task_is_asked():
    class Mute(Head):
        task = "mask"

    spec = HeadSpec(name="toy.head", task="mask", classes=("car",), build=Mute)
    with pytest.raises(TypeError, match=r"made a Mute without score and probabilities, which a mask head is asked for"):
        build_head(spec, **SHAPE)


def test_what_a_plugin_builds_keeps_its_name():
    spec = HeadSpec(
        name="toy.head",
        task="mask",
        classes=("car",),
        build=lambda made: ChangeMaskHead(replace(made, name="toy.other")),
    )
    with pytest.raises(TypeError, match=r"must keep its name and task \('toy\.head', 'mask'\), got \('toy\.other'"):
        build_head(spec, **SHAPE)


def test_heads_of_a_plugin_go_into_a_set_by_their_tasks(config, features):
    class Loudest(Head):
        """A mask head and a pair head of a plugin's own, neither of them a standard one."""

        def __init__(self, config):
            super().__init__(config)
            self.scale = torch.nn.Parameter(torch.ones(()))

    class Mask(Loudest):
        task = "mask"

        def forward(self, features):
            grid = self.checked(features).dense[0].mean(1, keepdim=True)
            return self.scale * torch.nn.functional.interpolate(grid, features.image_size)

        def score(self, logits):
            return logits.sigmoid().amax(1)

        def probabilities(self, logits):
            return logits.sigmoid()

    class Pair(Loudest):
        task = "pair"

        def forward(self, features, score=None):
            return self.scale * score.amax((1, 2))

        def score(self, logits):
            return logits

    mask = Mask(config("mask", classes=("car",)))
    heads, made = HeadSet([Pair(config("pair", evidence="satellite.mask")), mask]), features()
    answers = heads(made)
    assert torch.equal(answers["satellite.pair"], mask.score(mask(made)).amax((1, 2)))


def test_any_head_loads_by_its_folder(heads, tmp_path):
    for head in heads:
        head.save_pretrained(tmp_path / head.config.name, base_fingerprint=BASE)
    loaded = [load_head(tmp_path / name, base_fingerprint=BASE) for name in heads.names]
    assert [type(head) for head in loaded] == [type(head) for head in heads]
    assert HeadSet(loaded).names == heads.names


def test_a_folder_that_is_not_the_plugin_s_head_is_refused(heads, tmp_path):
    heads["satellite.mask"].save_pretrained(tmp_path, base_fingerprint=BASE)
    spec = HeadSpec(name="satellite.mask", task="mask", classes=("building", "tree"))
    with pytest.raises(CheckpointError, match=r"holds .*'road'.* declares .*'tree'.*: train it again"):
        load_head(tmp_path, base_fingerprint=BASE, spec=spec)


def test_all_heads_answer_in_one_pass_by_their_names(heads, features):
    boxes = [torch.tensor([[2.0, 3, 10, 12]]), torch.zeros(0, 4)]
    answers = heads(features(), boxes)
    assert set(answers) == set(heads.names)
    assert answers["satellite.mask"].shape == (2, 2, 32, 48)
    assert answers["ui.mask"].shape == (2, 2, 32, 48)
    assert answers["satellite.pair"].shape == (2,)
    assert isinstance(answers["satellite.region"], RegionLogits)


def test_a_set_answers_as_its_heads_do_alone(heads, features):
    made = features()
    answers = heads(made)
    mask = heads["satellite.mask"]
    torch.testing.assert_close(answers["satellite.mask"], mask(made))
    torch.testing.assert_close(answers["satellite.pair"], heads["satellite.pair"](made, mask.score(mask(made))))
    assert "satellite.region" not in answers  # no boxes, no regions


def test_only_the_heads_get_gradients(heads, features):
    made = features()
    for tensor in (made.tokens, *made.dense):
        tensor.requires_grad_()
    answers = heads.train()(made, [torch.tensor([[2.0, 3, 10, 12]])] * 2)
    region = answers.pop("satellite.region")
    sum(answer.square().mean() for answer in (*answers.values(), *region)).backward()
    assert all(tensor.grad is None for tensor in (made.tokens, *made.dense))
    assert all(value.grad is not None for value in heads.parameters())


def test_sets_that_cannot_work_are_refused(config):
    mask = ChangeMaskHead(config("mask"))
    with pytest.raises(ValueError, match=r"two heads are called satellite\.mask"):
        HeadSet([mask, ChangeMaskHead(config("mask"))])
    with pytest.raises(ValueError, match=r"features of one shape, got 'satellite\.mask'.*; 'ui\.mask'"):
        HeadSet([mask, ChangeMaskHead(config("mask", name="ui.mask", token_size=13))])
    with pytest.raises(ValueError, match=r"looks at the mask head 'ui\.mask'; here are \['satellite\.mask'\]"):
        HeadSet([mask, PairHead(config("pair", evidence="ui.mask"))])
    with pytest.raises(KeyError, match=r"no head 'ui\.mask'; here are satellite\.mask"):
        HeadSet([mask])["ui.mask"]
