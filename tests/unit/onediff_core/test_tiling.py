"""Tiles: exact cover, no seams, and the same answer in whatever order and batches they come."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from onediff_core.tiling import Scene, plan_tiles, predict_tiled

sides = st.integers(1, 90)
plans = st.tuples(st.integers(1, 40), st.floats(0, 0.5)).map(lambda drawn: (drawn[0], int(drawn[0] * drawn[1])))


def toy(before, after):
    """A translation-equivariant network that sees two pixels around each."""
    kernel = torch.tensor([1.0, 4, 6, 4, 1])
    kernel = (kernel[:, None] * kernel / 256)[None, None]
    return functional.conv2d((after - before).abs().mean(1, keepdim=True), kernel, padding=2)


def scene(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Scene.of(
        torch.rand(3, height, width, generator=generator), torch.rand(3, height, width, generator=generator)
    )


def untiled(pair):
    before, after = pair.cut(plan_tiles(pair.height, pair.width, window=10_000, overlap=0)[0].box)
    return toy(before[None], after[None])[0]


@given(height=sides, width=sides, plan=plans)
def test_tiles_lie_inside_have_one_size_and_cover_every_pixel(height, width, plan):
    window, overlap = plan
    tiles = plan_tiles(height, width, window=window, overlap=overlap)
    covered = torch.zeros(height, width)
    for tile in tiles:
        box = tile.box
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
        assert (box.height, box.width) == (min(window, height), min(window, width))
        covered[box.slices] += 1
    assert (covered >= 1).all()


@given(height=sides, width=sides, plan=plans)
def test_weights_are_positive_and_sum_to_one_at_every_pixel(height, width, plan):
    total = torch.zeros(height, width, dtype=torch.float64)
    for tile in plan_tiles(height, width, window=plan[0], overlap=plan[1]):
        weight = tile.rows[:, None] * tile.columns
        assert (weight > 0).all()
        total[tile.box.slices] += weight
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@given(length=st.integers(41, 300), overlap=st.integers(1, 20))
def test_neighbours_overlap_by_at_least_what_was_asked(length, overlap):
    starts = [tile.box.x0 for tile in plan_tiles(5, length, window=40, overlap=overlap)]
    assert all(first + 40 - second >= overlap for first, second in itertools.pairwise(starts))


def test_a_weight_falls_as_a_squared_cosine_towards_a_neighbour_only():
    first, second = plan_tiles(1, 12, window=8, overlap=4)
    expected = torch.cos((torch.arange(4) + 0.5) / 4 * torch.pi / 2) ** 2
    torch.testing.assert_close(first.columns, torch.cat([torch.ones(4), expected]).double())
    torch.testing.assert_close(second.columns, first.columns.flip(0))


@settings(max_examples=25)
@given(height=sides, width=sides, plan=plans, value=st.floats(0, 1))
def test_a_constant_answer_stays_constant(height, width, plan, value):
    def constant(before, after):
        return torch.full((len(after), 2, *after.shape[2:]), value)

    (answer,) = predict_tiled(constant, [scene(height, width)], window=plan[0], overlap=plan[1], batch_size=50)
    torch.testing.assert_close(answer, torch.full((2, height, width), value), rtol=1e-5, atol=1e-6)


@settings(max_examples=25)
@given(height=st.integers(30, 90), width=st.integers(30, 90), overlap=st.integers(8, 12))
def test_an_equivariant_network_that_sees_enough_says_the_same_tiled(height, width, overlap):
    pair = scene(height, width)

    (tiled,) = predict_tiled(toy, [pair], window=24, overlap=overlap)
    away = torch.ones(height, width, dtype=torch.bool)  # from the edges of all windows that see a pixel
    for tile in plan_tiles(height, width, window=24, overlap=overlap):
        edge = torch.ones(tile.box.height, tile.box.width, dtype=torch.bool)
        edge[2:-2, 2:-2] = False
        away[tile.box.slices] &= ~edge
    assert away.any()
    torch.testing.assert_close(tiled[0][away], untiled(pair)[0][away], rtol=0, atol=1e-6)


def test_the_taper_hides_what_windows_do_not_see_at_their_edges():
    pair = scene(64, 192)
    (blended,) = predict_tiled(toy, [pair], window=64, overlap=24)
    (butted,) = predict_tiled(toy, [pair], window=64, overlap=0)
    inner = (slice(2, -2), slice(2, -2))
    worst = [(answer[0] - untiled(pair)[0])[inner].abs().max() for answer in (blended, butted)]
    assert worst[0] < 0.1 * worst[1]


def test_an_image_within_the_window_is_one_pass_bit_for_bit():
    pair = scene(50, 61)
    (answer,) = predict_tiled(toy, [pair], window=64, overlap=16)
    assert torch.equal(answer, untiled(pair))


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_the_batch_size_changes_nothing_and_pairs_keep_their_order(batch_size):
    pairs = [scene(70, 50, 1), scene(20, 90, 2), scene(10, 10, 3), scene(64, 64, 4)]
    answers = list(predict_tiled(toy, pairs, window=32, overlap=8, batch_size=batch_size))
    singly = [next(predict_tiled(toy, [pair], window=32, overlap=8, batch_size=1)) for pair in pairs]
    for pair, answer, alone in zip(pairs, answers, singly, strict=True):
        assert answer.shape == (1, pair.height, pair.width)
        torch.testing.assert_close(answer, alone, rtol=0, atol=1e-5)


def test_the_order_of_the_tiles_changes_nothing(monkeypatch):
    pair = scene(90, 80)
    (forward,) = predict_tiled(toy, [pair], window=32, overlap=12)
    monkeypatch.setattr("onediff_core.tiling.plan_tiles", lambda *args, **kwargs: plan_tiles(*args, **kwargs)[::-1])
    (backward,) = predict_tiled(toy, [pair], window=32, overlap=12)
    torch.testing.assert_close(forward, backward, rtol=0, atol=1e-5)


def test_tiles_of_several_pairs_share_a_batch():
    batches = []

    def network(before, after):
        batches.append(len(after))
        return toy(before, after)

    list(predict_tiled(network, [scene(32, 80, seed) for seed in range(4)], window=32, overlap=8, batch_size=5))
    assert batches == [5, 5, 2]  # four pairs of three tiles


def test_windows_are_cut_and_scenes_asked_for_only_when_their_turn_comes():
    cuts = []

    def lazy():
        for index in range(3):
            whole = scene(32, 320, index)

            def cut(box, whole=whole, index=index):
                cuts.append(index)
                return whole.cut(box)

            yield Scene(height=32, width=320, cut=cut)

    answers = predict_tiled(toy, lazy(), window=32, overlap=0, batch_size=4)
    next(answers)
    assert cuts == [0] * 10 + [1] * 2  # three batches of four, and no more
    next(answers)
    assert len(cuts) == 20


def test_a_network_of_another_shape_and_a_wrong_plan_are_refused():
    with pytest.raises(ValueError, match=r"must answer \(1, K, 10, 10\), got \(1, 1, 5, 5\)"):
        next(predict_tiled(lambda before, after: torch.zeros(1, 1, 5, 5), [scene(10, 10)]))
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        next(predict_tiled(toy, [scene(10, 10)], batch_size=0))
    with pytest.raises(ValueError, match="got 33 and window 64"):
        plan_tiles(10, 10, window=64, overlap=33)
    with pytest.raises(ValueError, match="0 x 10 pixels"):
        plan_tiles(0, 10)
    with pytest.raises(ValueError, match=r"got \(3, 4, 4\) and \(3, 4, 5\)"):
        Scene.of(torch.zeros(3, 4, 4), torch.zeros(3, 4, 5))


def test_no_scene_gives_no_answer():
    assert list(predict_tiled(toy, [])) == []
