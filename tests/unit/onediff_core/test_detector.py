"""OneDiff as a detector, with a mask head that has learnt bright squares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
import torch

from onediff_core import HeadSpec
from onediff_core.checkpoint import load_checkpoint
from onediff_core.detector import Detector
from onediff_core.errors import CheckpointError
from onediff_core.heads import ChangeMaskHead, PairHead, RegionHead, build_head
from onediff_plugins import ChangeRegion, DomainSettings, Frame, ImagePair
from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.windows import overview

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.heads.base import Head
    from onediff_plugins import ChangeMap

CPU = torch.device("cpu")
SQUARE = (60, 40, 100, 80)  # x0, y0, x1, y1


@pytest.fixture(scope="module")
def checkpoint(tiny_onediff: Path) -> Checkpoint:
    return load_checkpoint(tiny_onediff)


@pytest.fixture(scope="module")
def detector(checkpoint: Checkpoint) -> Detector:
    return Detector(checkpoint, {"any.square": checkpoint.heads["any.square"]}, CPU)


def scene(width: int = 300, height: int = 200, seed: int = 0) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0.4, 0.02, (3, height, width))
    return noise.astype(np.float32)


def a_square_came(width: int = 300, height: int = 200, **fields: Any) -> ImagePair:
    before = scene(width, height)
    after = before.copy()
    x0, y0, x1, y1 = SQUARE
    after[:, y0:y1, x0:x1] = 0.95
    return pair_of(before, after, **fields)


def pair_of(before: NDArray[np.float32], after: NDArray[np.float32], gsd_m: float | None = None) -> ImagePair:
    valid = np.ones(after.shape[1:], bool)
    frames = [
        Frame(pixels=pixels, valid=valid, bands=("red", "green", "blue"), gsd_m=gsd_m, source="scene.tif")
        for pixels in (before, after)
    ]
    return ImagePair(before=frames[0], after=frames[1], before_on_after=frames[0])


def detect(detector: Detector, *pairs: ImagePair) -> list[ChangeMap]:
    return detector.detect(pairs, [overview(pair) for pair in pairs], DomainSettings())


def overlap(change: ChangeMap) -> float:
    """IoU of the score above a half with the square."""
    truth = np.zeros(change.score.shape, bool)
    x0, y0, x1, y1 = SQUARE
    truth[y0:y1, x0:x1] = True
    found = change.score >= 0.5
    return float((found & truth).sum() / (found | truth).sum())


def altered(head: Head, **changes: Any) -> Head:
    """A head with the same weights and another configuration."""
    made = type(head)(replace(head.config, **changes))
    made.load_state_dict(head.state_dict())
    return made.eval()


def test_a_square_that_came_is_found_with_its_class_and_direction(detector: Detector) -> None:
    (change,) = detect(detector, a_square_came())
    assert overlap(change) > 0.8
    assert (change.class_names, change.class_kinds) == (("square+", "square-"), ("added", "removed"))
    assert change.class_scores is not None
    inside = change.class_scores[:, 45:75, 65:95].mean(axis=(1, 2))
    assert inside[0] > 0.5 > inside[1]
    assert change.pair_score is None


def test_the_same_image_twice_has_no_change(detector: Detector) -> None:
    before = scene()
    (change,) = detect(detector, pair_of(before, before))
    assert change.score.max() < 0.5


@pytest.mark.parametrize("size", [(300, 200), (500, 330), (256, 256), (130, 101), (101, 700)])
def test_images_of_any_size_are_detected_in_whole(detector: Detector, size: tuple[int, int]) -> None:
    (change,) = detect(detector, a_square_came(*size))
    assert change.score.shape == (size[1], size[0])
    assert overlap(change) > 0.8


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (33, 1)])
def test_the_smallest_images_have_a_score(detector: Detector, size: tuple[int, int]) -> None:
    before = scene(*size)
    (change,) = detect(detector, pair_of(before, before))
    assert change.score.shape == (size[1], size[0])


def test_what_a_pair_scores_does_not_depend_on_its_neighbours(detector: Detector) -> None:
    pairs = [a_square_came(), a_square_came(500, 330), a_square_came(100, 90)]
    together = detect(detector, *pairs)
    for pair, change in zip(pairs, together, strict=True):
        (alone,) = detect(detector, pair)
        np.testing.assert_allclose(change.score, alone.score, atol=1e-5)


def test_several_looks_say_of_a_mirrored_pair_what_they_say_of_the_pair(detector: Detector) -> None:
    pair = a_square_came(256, 256)
    mirrored = pair_of(pair.aligned.pixels[..., ::-1], pair.after.pixels[..., ::-1])

    def scores(*, accurate: bool) -> list[NDArray[np.float32]]:
        settings = DomainSettings(accurate=accurate)
        changes = detector.detect([pair, mirrored], [pair, mirrored], settings)
        return [changes[0].score, changes[1].score[:, ::-1]]

    once, often = scores(accurate=False), scores(accurate=True)
    np.testing.assert_allclose(often[0], often[1], atol=2e-3)  # OpenCV enlarges to 1/32 px
    assert np.abs(once[0] - once[1]).max() > 0.01, "one look has a left and a right"
    truth = np.zeros((256, 256), bool)
    truth[SQUARE[1] : SQUARE[3], SQUARE[0] : SQUARE[2]] = True
    found = often[0] >= 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.8


@pytest.mark.parametrize("enlarge", [1.25, 1.5])
def test_a_head_that_sees_best_enlarged_answers_on_the_pairs_own_grid(checkpoint: Checkpoint, enlarge: float) -> None:
    head = altered(checkpoint.heads["any.square"], enlarge=enlarge)
    for size in ((300, 200), (600, 310)):
        (change,) = detect(Detector(checkpoint, {"any.square": head}, CPU), a_square_came(*size))
        assert change.score.shape == size[::-1]
        assert overlap(change) > 0.6


def test_what_is_not_valid_scores_nothing_whatever_its_pixels(detector: Detector) -> None:
    pair = a_square_came()
    x0, y0, x1, y1 = SQUARE
    valid = np.ones((200, 300), bool)
    valid[y0 - 5 : y1 + 5, x0 - 5 : x1 + 5] = False
    (change,) = detect(detector, replace(pair, after=replace(pair.after, valid=valid)))
    assert change.score.max() < 0.5
    assert (change.score[~valid] == 0).all()
    assert not change.valid[~valid].any()
    assert change.class_scores is not None
    assert (change.class_scores[:, ~valid] == 0).all()


def test_what_has_no_counterpart_is_a_change(detector: Detector) -> None:
    before = scene()
    unmatched = np.zeros((200, 300), bool)
    unmatched[50:60] = True
    pair = pair_of(before, before)
    pair = replace(
        pair, unmatched_after=unmatched, before_on_after=replace(pair.aligned, valid=~unmatched & pair.after.valid)
    )
    (change,) = detect(detector, pair)
    assert (change.score[unmatched] == 1).all()
    assert change.score[~unmatched].max() < 0.5


def test_of_several_mask_heads_the_highest_score_counts_and_all_classes_are_there(checkpoint: Checkpoint) -> None:
    learnt = checkpoint.heads["any.square"]
    blind = build_head(
        HeadSpec(name="any.thing", task="mask", classes=("thing",)), **checkpoint.model.model.dense_shape()._asdict()
    ).eval()
    detector = Detector(checkpoint, {"any.thing": blind, "any.square": learnt}, CPU)
    (change,) = detect(detector, a_square_came())
    assert change.class_names == ("thing", "square+", "square-")
    assert change.class_kinds == (None, "added", "removed")
    (alone,) = detect(Detector(checkpoint, {"any.square": learnt}, CPU), a_square_came())
    assert (change.score >= alone.score - 1e-6).all()
    assert overlap(change) > 0.7


@pytest.mark.parametrize(("least", "counts"), [(100, True), (100_000, False)])
def test_a_blob_that_is_too_small_for_its_head_falls_short_of_the_threshold(
    checkpoint: Checkpoint, least: int, counts: bool
) -> None:
    head = altered(checkpoint.heads["any.square"], least_m2=least / 4, assumed_gsd_m=0.5)
    (change,) = detect(Detector(checkpoint, {"any.square": head}, CPU), a_square_came())
    (all_of_it,) = detect(Detector(checkpoint, {"any.square": checkpoint.heads["any.square"]}, CPU), a_square_came())
    found = all_of_it.score >= 0.5
    assert found.any()
    assert (change.score >= 0.5).any() == counts
    assert change.score[found].min() > 0.49  # the pair still ranks by it
    assert change.class_scores is not None
    assert (change.class_scores.max(axis=0)[found] < 0.5).all() == (not counts)
    np.testing.assert_array_equal(change.score[~found], all_of_it.score[~found])


@pytest.mark.parametrize(
    ("gsd_m", "trained", "counts"),
    [(1.0, (0.5, 1.0), True), (0.5, (0.5, 1.0), False), (None, (0.5, 1.0), False), (1.0, None, False)],
)
def test_the_smallest_thing_is_measured_on_the_ground_by_heads_that_know_their_scale(
    checkpoint: Checkpoint, gsd_m: float | None, trained: tuple[float, float] | None, counts: bool
) -> None:
    (change,) = detect(Detector(checkpoint, dict(checkpoint.heads), CPU), a_square_came())
    size = int((change.score >= 0.5).sum())
    square = checkpoint.heads["any.square"]
    head = altered(square, least_m2=size / 2, assumed_gsd_m=0.5, gsd_range_m=trained)
    (seen,) = detect(Detector(checkpoint, {"any.square": head}, CPU), a_square_came(gsd_m=gsd_m))
    assert (seen.score >= 0.5).any() == counts


def everywhere(checkpoint: Checkpoint, **config: Any) -> Head:
    """A head that marks all there is."""
    spec = HeadSpec(name="any.land", task="mask", classes=("land",))
    head = build_head(spec, **checkpoint.model.model.dense_shape()._asdict())
    with torch.no_grad():
        head.classify.weight.zero_()  # type: ignore[union-attr]
        head.classify.bias.fill_(3.0)  # type: ignore[union-attr]
    return altered(head.eval(), **config)


@pytest.mark.parametrize(("most", "yields"), [(1000.0, True), (3.0, False)])
def test_what_surrounds_the_things_of_another_head_is_left_to_it(
    checkpoint: Checkpoint, most: float, yields: bool
) -> None:
    square, land = checkpoint.heads["any.square"], everywhere(checkpoint, yields_to={"any.square": most})
    (change,) = detect(Detector(checkpoint, {"any.square": square, "any.land": land}, CPU), a_square_came())
    (alone,) = detect(Detector(checkpoint, {"any.square": square}, CPU), a_square_came())
    assert change.class_names == ("square+", "square-", "land")
    assert change.class_scores is not None
    found = alone.score >= 0.5
    assert not change.class_scores[2][found].any()  # the things themselves are left to it in any case
    if yields:
        np.testing.assert_allclose(change.score, alone.score, atol=1e-5)
    else:
        assert (change.class_scores[2][~found] > 0.9).all()


def test_a_head_yields_to_none_that_is_not_loaded(checkpoint: Checkpoint) -> None:
    land = everywhere(checkpoint, yields_to={"any.square": 1000.0})
    (change,) = detect(Detector(checkpoint, {"any.land": land}, CPU), a_square_came())
    assert (change.score > 0.9).all()


def test_a_pair_head_gives_the_pairs_confidence(checkpoint: Checkpoint) -> None:
    detector = Detector(checkpoint, dict(checkpoint.heads), CPU)
    first, second = detect(detector, a_square_came(), a_square_came(500, 330))
    for change in (first, second):
        assert change.pair_score is not None
        assert 0 < change.pair_score < 1
    assert detect(detector, a_square_came())[0].pair_score == pytest.approx(first.pair_score, abs=1e-5)


def test_of_several_pair_heads_the_surest_counts(checkpoint: Checkpoint) -> None:
    surer = altered(checkpoint.heads["any.changed"], name="any.surer")
    assert isinstance(surer, PairHead)
    with torch.no_grad():
        surer.decide[-1].bias += 5.0
    for order in (("any.changed", "any.surer"), ("any.surer", "any.changed")):
        heads = {**checkpoint.heads, "any.surer": surer}
        detector = Detector(checkpoint, {name: heads[name] for name in ("any.square", *order)}, CPU)
        (change,) = detect(detector, a_square_came())
        assert change.pair_score is not None
        assert change.pair_score > 0.9


@pytest.mark.parametrize(("gsd_m", "enlarged"), [(0.25, 0.5), (2.0, 2.0)])
def test_a_head_looks_at_a_pair_at_the_scale_that_it_was_trained_for(
    checkpoint: Checkpoint, gsd_m: float, enlarged: float
) -> None:
    head = altered(checkpoint.heads["any.square"], gsd_range_m=(0.5, 1.0))
    seen: list[tuple[int, ...]] = []
    head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].image_size))
    (change,) = detect(Detector(checkpoint, {"any.square": head}, CPU), a_square_came(120, 100, gsd_m=gsd_m))
    assert seen == [tuple(int(np.ceil(side * enlarged / 32) * 32) for side in (100, 120))]
    assert change.score.shape == (100, 120)
    assert overlap(change) > 0.5


@pytest.mark.parametrize("gsd_m", [0.7, None])
def test_a_pair_within_a_heads_range_is_not_resampled(checkpoint: Checkpoint, detector: Detector, gsd_m: float) -> None:
    head = altered(checkpoint.heads["any.square"], gsd_range_m=(0.5, 1.0))
    pair = a_square_came(gsd_m=gsd_m)
    (change,) = detect(Detector(checkpoint, {"any.square": head}, CPU), pair)
    np.testing.assert_array_equal(change.score, detect(detector, pair)[0].score)


def test_a_pair_that_is_much_too_coarse_for_all_heads_is_refused(checkpoint: Checkpoint) -> None:
    head = altered(checkpoint.heads["any.square"], gsd_range_m=(0.5, 1.0))
    message = r"scene\.tif has 10 m a pixel, .* finer images \(any\.square for 0\.5 to 1 m\): choose a head"
    with pytest.raises(UnsupportedSourceError, match=message):
        detect(Detector(checkpoint, {"any.square": head}, CPU), a_square_came(gsd_m=10))


def test_a_head_for_much_finer_images_is_left_out_of_a_pair_and_the_others_answer(
    checkpoint: Checkpoint, detector: Detector
) -> None:
    learnt = checkpoint.heads["any.square"]
    fine = altered(learnt, name="any.fine", gsd_range_m=(0.5, 1.0))
    both = Detector(checkpoint, {"any.fine": fine, "any.square": learnt}, CPU)
    coarse, near = detect(both, a_square_came(120, 100, gsd_m=10), a_square_came(120, 100, gsd_m=1))
    assert coarse.class_names == ("square+", "square-")
    assert near.class_names == ("square+", "square-") * 2
    np.testing.assert_allclose(coarse.score, detect(detector, a_square_came(120, 100))[0].score, atol=1e-5)


def test_bands_that_are_no_colours_are_refused(detector: Detector) -> None:
    pair = a_square_came()
    after = replace(pair.after, bands=("vv", "vh", "hh"))
    with pytest.raises(UnsupportedSourceError, match="no red and no green and no blue among vv, vh, hh"):
        detect(detector, replace(pair, after=after))


def test_a_plugins_mask_head_may_read_tokens(checkpoint: Checkpoint) -> None:
    class Reading(ChangeMaskHead):
        reads_tokens = True

    spec = HeadSpec(name="toy.square", task="mask", classes=("square",), build=Reading)
    head = build_head(spec, **checkpoint.model.model.dense_shape()._asdict()).eval()
    (change,) = detect(Detector(checkpoint, {spec.name: head}, CPU), a_square_came())
    assert change.class_names == ("square",)


# --- heads that do not do ---------------------------------------------------------------------------------------


def test_without_a_mask_head_it_says_which_heads_there_are(checkpoint: Checkpoint) -> None:
    message = r"heads loaded are: any\.changed \(pair\)\. .*any\.square \(mask\): name one with --head"
    with pytest.raises(CheckpointError, match=message):
        Detector(checkpoint, {"any.changed": checkpoint.heads["any.changed"]}, CPU)
    with pytest.raises(CheckpointError, match="heads loaded are: none"):
        Detector(checkpoint, {}, CPU)


def test_a_pair_head_without_the_mask_head_that_it_looks_at_is_refused(checkpoint: Checkpoint) -> None:
    shape = checkpoint.model.model.dense_shape()._asdict()
    other = build_head(HeadSpec(name="any.thing", task="mask", classes=("thing",)), **shape).eval()
    with pytest.raises(CheckpointError, match=r"do not go together: .* looks at the mask head 'any\.square'.*--head"):
        Detector(checkpoint, {"any.thing": other, "any.changed": checkpoint.heads["any.changed"]}, CPU)


# --- names ------------------------------------------------------------------------------------------------------


@pytest.fixture
def name_stuff(checkpoint: Checkpoint) -> Callable[..., Detector]:
    """With a region head whose every answer is "stuff", and removed; called with the domain's kinds."""
    spec = HeadSpec(name="any.thing", task="region", classes=("thing", "stuff"))
    head = build_head(spec, **checkpoint.model.model.dense_shape()._asdict()).eval()
    assert isinstance(head, RegionHead)
    with torch.no_grad():
        head.label.bias.copy_(torch.tensor([-20.0, 20.0]))
        head.kind.bias.copy_(torch.tensor([-20.0, 20.0, -20.0, -20.0]))

    def make(
        kinds: tuple[str, ...] = ("added", "removed", "changed"), *, alone: bool = False, sure: float = 20.0
    ) -> Detector:
        others = {} if alone else checkpoint.heads
        with torch.no_grad():
            for layer in (head.label, head.kind):
                layer.weight.zero_()
                layer.bias.copy_(layer.bias.sign() * sure)
        return Detector(checkpoint, {**others, "any.thing": head}, CPU, kinds)

    return make


