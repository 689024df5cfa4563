"""Swin Transformer (ICCV 2021) as published detectors run it: any image size, a norm behind every feature map.

Maps are padded to whole windows before they are shifted. timm's network shifts first, which differs wherever a map is
not a multiple of the window: weights trained the one way lose at the borders under the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from voxway.core.names import Rename
from voxway.nn.linear import Linear


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Size of a Swin Transformer. Every stage has twice the channels and heads of the one before it."""

    channels: int
    """Channels of the first stage."""
    depths: tuple[int, ...]
    """Blocks of each stage."""
    heads: int
    """Attention heads of the first stage."""
    window: int
    """Rows and columns of a window."""


VARIANTS = {"swin-base": Variant(channels=128, depths=(2, 2, 18, 2), heads=4, window=12)}
"""The size that published occupancy networks use, pre-trained on images of 384 pixels."""
_PATCH = 4


class WindowAttention(nn.Module):
    """Self-attention within windows, with a learned bias for every relative position."""

    relative: Tensor

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(channels, 3 * channels)
        self.output = Linear(channels, channels)
        self.position_bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative", relative_index(window), persistent=False)
        nn.init.trunc_normal_(self.position_bias, std=0.02)

    def forward(self, x: Float[Tensor, "b w t c"], apart: Bool[Tensor, "w t t"] | None) -> Float[Tensor, "b w t c"]:
        """Attend.

        Args:
            x: tokens of every window of every image.
            apart: pairs of tokens that do not belong together; as published they are discouraged, not excluded.
        """
        bias = self.position_bias[self.relative].permute(2, 0, 1)[None]
        bias = bias if apart is None else bias - 100.0 * apart[:, None]
        query, key, value = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        mixed = [F.scaled_dot_product_attention(q, k, v, bias.to(q.dtype)) for q, k, v in zip(query, key, value)]
        return self.output(torch.stack(mixed).transpose(2, 3).flatten(3))


class SwinBlock(nn.Module):
    """``x + attention(norm(x))``, then ``x + contract(gelu(expand(norm(x))))``."""

    def __init__(self, channels: int, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.window, self.shift = window, window // 2 if shifted else 0
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, window)
        self.mlp_norm = nn.LayerNorm(channels)
        self.expand = Linear(channels, 4 * channels)
        self.contract = Linear(4 * channels, channels)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        x = x + self.attend(self.attention_norm(x))
        return x + self.contract(F.gelu(self.expand(self.mlp_norm(x))))

    def attend(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        """Attention within the windows of the map, padded and then shifted."""
        height, width = x.shape[1:3]
        x = F.pad(x, (0, 0, 0, -width % self.window, 0, -height % self.window))
        padded = (x.shape[1], x.shape[2])
        apart = regions_apart(padded, self.window, self.shift).to(x.device) if self.shift else None
        x = to_windows(x.roll((-self.shift, -self.shift), (1, 2)), self.window)
        x = from_windows(self.attention(x, apart), padded)
        return x.roll((self.shift, self.shift), (1, 2))[:, :height, :width]


class Stage(nn.Module):
    """Blocks, before which all but the first stage merge patches of 2 x 2 into one with twice the channels."""

    def __init__(self, channels: int, heads: int, depth: int, window: int, merge: bool) -> None:
        super().__init__()
        self.merge_norm = nn.LayerNorm(2 * channels) if merge else None
        self.merge = Linear(2 * channels, channels, bias=False) if merge else None
        self.blocks = nn.Sequential(*(SwinBlock(channels, heads, window, bool(i % 2)) for i in range(depth)))

    def forward(self, x: Float[Tensor, "b h w _c"]) -> Float[Tensor, "b h2 w2 c"]:
        if self.merge is not None and self.merge_norm is not None:
            x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
            # Channels of the patch's four pixels interleave, row by row, as published.
            x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).permute(0, 1, 3, 5, 2, 4).flatten(3)
            x = self.merge(self.merge_norm(x))
        return self.blocks(x)


