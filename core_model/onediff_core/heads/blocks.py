"""Parts that several heads are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from torch import Tensor


class ConvBlock(nn.Sequential):
    """3x3 convolution, BatchNorm, ReLU.

    BatchNorm and no norm that looks at the image at hand: statistics of a window would give each window its own seams.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        """Make the block.

        Args:
            inputs: channels that come.
            outputs: channels that go.
        """
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )

    def fold(self) -> None:
        """Work the normalisation into the convolution: faster, and for `eval` mode alone from then on."""
        convolution, norm, _ = self
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            self[0], self[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()


class TokenReader(nn.Module):
    """One attention read of the delta tokens per query."""

    def __init__(self, token_size: int, width: int) -> None:
        """Make the reader.

        Args:
            token_size: channels of the tokens.
            width: channels of the queries and of what is read.
        """
        super().__init__()
        self.norm = nn.LayerNorm(token_size)
        self.key = nn.Linear(token_size, width)
        self.value = nn.Linear(token_size, width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Read.

        Args:
            queries: (B, N, width).
            tokens: (B, Q, token_size).

        Returns:
            (B, N, width).
        """
        tokens = self.norm(tokens)
        return functional.scaled_dot_product_attention(queries, self.key(tokens), self.value(tokens))
