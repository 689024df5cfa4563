"""Sparse 3D networks on voxels: the U-Net of the semantic branch, the encoder of the geometric one.

That one is a sparse U-Net and the other a sparse encoder, the paper's reviews say. Which ones, is our reading of the
paper: the U-Net of Part-A2 (TPAMI 2020) and the encoder of OpenOccupancy (ICCV 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.sparse import SparseBlock, SparseConvNorm, convolve, sparse_weight
from voxway.ops.sparse_conv import Sites, Table, Triple, strided_table, submanifold_table

_CUBE, _HALF, _AROUND = (3, 3, 3), (2, 2, 2), (1, 1, 1)


@dataclass(frozen=True)
class Levels:
    """Sites of several resolutions, each half the one before, and the tables of 3 x 3 x 3 kernels on and between them.

    Attributes:
        sites: of every resolution, fine to coarse.
        same: tables of the convolutions on their own sites.
        down: tables of the convolutions that lead from one to the next.
    """

    sites: tuple[Sites, ...]
    same: tuple[Table, ...]
    down: tuple[Table, ...]

    @classmethod
    def of(cls, sites: Sites, halvings: int, paddings: Sequence[Triple] | None = None) -> Levels:
        """All that follows from the finest sites.

        Args:
            sites: the finest.
            halvings: how often the resolution is halved.
            paddings: of each halving, along the axes of the sites; None: 1 everywhere, which halves exactly.
        """
        found, down = [sites], []
        for padding in paddings or [_AROUND] * halvings:
            coarser, table = strided_table(found[-1], _CUBE, _HALF, padding)
            found.append(coarser)
            down.append(table)
        return cls(tuple(found), tuple(submanifold_table(one) for one in found), tuple(down))


class Rise(nn.Module):
    """A step of the decoder: a level's own features and those from below are merged, added, and leave upwards.

    What is added is both of them, concatenated, with neighbouring channels summed until their number is that of the
    merged ones.
    """

    def __init__(self, width: int, leaving: int) -> None:
        super().__init__()
        self.lateral = SparseBlock(width)
        self.merge = SparseConvNorm(2 * width, width)
        self.leave = SparseConvNorm(width, leaving)

    def forward(
        self, own: Float[Tensor, "s c"], below: Float[Tensor, "s c"], same: Table, leave: Table
    ) -> Float[Tensor, "t d"]:
        """Features of the sites to which `leave` leads."""
        both = torch.cat([below, self.lateral(own, same)], 1)
        summed = both.unflatten(1, (own.shape[1], 2)).sum(2)
        return self.leave(self.merge(both, same) + summed, leave)


class SparseUNet(nn.Module):
    """Voxel features to voxel features of the same sites, through ever coarser ones.

    Args:
        channels: of what enters.
        widths: channels of the resolutions, fine to coarse.
    """

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths
        self.enter = SparseConvNorm(channels, widths[0])
        self.first = SparseConvNorm(widths[0], widths[0])
        self.down = nn.ModuleList(SparseConvNorm(width, wider) for width, wider in pairwise(widths))
        self.level = nn.ModuleList(
            nn.ModuleList(SparseConvNorm(width, width) for _ in range(2)) for width in widths[1:]
        )
        self.up = nn.ModuleList(Rise(width, leaving) for width, leaving in zip(widths, [widths[0], *widths]))

    def forward(self, x: Float[Tensor, "s c"], levels: Levels) -> list[Float[Tensor, "_s _d"]]:
        """What the decoder makes for each resolution, the finest first; the coarsest is the encoder's own."""
        encoded = self.encode(x, levels)
        x, made = encoded[-1], []
        for i in reversed(range(len(encoded))):
            leave = levels.down[i - 1].transposed() if i else levels.same[0]
            x = self.up[i](encoded[i], x, levels.same[i], leave)
            made.append(x)
        # The last two are both of the finest resolution.
        return [made[-1], *made[-3::-1], encoded[-1]]

    def encode(self, x: Float[Tensor, "s c"], levels: Levels) -> list[Float[Tensor, "_s _d"]]:
        """What the encoder makes for each resolution, fine to coarse."""
        found = [self.first(self.enter(x, levels.same[0]), levels.same[0])]
        for down, layers, table, same in zip(self.down, self.level, levels.down, levels.same[1:]):
            y = down(found[-1], table)
            for layer in layers:  # ty: ignore[not-iterable]  # a list of lists
                y = layer(y, same)
            found.append(y)
        return found


class RowGroupConv(nn.Module):
    """relu(norm(conv(x))), with a group norm of each row by itself: over groups of channels, not over voxels."""

    def __init__(self, channels: int, width: int, groups: int) -> None:
        super().__init__()
        self.weight = sparse_weight(channels, width, _CUBE)
        self.bias = nn.Parameter(torch.zeros(width))
        self.norm = nn.GroupNorm(groups, width)

    def forward(self, x: Float[Tensor, "s c"], table: Table) -> Float[Tensor, "s d"]:
        """Features of the same sites."""
        return F.relu(self.norm(convolve(x, self.weight, table) + self.bias))


class SparseEncoder(nn.Module):
    """Voxel features to those of a grid that is coarser by a factor of 2 for each width beyond the first.

    Args:
        channels: of what enters.
        widths: channels of the resolutions, fine to coarse.
        groups: of the norms at both ends. With as many groups as channels every value would be normed away.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], groups: int) -> None:
        super().__init__()
        self.enter = RowGroupConv(channels, widths[0], groups)
        self.down = nn.ModuleList(SparseConvNorm(width, wider) for width, wider in pairwise(widths))
        self.blocks = nn.ModuleList(nn.ModuleList(SparseBlock(width) for _ in range(2)) for width in widths)
        self.leave = RowGroupConv(widths[-1], widths[-1], groups)
        self.halvings = len(widths) - 1

    def forward(self, x: Float[Tensor, "s c"], sites: Sites) -> tuple[Float[Tensor, "t d"], Sites]:
        """Features and sites of the coarsest resolution."""
        levels = Levels.of(sites, self.halvings)
        x = self.enter(x, levels.same[0])
        for i, (blocks, same) in enumerate(zip(self.blocks, levels.same)):
            x = self.down[i - 1](x, levels.down[i - 1]) if i else x
            for block in blocks:  # ty: ignore[not-iterable]  # a list of lists
                x = block(x, same)
        return self.leave(x, levels.same[-1]), levels.sites[-1]
