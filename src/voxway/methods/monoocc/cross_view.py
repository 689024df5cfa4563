"""The cross-view transformer of MonoOcc's privileged branch: frames of a drive look at one another.

It is the feature transformer of GMFlow (arXiv 2111.13680): single-head attention within 2 x 2 windows of a quarter of
the map each, moved by half a window in every other block, so that what meets at a window's edge is joined too.

====================  ==================  =========================================================================
name                  shape               meaning
====================  ==================  =========================================================================
maps                  n h w c             image features of n frames, the key frame first, then ever earlier ones
source, target        m h w c             maps that ask, and maps that answer: the same, or each other's frame
windows               4m s c              a map cut into 2 x 2 windows of s pixels
====================  ==================  =========================================================================
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from voxway.ops.attention import attention

SPLITS = 2
"""Windows along each side of a map."""
APART = -100.0
"""Added to the attention logits of pixels that only the cyclic shift brought together."""


class CrossViewTransformer(nn.Module):
    """Neighbouring frames, pair by pair: (0, 1), then (1, 2) with what the first pair made of 1, and so on.

    Args:
        width: channels c.
        blocks: self- and cross-attention, this many times for every pair.
        expansion: hidden channels of the feed-forward networks, in (2 c) channels.
    """

    def __init__(self, width: int, blocks: int = 6, expansion: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(CrossViewBlock(width, expansion, shifted=i % 2 == 1) for i in range(blocks))

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Maps of all frames after they saw one another.

        Maps with an odd side cannot be cut into windows and come back as they are, as in the published code. Positions
        are added at every pair, hence twice to frames that belong to two, and stay in the result.
        """
        height, width = maps.shape[-2:]
        if height % SPLITS or width % SPLITS:
            return maps
        frames = list(rearrange(maps, "n c h w -> n h w c"))
        for i in range(len(frames) - 1):
            pair = self.positioned(torch.stack(frames[i : i + 2]))
            for block in self.blocks:
                pair = block(pair)
            frames[i : i + 2] = pair
        return rearrange(torch.stack(frames), "n h w c -> n c h w")

    def positioned(self, maps: Float[Tensor, "n h w c"]) -> Float[Tensor, "n h w c"]:
        """Maps plus a sine code of the position within each window; all windows share one."""
        height, width, channels = maps.shape[1:]
        code = sine_code(height // SPLITS, width // SPLITS, channels)
        return maps + code.to(maps).repeat(SPLITS, SPLITS, 1)


class CrossViewBlock(nn.Module):
    """Both maps of a pair look at themselves, then each at the other."""

    def __init__(self, width: int, expansion: int, shifted: bool) -> None:
        super().__init__()
        self.look_at_self = WindowAttention(width, shifted)
        self.look_across = WindowAttention(width, shifted)
        self.expand = nn.Linear(2 * width, 2 * width * expansion, bias=False)
        self.contract = nn.Linear(2 * width * expansion, width, bias=False)
        self.norm = nn.LayerNorm(width)
        for layer in (self.expand, self.contract):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, pair: Float[Tensor, "2 h w c"]) -> Float[Tensor, "2 h w c"]:
        """``x <- x + attention(x, x); x <- x + norm(W2 gelu(W1 concat(x, attention(x, other))))``."""
        other = pair.flip(0)
        pair = pair + self.look_at_self(pair, pair)
        message = self.look_across(pair, other)
        return pair + self.norm(self.contract(F.gelu(self.expand(torch.cat([pair, message], -1)))))


class WindowAttention(nn.Module):
    """``norm(W softmax(q k^T / sqrt(c)) v)`` within windows; queries from one map, keys and values from another."""

    def __init__(self, width: int, shifted: bool) -> None:
        super().__init__()
        self.shifted = shifted
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        for layer in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, source: Float[Tensor, "m h w c"], target: Float[Tensor, "m h w c"]) -> Float[Tensor, "m h w c"]:
        height, width = source.shape[1:3]
        shift = (height // SPLITS // 2, width // SPLITS // 2) if self.shifted else (0, 0)
        back = (-shift[0], -shift[1])
        query, key, value = (
            _windows(layer(x).roll(back, (1, 2)))
            for layer, x in ((self.query, source), (self.key, target), (self.value, target))
        )
        mask = _apart(height, width, shift).to(query).repeat(len(source), 1, 1) if self.shifted else None
        message = attention(query, key, value, source.shape[-1] ** -0.5, mask)
        message = rearrange(message, "(m a b) (h w) c -> m (a h) (b w) c", a=SPLITS, b=SPLITS, h=height // SPLITS)
        return self.norm(self.output(message.roll(shift, (1, 2))))


def _windows(maps: Tensor) -> Tensor:
    return rearrange(maps, "m (a h) (b w) c -> (m a b) (h w) c", a=SPLITS, b=SPLITS)


def _apart(height: int, width: int, shift: tuple[int, int]) -> Float[Tensor, "windows s s"]:
    """What to add to the logits after a cyclic shift: pixels of unlike regions must not see each other (Swin)."""
    regions = []
    for size, moved in zip((height, width), shift):
        position = torch.arange(size)
        regions.append((position >= size - size // SPLITS).long() + (position >= size - moved))
    region = _windows((regions[0][:, None] * 3 + regions[1])[None, ..., None])[..., 0]
    return APART * (region[:, :, None] != region[:, None]).float()


def sine_code(height: int, width: int, channels: int, temperature: float = 10_000) -> Float[Tensor, "h w c"]:
    """Sine and cosine of the row (first half of the channels) and of the column, each scaled to (0, 2 pi]."""
    power = torch.arange(channels // 4) * (4 / channels)
    codes = []
    for count in (height, width):
        position = torch.arange(1, count + 1) / (count + 1e-6) * (2 * math.pi)
        angle = position[:, None] / temperature**power
        codes.append(torch.stack([angle.sin(), angle.cos()], -1).flatten(1))
    rows, columns = codes
    return torch.cat([rows[:, None].expand(-1, width, -1), columns.expand(height, -1, -1)], -1)
