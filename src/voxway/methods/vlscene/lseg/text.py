"""CLIP's text tower (ViT-B/32, ICML 2021): words to vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.methods.vlscene.lseg.words import END, LENGTH


class TextBlock(nn.Module):
    """Causal self-attention, then a feed-forward network with CLIP's quick GELU."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.output_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.together, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        """Features of the same size."""
        parts = self.together(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).flatten(2))
        hidden = self.expand(self.output_norm(x))
        return x + self.contract(hidden * (1.702 * hidden).sigmoid())


class TextTower(nn.Module):
    """Token numbers to one vector per text.

    Args:
        width: channels, also of the vectors.
        layers: blocks.
        heads: of the attention.
        vocabulary: token numbers that there are.
    """

    def __init__(self, width: int = 512, layers: int = 12, heads: int = 8, vocabulary: int = END + 1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.empty(LENGTH, width))
        self.blocks = nn.Sequential(*(TextBlock(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Parameter(torch.empty(width, width))
        nn.init.normal_(self.position, std=0.01)
        nn.init.normal_(self.projection, std=width**-0.5)

    def forward(self, tokens: Int[Tensor, "n t"]) -> Float[Tensor, "n c"]:
        """What stands where a text ends."""
        x = self.norm(self.blocks(self.embedding(tokens) + self.position))
        return x[torch.arange(len(x)), tokens.argmax(1)] @ self.projection
