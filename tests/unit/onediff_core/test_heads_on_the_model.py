"""The parts together: our own tower, the delta module, and heads that are trained on them and saved apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from onediff_core import OneDiffModel
from onediff_core.errors import CheckpointError
from onediff_core.heads import HeadSet, build_head, fingerprint, load_head
from onediff_core.losses import binary_cross_entropy
from onediff_plugins.specs import HeadSpec

from .conftest import DELTA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onediff_core import OneDiffConfig

BUILDING = HeadSpec(name="satellite.building", task="mask", classes=("building",))
CHANGED = HeadSpec(name="any.changed", task="pair", classes=("changed",))


@pytest.fixture
def base(make_config: Callable[..., OneDiffConfig]) -> OneDiffModel:
    torch.manual_seed(0)
    return OneDiffModel(make_config("efficientnet_lite")).eval()


def heads_for(base: OneDiffModel) -> HeadSet:
    with torch.no_grad():
        dense = base(torch.zeros(1, 2, 3, 64, 64)).delta.dense
    shape = {
        "channels": [level.shape[1] for level in dense],
        "strides": [64 // level.shape[3] for level in dense],
        "token_size": DELTA["hidden_size"],
    }
    return HeadSet([build_head(BUILDING, **shape), build_head(CHANGED, **shape, evidence="satellite.building")])


def a_house(side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, 2, 3, H, W) with a bright square that came, and its mask (1, 1, H, W)."""
    pairs, mask = torch.zeros(1, 2, 3, side, side), torch.zeros(1, 1, side, side)
    mask[..., 16:48, 16:48] = 1
    pairs[:, 1] += 2 * mask
    return pairs, mask


def test_only_heads_learn_and_they_learn_where_what_came_is(base: OneDiffModel) -> None:
    pairs, mask = a_house()
    heads, before = heads_for(base), fingerprint(base)
    optimizer = torch.optim.AdamW(heads.parameters(), lr=1e-2)
    heads.train()
    for _ in range(40):
        logits = heads(base(pairs).delta)[BUILDING.name]
        loss = binary_cross_entropy(logits, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = logits > 0
    assert (found & (mask > 0)).sum() / (found | (mask > 0)).sum() > 0.9
    assert fingerprint(base) == before
    assert all(weight.grad is None for weight in base.parameters())


def test_a_head_goes_on_with_its_base_and_with_no_other(
    base: OneDiffModel, make_config: Callable[..., OneDiffConfig], tmp_path: Path
) -> None:
    pairs, _ = a_house()
    heads = heads_for(base).eval()
    with torch.no_grad():
        expected = heads(base(pairs).delta)[BUILDING.name]
    heads[BUILDING.name].save_pretrained(tmp_path / "building", base_fingerprint=fingerprint(base))
    base.save_pretrained(tmp_path / "base")

    again = OneDiffModel.from_pretrained(tmp_path / "base").eval()
    head = load_head(tmp_path / "building", base_fingerprint=fingerprint(again), spec=BUILDING).eval()
    with torch.no_grad():
        assert torch.equal(head(again(pairs).delta), expected)
    torch.manual_seed(1)
    other = OneDiffModel(make_config("efficientnet_lite"))
    with pytest.raises(CheckpointError, match=fingerprint(base)[:12]):
        load_head(tmp_path / "building", base_fingerprint=fingerprint(other))
