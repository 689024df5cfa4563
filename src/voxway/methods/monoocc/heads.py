"""The auxiliary head of MonoOcc: class scores of image pixels."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class SemanticDecoder(nn.Module):
    """2D semantic head: image features to class scores at four times their resolution. A training aid.

    The published upsampling is a transposed convolution of kernel 1 and stride 2: even pixels carry the image, all
    others only the bias. The last 3 x 3 convolution spreads one pixel in 16 to its neighbours.
    """

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.ModuleList(_Doubling(width, dropout) for _ in range(2))
        self.spread = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h4 w4"]:
        """Class scores of every camera's image."""
        for double in self.up:
            maps = double(maps)
        return self.classify(self.dropout(F.relu(self.norm(self.spread(maps)))))


class _Doubling(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.place = nn.ConvTranspose2d(width, width, 1, stride=2, output_padding=1, groups=width)
        self.mix = nn.Conv2d(width, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        return self.dropout(F.relu(self.norm(self.mix(self.place(maps)))))
