"""OneDiff as a describer. The model's words are random here; what it is asked and shown is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
import torch

from onediff_core.checkpoint import load_checkpoint
from onediff_core.describer import SOMETHING, Describer, sentence
from onediff_core.errors import CheckpointError
from onediff_core.imagery import PairView
from onediff_plugins import ChangeRegion, Frame, ImagePair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_core.checkpoint import Checkpoint

CPU = torch.device("cpu")
UNCHANGED = "Nothing changed in the yard."


@pytest.fixture(scope="module")
def checkpoint(tiny_onediff: Path) -> Checkpoint:
    return load_checkpoint(tiny_onediff, heads=())


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is random need not be long."""
    monkeypatch.setattr("onediff_core.describer.MOST_NEW_TOKENS", 6)


@pytest.fixture
def describer(checkpoint: Checkpoint) -> Describer:
    return Describer(checkpoint, UNCHANGED, CPU)


@pytest.fixture
def asked(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], tuple[int, ...]]]:
    """What the processor is given, batch by batch: prompts, and the shape of the pixels that it makes."""
    seen: list[tuple[list[str], tuple[int, ...]]] = []
    kind = type(checkpoint.processor)
    original = kind.__call__

    def call(self: Any, images: Any, text: Any = None, **more: Any) -> Any:
        made = original(self, images, text, **more)
        seen.append((text, tuple(made["pixel_values"].shape)))
        return made

    monkeypatch.setattr(kind, "__call__", call)
    return seen


def yard(width: int = 300, height: int = 200) -> ImagePair:
    pixels = np.random.default_rng(0).random((3, height, width), dtype=np.float32)
    valid = np.ones((height, width), bool)
    before, after = (
        Frame(pixels=image, valid=valid, bands=("red", "green", "blue")) for image in (pixels, pixels[:, ::-1])
    )
    return ImagePair(before=before, after=after, before_on_after=before)


def region(x0: float, y0: float, x1: float, y1: float, **fields: Any) -> ChangeRegion:
    values = {"score": 0.9, "kind": "added", "label": "crate", **fields}
    return ChangeRegion(area_px=1, geometry=shapely.box(x0, y0, x1, y1), **values)


def test_an_unchanged_pair_gets_the_domains_sentence_and_the_model_is_not_asked(
    describer: Describer, asked: list[Any]
) -> None:
    (said,) = describer.describe([yard()], [[]], ["What is new?"])
    assert (said.caption, said.region_captions) == (UNCHANGED, ())
    assert asked == []


def test_the_pair_is_asked_about_whole_with_its_places_and_each_region_in_its_crop(
    describer: Describer, asked: list[Any]
) -> None:
    (said,) = describer.describe([yard()], [[region(30, 20, 90, 120)]], [None])
    ((prompts, shape),) = asked
    assert "crate added [0.10, 0.10, 0.30, 0.60]. Describe what changed." in prompts[0]
    # The crop is x 0..120, y 0..200, around the region.
    assert "within crate added [0.25, 0.10, 0.75, 0.60]?" in prompts[1]
    assert shape[:3] == (2, 2, 3)
    assert max(shape[3:]) == 256
    assert said.caption
    assert len(said.region_captions) == 1


def test_a_domains_own_question_is_asked_instead(describer: Describer, asked: list[Any]) -> None:
    describer.describe([yard()], [[region(30, 20, 90, 120)]], ["What is new in the yard?"])
    ((prompts, _),) = asked
    assert "What is new in the yard?" in prompts[0]
    assert "[" not in prompts[0]


def test_the_eight_strongest_places_are_named_and_every_region_is_described_in_its_order(
    describer: Describer, asked: list[Any]
) -> None:
    regions = [region(10 * n, 10, 10 * n + 8, 30, score=n / 20, label=f"crate{n}") for n in range(12)]
    (said,) = describer.describe([yard()], [regions], [None])
    prompts = [prompt for batch, _ in asked for prompt in batch]
    assert [f"crate{n} " in prompts[0] for n in range(12)] == [False] * 4 + [True] * 8
    assert prompts[0].index("crate11") < prompts[0].index("crate4")
    assert [f"within crate{n} added" in prompts[1 + n] for n in range(12)] == [True] * 12
    assert [len(batch) for batch, _ in asked] == [8, 5]
    assert len(said.region_captions) == 12


