"""What all heads share: a configuration, a check of what they are fed, and their folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from torch import nn

from onediff_core.errors import CheckpointError
from onediff_core.heads.files import read_config, read_weights, write_head

if TYPE_CHECKING:
    import os

    from onediff_core.features import DeltaFeatures
    from onediff_core.heads.config import HeadConfig, Task


class Head(nn.Module):
    """A head on delta features. Subclasses set `task` and define `forward` and what else is asked of it.

    | task | `forward` | from its logits |
    | --- | --- | --- |
    | mask | features -> (B, C, H, W) | `score` (B, H, W) and `probabilities` (B, K, H, W), both in [0, 1] |
    | region | features, boxes -> logits of any form | `answers`, a RegionAnswer for each box |
    | pair | features, score of the mask head `config.evidence` or None -> (B,) | `score` (B,) in [0, 1] |

    Attributes:
        task: the task of the configurations that it takes.
        reads_tokens: False for heads on dense maps alone, which take features whose tokens were never computed.
        config: what it is made of.
    """

    task: ClassVar[Task]
    reads_tokens: ClassVar[bool] = True

    def __init__(self, config: HeadConfig) -> None:
        """Keep the configuration.

        Args:
            config: of this head's task.
        """
        super().__init__()
        if config.task != self.task:
            raise ValueError(
                f"{type(self).__name__} is for the task {self.task!r}, {config.name!r} is a {config.task!r} head"
            )
        self.config = config

    def checked(self, features: DeltaFeatures) -> DeltaFeatures:
        """The features in the head's own dtype.

        Raises:
            ValueError: their shapes are not those that the head was made for.
        """
        config, owner = self.config, f"head {self.config.name!r}"
        shapes = [tuple(level.shape) for level in features.dense]
        batch = shapes[0][0] if shapes else 0
        if [shape[:2] for shape in shapes] != [(batch, channels) for channels in config.channels]:
            raise ValueError(f"{owner}: dense maps must be (B, C, H, W) with C = {list(config.channels)}, got {shapes}")
        if not batch:
            raise ValueError(f"{owner}: there is no pair in the features, whose dense maps are {shapes}")
        tokens = tuple(features.tokens.shape)
        if self.reads_tokens and (
            len(tokens) != 3 or (tokens[0], tokens[2]) != (batch, config.token_size) or not tokens[1]
        ):
            raise ValueError(f"{owner}: tokens must be ({batch}, Q, {config.token_size}), Q at least 1, got {tokens}")
        mask = features.image_mask
        if mask is not None and tuple(mask.shape) != (batch, *features.image_size):
            raise ValueError(f"{owner}: image_mask must be {(batch, *features.image_size)}, got {tuple(mask.shape)}")
        dtype = next(self.parameters()).dtype
        return replace(
            features,
            tokens=features.tokens.to(dtype),
            dense=tuple(level.to(dtype) for level in features.dense),
        )

    def save_pretrained(self, folder: str | os.PathLike[str], *, base_fingerprint: str) -> None:
        """Write `config.json` and `model.safetensors`.

        Args:
            folder: made where it is missing.
            base_fingerprint: digest of the base that this head was trained on; see `fingerprint`.
        """
        write_head(Path(folder), self.config, self.state_dict(), base_fingerprint)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], *, base_fingerprint: str) -> Self:
        """Load a head for inference (in `eval` mode, in the dtype that it was saved in).

        Args:
            folder: as `save_pretrained` wrote it.
            base_fingerprint: digest of the base that it is to run on.

        Raises:
            CheckpointError: another base (both fingerprints are named), another task, missing or extra keys, a pickle,
                or files that are missing or damaged.
        """
        config = read_config(Path(folder), base_fingerprint)
        try:
            head = cls(config)
        except ValueError as error:
            raise CheckpointError(f"{folder}: {error}") from error
        read_weights(Path(folder), head)
        return head.eval()
