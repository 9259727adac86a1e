"""The Visual Delta Module: learned delta tokens ask the tower's states of both images what differs.

The functions do the work on tensors; the modules below hold the weights.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from transformers.modeling_layers import GradientCheckpointingLayer

from onediff_core.features import DeltaFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from onediff_core.configuration_onediff import OneDiffDeltaConfig
    from onediff_core.tower import Size, Tap

# Positions of maps are counted in steps of this many pixels, so that the fastest wave still turns slowly from one cell
# of a fine map to the next.
_STEP_PX = 16


# --- on tensors ---


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, heads: int, mask: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """Scaled dot-product attention with several heads.

    Args:
        query: (B, Q, D).
        key: (B, K, D).
        value: (B, K, D).
        heads: number of heads, which divides D.
        mask: (B, K) bool, False for keys that nobody may read.
        dropout: probability of dropping an attention weight.

    Returns:
        (B, Q, D).
    """
    query, key, value = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query, key, value)
    )  # (B, h, *, d)
    allowed = None if mask is None else mask[:, None, None, :]  # (B, 1, 1, K)
    found = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed, dropout_p=dropout)
    return found.transpose(1, 2).flatten(2)


def gated_difference(before: Tensor, after: Tensor, gate: nn.Module, project: nn.Module) -> Tensor:
    """Difference of two states under a gate that both of them set.

    l = sigmoid(W [F1|F2]) and dF = W_p [F1'|F2'|F1'-F2'] with F' = l * F.

    Args:
        before: (..., C), F1.
        after: (..., C), F2.
        gate: W, from 2C to C.
        project: W_p, from 3C to C.

    Returns:
        (..., C), dF.

    Source: Hu et al., "M3Diff", ICCV 2025. That one gate serves both states is our reading of it.
    """
    opened = torch.sigmoid(gate(torch.cat([before, after], dim=-1)))
    before, after = opened * before, opened * after
    found: Tensor = project(torch.cat([before, after, before - after], dim=-1))
    return found


def joined_difference(before: Tensor, after: Tensor) -> Tensor:
    """Both states and how far they are apart, nothing learned: (..., C) twice -> (..., 3C), as [F1|F2||F1-F2|]."""
    return torch.cat([before, after, (before - after).abs()], dim=-1)


def sine_positions(grid: Size, image_size: Size, width: int) -> Tensor:
    """Sines and cosines of where each cell of a grid lies, half of the channels for y and half for x.

    Args:
        grid: (h, w) cells.
        image_size: (H, W) in pixels of the image that they cover. Cells of maps of different strides that cover the
            same place get nearly the same position.
        width: channels D, a multiple of 4.

    Returns:
        (h*w, D) float32, in [-1, 1].

    Source: Carion et al., "End-to-end object detection with transformers", ECCV 2020, section A.4.
    """
    waves = torch.exp(torch.arange(0, width // 2, 2) * (-math.log(10_000) / (width // 2)))  # (D/4,)
    axes = []
    for cells, pixels in zip(grid, image_size, strict=True):
        angles = ((torch.arange(cells) + 0.5) * (pixels / cells / _STEP_PX))[:, None] * waves  # (cells, D/4)
        axes.append(torch.cat([angles.sin(), angles.cos()], dim=1))  # (cells, D/2)
    y, x = axes
    return torch.cat([y[:, None].expand(*grid, -1), x[None].expand(*grid, -1)], dim=2).flatten(0, 1)


def fold(cells: Tensor, grid: Size) -> Tensor:
    """A row of cells as a map: (B, h*w, C) -> (B, C, h, w)."""
    folded: Tensor = cells.transpose(1, 2).unflatten(2, grid)
    return folded


# --- with weights ---


class DeltaAttention(nn.Module):
    """Attention with BERT's four projections."""

    def __init__(self, config: OneDiffDeltaConfig) -> None:
        """All four keep the width D."""
        super().__init__()
        self.heads = config.num_attention_heads
        self.dropout = config.dropout
        self.query, self.key, self.value, self.output = (
            nn.Linear(config.hidden_size, config.hidden_size) for _ in range(4)
        )

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, Q, D) asks (B, K, D) under a mask (B, K): (B, Q, D)."""
        dropout = self.dropout if self.training else 0.0
        query, key, value = self.query(tokens), self.key(memory), self.value(memory)
        found: Tensor = self.output(attend(query, key, value, heads=self.heads, mask=mask, dropout=dropout))
        return found


class DeltaLayer(GradientCheckpointingLayer):
    """Self-attention of the delta tokens, cross-attention to the memory, feed-forward; post-normalised, as BERT is."""

    def __init__(self, config: OneDiffDeltaConfig) -> None:
        """One layer."""
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.self_attention, self.cross_attention = DeltaAttention(config), DeltaAttention(config)
        self.self_norm, self.cross_norm, self.norm = (nn.LayerNorm(width, eps=eps) for _ in range(3))
        self.up, self.down = nn.Linear(width, config.intermediate_size), nn.Linear(config.intermediate_size, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, Q, D) asks (B, K, D) under a mask (B, K): (B, Q, D)."""
        tokens = self.self_norm(tokens + self.dropout(self.self_attention(tokens, tokens)))
        tokens = self.cross_norm(tokens + self.dropout(self.cross_attention(tokens, memory, mask)))
        tokens = self.norm(tokens + self.dropout(self.down(functional.gelu(self.up(tokens)))))
        return tokens


