"""The Visual Delta Module."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertLMHeadModel, BertModel

from onediff_core import OneDiffDeltaConfig, VisualDeltaModule
from onediff_core.delta import attend, fold, gated_difference, joined_difference, sine_positions
from onediff_core.tower import Tap

SIZES = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}


def make_module(memory: str = "states", channels: tuple[int, ...] = (8, 16), **fields: object) -> VisualDeltaModule:
    config = OneDiffDeltaConfig(
        **{**SIZES, "memory": memory, "num_delta_tokens": 5, "taps": (1, 2), "dense_taps": (1, 2), **fields}
    )
    module = VisualDeltaModule(config, dict(enumerate(channels, start=1)))
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def make_taps(pairs: int = 2, *, prefix: int = 0, knows_places: bool = False) -> dict[int, Tap]:
    """A fine and a coarse level of maps of 32 x 64 pixels."""
    return {
        k: Tap(
            states=torch.randn(pairs, 2, prefix + h * w, channels),
            grid=(h, w),
            prefix=prefix,
            mask=None,
            knows_places=knows_places,
        )
        for k, (channels, h, w) in enumerate(((8, 4, 8), (16, 2, 4)), start=1)
    }


def changed(tap: Tap, **fields: object) -> Tap:
    return Tap(
        **{**{name: getattr(tap, name) for name in ("states", "grid", "prefix", "mask", "knows_places")}, **fields}
    )


# --- on tensors ---


def test_attention_is_torchs_own() -> None:
    theirs = nn.MultiheadAttention(24, 4, batch_first=True).eval()
    q, k = torch.randn(2, 5, 24), torch.randn(2, 7, 24)
    mask = torch.rand(2, 7) > 0.3
    mask[:, 0] = True
    expected, _ = theirs(q, k, k, key_padding_mask=~mask)
    wq, wk, wv = theirs.in_proj_weight.chunk(3)
    ours = theirs.out_proj(attend(q @ wq.T, k @ wk.T, k @ wv.T, heads=4, mask=mask))
    assert torch.allclose(ours, expected, atol=1e-5)


def test_attention_and_gate_have_right_gradients() -> None:
    q, k, v = (torch.randn(1, 3, 4, dtype=torch.double, requires_grad=True) for _ in range(3))
    assert torch.autograd.gradcheck(lambda *given: attend(*given, heads=2), (q, k, v))
    mask = torch.tensor([[True, False, True]])
    assert torch.autograd.gradcheck(lambda *given: attend(*given, heads=2, mask=mask), (q, k, v))
    gate, project = nn.Linear(8, 4).double(), nn.Linear(12, 4).double()
    assert torch.autograd.gradcheck(lambda a, b: gated_difference(a, b, gate, project), (q, k))
    assert torch.autograd.gradcheck(joined_difference, (q, k))


def test_keys_that_nobody_may_read_get_no_gradient() -> None:
    q, k, v = (torch.randn(1, 3, 4, requires_grad=True) for _ in range(3))
    attend(q, k, v, heads=2, mask=torch.tensor([[True, True, False]])).sum().backward()
    assert v.grad is not None
    assert v.grad[0, :2].all()
    assert not v.grad[0, 2].any()


def test_the_gate_follows_its_formula() -> None:
    gate, project = nn.Linear(6, 3), nn.Linear(9, 3)
    a, b = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    opened = 1 / (1 + torch.exp(-(torch.cat([a, b], -1) @ gate.weight.T + gate.bias)))
    expected = torch.cat([opened * a, opened * b, opened * a - opened * b], -1) @ project.weight.T + project.bias
    assert torch.allclose(gated_difference(a, b, gate, project), expected, atol=1e-6)


def test_a_joined_difference_keeps_who_is_who_and_is_zero_where_nothing_differs() -> None:
    a = torch.randn(2, 4, 3)
    joined = joined_difference(a, a)
    assert torch.equal(joined, torch.cat([a, a, torch.zeros_like(a)], -1))
    b = torch.randn(2, 4, 3)
    assert torch.equal(joined_difference(a, b)[..., 6:], joined_difference(b, a)[..., 6:])
    assert not torch.equal(joined_difference(a, b)[..., :6], joined_difference(b, a)[..., :6])


def test_positions_tell_all_cells_apart_and_agree_between_levels() -> None:
    fine, coarse = sine_positions((8, 6), (128, 96), 32), sine_positions((4, 3), (128, 96), 32)
    assert fine.shape == (48, 32)
    assert torch.cdist(fine, fine).fill_diagonal_(1).min() > 0.01
    nearest = torch.cdist(coarse, fine).argmin(dim=1)
    expected = [(2 * y, 2 * x) for y in range(4) for x in range(3)]
    found = [(int(index) // 6, int(index) % 6) for index in nearest]
    assert all(abs(a - c) <= 1 and abs(b - d) <= 1 for (a, b), (c, d) in zip(found, expected, strict=True))


def test_positions_do_not_depend_on_padding() -> None:
    small, padded = sine_positions((2, 3), (32, 48), 16), sine_positions((4, 4), (64, 64), 16)
    assert torch.allclose(padded.view(4, 4, 16)[:2, :3], small.view(2, 3, 16))


def test_cells_fold_row_by_row() -> None:
    cells = torch.arange(6.0)[None, :, None]
    assert fold(cells, (2, 3)).tolist() == [[[[0, 1, 2], [3, 4, 5]]]]


# --- the module ---


@pytest.mark.parametrize("memory", ["states", "gated"])
@pytest.mark.parametrize("prefix", [0, 2])
@pytest.mark.parametrize("pairs", [1, 3])
def test_there_is_a_token_for_each_query_and_a_map_for_each_tap(memory: str, prefix: int, pairs: int) -> None:
    features = make_module(memory)(make_taps(pairs, prefix=prefix), (32, 64))
    assert features.tokens.shape == (pairs, 5, 24)
    factor = 3 if memory == "states" else 1
    assert [tuple(level.shape) for level in features.dense] == [(pairs, 8 * factor, 4, 8), (pairs, 16 * factor, 2, 4)]
    assert features.image_size == (32, 64)
    assert features.image_mask is None


@pytest.mark.parametrize("memory", ["states", "gated"])
def test_maps_may_be_of_levels_that_the_queries_do_not_read(memory: str) -> None:
    module, taps = make_module(memory, taps=(2,), dense_taps=(1, 2)), make_taps()
    features = module(taps, (32, 64))
    assert [level.shape[2:] for level in features.dense] == [(4, 8), (2, 4)]
    other = {**taps, 1: changed(taps[1], states=taps[1].states + 1 + torch.randn_like(taps[1].states))}
    assert torch.equal(module(other, (32, 64)).tokens, features.tokens)
    assert not torch.equal(module(other, (32, 64)).dense[0], features.dense[0])


@pytest.mark.parametrize("memory", ["states", "gated"])
def test_swapping_the_images_is_another_input(memory: str) -> None:
    module, taps = make_module(memory), make_taps()
    swapped = {k: changed(tap, states=tap.states.flip(1)) for k, tap in taps.items()}
    one, two = module(taps, (32, 64)), module(swapped, (32, 64))
    assert (one.tokens - two.tokens).abs().max() > 1e-3
    assert (one.dense[0] - two.dense[0]).abs().max() > 1e-2


@pytest.mark.parametrize("memory", ["states", "gated"])
@pytest.mark.parametrize("knows_places", [True, False])
def test_where_something_is_matters_unless_the_tower_has_told(memory: str, knows_places: bool) -> None:
    module, taps = make_module(memory), make_taps(knows_places=knows_places)
    turned = {k: changed(tap, states=tap.states.flip(2)) for k, tap in taps.items()}
    same = torch.allclose(module(taps, (32, 64)).tokens, module(turned, (32, 64)).tokens, atol=1e-5)
    assert same is knows_places


@pytest.mark.parametrize("memory", ["states", "gated"])
@pytest.mark.parametrize("prefix", [0, 1])
def test_what_lies_in_padding_is_never_read(memory: str, prefix: int) -> None:
    module, taps = make_module(memory), make_taps(1, prefix=prefix)
    masked, poisoned = {}, {}
    for k, tap in taps.items():
        mask = torch.zeros(1, *tap.grid, dtype=torch.bool)
        mask[:, : tap.grid[0] // 2] = True
        masked[k] = changed(tap, mask=mask)
        states = tap.states.clone()
        states[:, :, prefix + tap.grid[0] // 2 * tap.grid[1] :] = 99
        poisoned[k] = changed(masked[k], states=states)
    one, two = module(masked, (32, 64)), module(poisoned, (32, 64))
    assert torch.allclose(one.tokens, two.tokens, atol=1e-6)
    for level in two.dense:
        assert not level[:, :, level.shape[2] // 2 :].any()
        assert level[:, :, : level.shape[2] // 2].any()


@pytest.mark.parametrize("memory", ["states", "gated"])
@pytest.mark.parametrize("padded", [False, True])
def test_gradients_are_those_of_finite_differences(memory: str, padded: bool) -> None:
    module = make_module(memory, hidden_size=8, num_attention_heads=2, intermediate_size=8, channels=(3, 4)).double()
    grids = {1: (2, 4), 2: (1, 2)}

    def run(fine: torch.Tensor, coarse: torch.Tensor) -> tuple[torch.Tensor, ...]:
        taps = {}
        for k, states in ((1, fine), (2, coarse)):
            mask = torch.ones(1, *grids[k], dtype=torch.bool)
            mask[..., grids[k][1] // 2 :] = not padded
            taps[k] = Tap(states=states, grid=grids[k], prefix=0, mask=mask if padded else None, knows_places=False)
        features = module(taps, (32, 64))
        return features.tokens, *features.dense

    states = [torch.randn(1, 2, cells, channels, dtype=torch.double) for cells, channels in ((8, 3), (2, 4))]
    assert torch.autograd.gradcheck(run, tuple(state.requires_grad_() for state in states))


def test_dropout_acts_in_training_only() -> None:
    module, taps = make_module(dropout=0.5), make_taps()
    assert torch.equal(module(taps, (32, 64)).tokens, module(taps, (32, 64)).tokens)
    module.train()
    assert not torch.equal(module(taps, (32, 64)).tokens, module(taps, (32, 64)).tokens)


# --- from BERT ---


def test_layers_start_as_those_of_bert() -> None:
    bert = BertModel(BertConfig(**SIZES, vocab_size=20, hidden_dropout_prob=0, attention_probs_dropout_prob=0)).eval()
    module = make_module()
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    missing = module.load_bert(bert)
    assert {"delta_tokens", "time", "level", "memory_projections.0.weight"} <= set(missing)
    assert all(name in missing for name in before if "cross_" in name)
    assert not any("self_" in name for name in missing)
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name]) is (name in missing), name
    # A layer without its cross-attention computes what BERT's does.
    tokens = torch.randn(2, 5, 24)
    layer, theirs = module.layers[0], bert.encoder.layer[0](tokens)
    x = layer.self_norm(tokens + layer.self_attention(tokens, tokens))
    ours = layer.norm(x + layer.down(functional.gelu(layer.up(x))))
    assert torch.allclose(ours, theirs[0] if isinstance(theirs, tuple) else theirs, atol=1e-5)


def test_a_bert_that_was_a_decoder_gives_its_cross_attention_too() -> None:
    bert = BertLMHeadModel(BertConfig(**SIZES, vocab_size=20, is_decoder=True, add_cross_attention=True))
    module = make_module()
    assert not any("cross_" in name for name in module.load_bert(bert.state_dict()))
    theirs = bert.bert.encoder.layer[1].crossattention.self.query.weight
    assert torch.equal(module.layers[1].cross_attention.query.weight, theirs)


def test_a_bert_of_another_width_or_with_too_few_layers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"is \(32.*, but .* is \(24"):
        make_module().load_bert(BertModel(BertConfig(**{**SIZES, "hidden_size": 32}, vocab_size=20)))
    with pytest.raises(ValueError, match="takes its first 2 layers"):
        make_module().load_bert(BertModel(BertConfig(**{**SIZES, "num_hidden_layers": 1}, vocab_size=20)))