def test_of_many_regions_the_strongest_are_described_and_the_others_are_said_to_be_left(
    describer: Describer, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onediff_core.describer.MOST_DESCRIBED", 3)
    regions = [region(10 * n, 10, 10 * n + 8, 30, score=(n * 7 % 10) / 10, label=f"crate{n}") for n in range(6)]
    (said,) = describer.describe([yard()], [regions], [None])
    prompts = [prompt for batch, _ in asked for prompt in batch]
    assert [f"within crate{n} added" in prompts[1 + at] for at, n in enumerate((1, 4, 5))] == [True] * 3
    assert [bool(words) for words in said.region_captions] == [False, True, False, False, True, True]
    assert said.unsaid == "it describes the 3 strongest regions"
    assert describer.describe([yard()], [regions[:3]], [None])[0].unsaid is None


def test_crops_are_made_when_their_batch_is_asked(
    describer: Describer, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches_before = []
    cut = PairView.cut
    monkeypatch.setattr(PairView, "cut", lambda view, box: batches_before.append(len(asked)) or cut(view, box))
    describer.describe([yard()], [[region(10 * n, 10, 10 * n + 8, 30) for n in range(20)]], [None])
    assert batches_before == [0] * 8 + [1] * 8 + [2] * 5


def test_pairs_share_a_batch_and_each_keeps_its_words(describer: Describer, asked: list[Any]) -> None:
    pairs = [yard(), yard(120, 90), yard()]
    regions = [[region(30, 20, 90, 80)], [], [region(30, 20, 90, 80), region(100, 20, 120, 80)]]
    together = describer.describe(pairs, regions, [None] * 3)
    assert len(asked) == 1
    assert [len(said.region_captions) for said in together] == [1, 0, 2]
    assert together[1].caption == UNCHANGED
    for pair, found, said in zip(pairs, regions, together, strict=True):
        assert describer.describe([pair], [found], [None]) == [said]


def test_the_same_pair_gets_the_same_words(checkpoint: Checkpoint) -> None:
    first, second = (
        Describer(checkpoint, UNCHANGED, CPU).describe([yard()], [[region(30, 20, 90, 80)]], [None]) for _ in range(2)
    )
    assert first == second


def test_a_model_that_says_nothing_has_found_something_all_the_same(
    describer: Describer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(describer._processor), "answers", lambda self, said, prompts: [" \n"] * len(said))
    (said,) = describer.describe([yard()], [[region(30, 20, 90, 80)]], [None])
    assert (said.caption, said.region_captions) == (SOMETHING, ("",))


def test_beams_that_contradict_their_place_are_passed_over(
    describer: Describer, monkeypatch: pytest.MonkeyPatch
) -> None:
    beams = ["a crate is gone", "a crate at the bottom right appeared", "a crate at the top left appeared"]
    monkeypatch.setattr(type(describer._processor), "answers", lambda *_: [*beams, *beams[:1] * 3])
    (said,) = describer.describe([yard()], [[region(0, 0, 60, 60)]], [None])
    assert (said.caption, said.region_captions) == ("A crate at the top left appeared.", ("",))


def test_a_region_of_no_extent_is_described_too(describer: Describer, asked: list[Any]) -> None:
    (said,) = describer.describe([yard()], [[region(50, 50, 50, 50, kind="removed")]], [None])
    assert len(said.region_captions) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" a house  was\nbuilt ", "A house was built."),
        ("Was it built?", "Was it built?"),
        ("two cars left!", "Two cars left!"),
        ("a \x1b[31mred\x00 car", "A [31mred car."),
        ("   ", ""),
        ("", ""),
    ],
)
def test_words_become_a_sentence(text: str, said: str) -> None:
    assert sentence(text) == said


# --- what cannot speak ------------------------------------------------------------------------------------------


def test_an_untrained_model_refuses_with_its_own_words(save_onediff: Callable[..., Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(save_onediff(tmp_path / "mute", trained_stages=()), heads=())
    with pytest.raises(CheckpointError, match=r"^mute: .*never trained \(config\.trained_stages is empty\).*template"):
        Describer(checkpoint, UNCHANGED, CPU)


def test_without_a_tokenizer_it_does_not_describe(checkpoint: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match=r"tiny holds no tokenizer, .* choose --captioner template"):
        Describer(replace(checkpoint, processor=None), UNCHANGED, CPU)