class VisualDeltaModule(nn.Module):
    """Delta tokens that ask the tower's states of both images, and dense delta features beside them."""

    def __init__(self, config: OneDiffDeltaConfig, channels: Mapping[int, int]) -> None:
        """Weights for a tower whose layers or stages have the given channels; those of `config.levels` at least."""
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.config = config
        self.taps, self.dense_taps = config.taps or (), config.dense_taps or ()
        # Differences are made of every level; the memory is made of the taps.
        self.levels = config.levels
        self.delta_tokens = nn.Parameter(torch.empty(config.num_delta_tokens, width))
        self.level = nn.Parameter(torch.empty(len(self.taps), width))
        if config.memory == "states":
            self.time = nn.Parameter(torch.empty(2, width))  # before, after
        else:
            self.gates = nn.ModuleList(nn.Linear(2 * channels[k], channels[k]) for k in self.levels)
            self.differences = nn.ModuleList(nn.Linear(3 * channels[k], channels[k]) for k in self.levels)
        # Hidden states in the middle of a tower are not normalised, and a few of their channels are huge.
        self.memory_norms = nn.ModuleList(nn.LayerNorm(channels[k], eps=eps) for k in self.taps)
        self.memory_projections = nn.ModuleList(nn.Linear(channels[k], width) for k in self.taps)
        self.norm = nn.LayerNorm(width, eps=eps)
        self.layers = nn.ModuleList(DeltaLayer(config) for _ in range(config.num_hidden_layers))

    def forward(self, taps: Mapping[int, Tap], image_size: Size, image_mask: Tensor | None = None) -> DeltaFeatures:
        """What differs between the images of each pair.

        Args:
            taps: what the tower knew, by layer or stage; those of `config.levels` at least.
            image_size: (H, W) of the padded images.
            image_mask: (B, H, W) bool, False in padding; handed on.
        """
        differences = self.read(taps)  # each (B, h*w, C_k)
        dense = self.dense(taps, differences)
        if self.config.num_delta_tokens:
            tokens = self._ask(taps, differences, image_size)
        else:
            tokens = dense[0].new_zeros(len(dense[0]), 0, self.config.hidden_size)  # nobody asks
        return DeltaFeatures(tokens=tokens, dense=dense, image_size=image_size, image_mask=image_mask)

    def _ask(self, taps: Mapping[int, Tap], differences: Mapping[int, Tensor], image_size: Size) -> Tensor:
        """The delta tokens (B, Q, D), once they have read the memory."""
        memory, masks = [], []
        for level, k in enumerate(self.taps):
            tap = taps[k]
            # Two images, or one difference of them: (B, 2 or 1, P + h*w, C_k).
            states = tap.states if self.config.memory == "states" else differences[k][:, None]
            prefix = states.shape[2] - tap.grid[0] * tap.grid[1]
            read = self.memory_projections[level](self.memory_norms[level](states)) + self.level[level]  # (B, n, T, D)
            if self.config.memory == "states":
                read = read + self.time[:, None]
            if not tap.knows_places:
                places = sine_positions(tap.grid, image_size, self.config.hidden_size).to(read)  # (h*w, D)
                read = read + functional.pad(places, (0, 0, prefix, 0))
            memory.append(read.flatten(1, 2))  # (B, n*T, D)
            if tap.mask is not None:
                masks.append(functional.pad(tap.mask.flatten(1), (prefix, 0), value=True).repeat(1, states.shape[1]))
        tokens: Tensor = self.norm(self.delta_tokens).expand(len(memory[0]), -1, -1)  # (B, Q, D)
        keys, mask = torch.cat(memory, dim=1), torch.cat(masks, dim=1) if masks else None
        for layer in self.layers:
            tokens = layer(tokens, keys, mask)
        return tokens

    def read(self, taps: Mapping[int, Tap]) -> dict[int, Tensor]:
        """How the cells of each level differ, each (B, h*w, C_k): 3 C of the tower's for "states", C for "gated"."""
        found = {}
        for level, k in enumerate(self.levels):
            before, after = taps[k].cells.unbind(1)  # each (B, h*w, C)
            if self.config.memory == "states":
                found[k] = joined_difference(before, after)
            else:
                found[k] = gated_difference(before, after, self.gates[level], self.differences[level])
        return found

    def dense(self, taps: Mapping[int, Tap], differences: Mapping[int, Tensor]) -> tuple[Tensor, ...]:
        """The differences of the dense taps as maps, finest first, each (B, C_k, h, w), 0 in padding."""
        maps = [(fold(differences[k], taps[k].grid), taps[k].mask) for k in self.dense_taps]
        return tuple(found if mask is None else found * mask[:, None] for found, mask in maps)

    @torch.no_grad()
    def load_bert(self, bert: nn.Module | Mapping[str, Tensor]) -> tuple[str, ...]:
        """Start from the first layers of a BERT checkpoint, as the paper does.

        Args:
            bert: a BertModel, a model that holds one as `bert`, or the state dict of either. Cross-attention is taken
                too where it has any (a BERT that was trained as a decoder).

        Returns:
            Names of the weights here that BERT has nothing for; they stay as they were.

        Raises:
            ValueError: BERT has too few layers, or another width.
        """
        given = bert.state_dict() if isinstance(bert, nn.Module) else bert
        source = {name.removeprefix("bert."): weight for name, weight in given.items()}
        missing = []
        for name, weight in self.state_dict(keep_vars=True).items():
            theirs = bert_name(name)
            if theirs not in source:
                if theirs is not None and ".crossattention." not in theirs:
                    raise ValueError(
                        f"the BERT checkpoint has no {theirs!r}: the delta module takes its first "
                        f"{self.config.num_hidden_layers} layers"
                    )
                missing.append(name)
            elif source[theirs].shape != weight.shape:
                raise ValueError(
                    f"{theirs!r} of the BERT checkpoint is {tuple(source[theirs].shape)}, but {name!r} is "
                    f"{tuple(weight.shape)}: set delta_config to its sizes"
                )
            else:
                weight.copy_(source[theirs])
        return tuple(missing)


# Parts of a layer here, and in BERT.
_BERT_PARTS = {
    "self_attention.query": "attention.self.query",
    "self_attention.key": "attention.self.key",
    "self_attention.value": "attention.self.value",
    "self_attention.output": "attention.output.dense",
    "self_norm": "attention.output.LayerNorm",
    "cross_attention.query": "crossattention.self.query",
    "cross_attention.key": "crossattention.self.key",
    "cross_attention.value": "crossattention.self.value",
    "cross_attention.output": "crossattention.output.dense",
    "cross_norm": "crossattention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}


def bert_name(name: str) -> str | None:
    """Name in a BertModel of a weight of the delta module, or None for what BERT does not have."""
    if name.startswith("norm."):
        return name.replace("norm.", "embeddings.LayerNorm.")
    if not name.startswith("layers."):
        return None
    _, index, rest = name.split(".", 2)
    part, _, kind = rest.rpartition(".")
    return f"encoder.layer.{index}.{_BERT_PARTS[part]}.{kind}"