class SwinPyramid(nn.Module):
    """A Swin Transformer up to the coarsest of several feature maps, each with a norm of its own.

    Args:
        variant: its size.
        reductions: image pixels per feature pixel of each map, ascending.

    Raises:
        ValueError: there is no feature map of such a reduction.
    """

    def __init__(self, variant: Variant, reductions: tuple[int, ...]) -> None:
        super().__init__()
        known = [_PATCH * 2**i for i in range(len(variant.depths))]
        if not set(reductions) <= set(known):
            raise ValueError(f"a Swin Transformer has feature maps of reductions {known}, not {reductions}")
        self.levels = [known.index(reduction) for reduction in reductions]
        self.patch = nn.Conv2d(3, variant.channels, _PATCH, stride=_PATCH)
        self.patch_norm = nn.LayerNorm(variant.channels)
        self.stages = nn.ModuleList(
            Stage(variant.channels * 2**i, variant.heads * 2**i, depth, variant.window, merge=i > 0)
            for i, depth in enumerate(variant.depths[: self.levels[-1] + 1])
        )
        self.channels = [variant.channels * 2**level for level in self.levels]
        self.norms = nn.ModuleDict({str(i): nn.LayerNorm(c) for i, c in zip(self.levels, self.channels)})

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h _w"]]:
        """Feature maps of normalised images, the finest first; sizes are rounded up."""
        images = F.pad(images, (0, -images.shape[3] % _PATCH, 0, -images.shape[2] % _PATCH))
        x = self.patch_norm(self.patch(images).permute(0, 2, 3, 1))
        maps = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self.levels:
                maps.append(self.norms[str(i)](x).permute(0, 3, 1, 2))
        return maps


def relative_index(window: int) -> Int[Tensor, "t t"]:
    """Row of the bias table for a pair of tokens of a window: ``(dy + w - 1) * (2 w - 1) + dx + w - 1``."""
    y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    y, x = y.flatten(), x.flatten()
    dy, dx = y[:, None] - y, x[:, None] - x
    return (dy + window - 1) * (2 * window - 1) + dx + window - 1


def regions_apart(size: tuple[int, int], window: int, shift: int) -> Bool[Tensor, "w t t"]:
    """Pairs of tokens that share a window of the shifted map, but come from opposite borders of the map."""
    wrapped = [(torch.arange(n) >= n - window).int() + (torch.arange(n) >= n - shift) for n in size]
    region = (3 * wrapped[0][:, None] + wrapped[1])[None, :, :, None]
    tokens = to_windows(region, window)[0, ..., 0]
    return tokens[:, :, None] != tokens[:, None]


def to_windows(x: Tensor, window: int) -> Tensor:
    """(b, h, w, c) to (b, windows, tokens, c); sides must be multiples of the window."""
    return x.unflatten(2, (-1, window)).unflatten(1, (-1, window)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def from_windows(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(b, windows, tokens, c) back to (b, h, w, c)."""
    window = int(x.shape[2] ** 0.5)
    x = x.unflatten(2, (window, window)).unflatten(1, (size[0] // window, -1))
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def renames(published: str, ours: str) -> tuple[Rename, ...]:
    """Rows of a name map: names under the prefix `published`, and ours under the prefix `ours`.

    Published stages end with the merge that ours begin with.
    """
    block = (
        ("norm1.{}", "attention_norm.{}"),
        ("attn.w_msa.relative_position_bias_table", "attention.position_bias"),
        ("attn.w_msa.qkv.{}", "attention.qkv.{}"),
        ("attn.w_msa.proj.{}", "attention.output.{}"),
        ("norm2.{}", "mlp_norm.{}"),
        ("ffn.layers.0.0.{}", "expand.{}"),
        ("ffn.layers.1.{}", "contract.{}"),
    )
    rows = [
        ("patch_embed.projection.{}", "patch.{}"),
        ("patch_embed.norm.{}", "patch_norm.{}"),
        *((f"stages.{{}}.blocks.{{}}.{theirs}", f"stages.{{}}.blocks.{{}}.{mine}") for theirs, mine in block),
        *((f"stages.{i}.downsample.norm.{{}}", f"stages.{i + 1}.merge_norm.{{}}") for i in range(3)),
        *((f"stages.{i}.downsample.reduction.{{}}", f"stages.{i + 1}.merge.{{}}") for i in range(3)),
        *((f"norm{i}.{{}}", f"norms.{i}.{{}}") for i in range(4)),
    ]
    return tuple(Rename(published=published + theirs, ours=ours + mine) for theirs, mine in rows)


def relative_tables(variant: Variant, published: str) -> dict[str, Int[Tensor, "t t"]]:
    """What a published file holds besides weights: the same table of relative positions for every block."""
    return {
        f"{published}stages.{stage}.blocks.{block}.attn.w_msa.relative_position_index": relative_index(variant.window)
        for stage, depth in enumerate(variant.depths)
        for block in range(depth)
    }