def region(x0: float, y0: float, x1: float, y1: float) -> ChangeRegion:
    return ChangeRegion(score=0.9, area_px=(x1 - x0) * (y1 - y0), geometry=shapely.box(x0, y0, x1, y1))


def test_a_region_head_names_regions_of_any_size_in_their_order(name_stuff: Callable[..., Detector]) -> None:
    boxes = [(x, 10, x + 3 + x // 10, 40) for x in range(0, 200, 17)]
    named = name_stuff().label(a_square_came(), [region(*box) for box in [*boxes, (0, 0, 300, 200)]])
    assert [(found.kind, found.label) for found in named] == [("removed", "stuff")] * 13
    assert [found.geometry.bounds for found in named] == [*boxes, (0, 0, 300, 200)]


def test_a_kind_that_the_domain_does_not_have_is_not_given(name_stuff: Callable[..., Detector]) -> None:
    (named,) = name_stuff(("added", "changed")).label(a_square_came(), [region(*SQUARE)])
    assert (named.kind, named.label) == ("changed", "stuff")


def test_nothing_went_where_nothing_has_a_counterpart(name_stuff: Callable[..., Detector]) -> None:
    unmatched = np.zeros((200, 300), bool)
    unmatched[40:80] = True
    (named,) = name_stuff().label(replace(a_square_came(), unmatched_after=unmatched), [region(*SQUARE)])
    assert (named.kind, named.label) == ("changed", "stuff")


def test_of_what_it_is_not_sure_a_head_says_nothing(name_stuff: Callable[..., Detector]) -> None:
    (named,) = name_stuff(sure=0.5).label(a_square_came(), [region(*SQUARE)])
    assert (named.kind, named.label) == ("changed", "stuff")  # of two labels the likelier one; of four kinds none


@pytest.mark.parametrize(
    "known", [{"bbox_before": (70.0, 40.0, 110.0, 80.0), "kind": "moved"}, {"attributes": {"what": "colour"}}]
)
def test_what_a_detector_knows_better_stays(name_stuff: Callable[..., Detector], known: dict[str, Any]) -> None:
    found = region(*SQUARE).replace(**known)
    (named,) = name_stuff().label(a_square_came(), [found])
    assert named == found.replace(label="stuff")


def test_what_the_after_image_does_not_show_gets_no_name(name_stuff: Callable[..., Detector]) -> None:
    gone = region(60, 40, 100, 42).replace(kind="removed", bbox_before=(60.0, 41.0, 100.0, 80.0))
    named = name_stuff().label(a_square_came(), [gone, region(*SQUARE)])
    assert named[0] == gone
    assert named[1].label == "stuff"


def test_a_region_head_alone_names_what_another_detector_found(name_stuff: Callable[..., Detector]) -> None:
    alone = name_stuff(alone=True)
    (named,) = alone.label(a_square_came(), [region(*SQUARE)])
    assert named.label == "stuff"
    with pytest.raises(CheckpointError, match=r"heads loaded are: any\.thing \(region\)"):
        detect(alone, a_square_came())


def test_without_a_region_head_regions_stay_as_they_are(detector: Detector) -> None:
    regions = [region(*SQUARE)]
    assert detector.label(a_square_came(), regions) == regions
