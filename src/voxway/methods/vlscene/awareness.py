"""Geometric-semantic sparse awareness: features spread to near voxels, then a U-Net on the voxels that hold any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.sparse import convolve, sparse_weight
from voxway.ops.sparse_conv import Sites, Table, Triple, strided_table, submanifold_table
from voxway.ops.sparse_volume import to_volume

Gate = Literal["released", "intended"]
Kernels = dict[Triple, Table]
_FLAT, _TALL, _CUBE = (1, 3, 3), (3, 1, 3), (3, 3, 3)
_AXES = ((3, 1, 1), (1, 3, 1), (1, 1, 3))


class Propagation(nn.Module):
    """Neighbourhood geometry propagation: dense convolutions without biases or norms, so that voxels farther than their
    reach from any lifted feature stay exactly zero."""

    def __init__(self, channels: int, width: int, reach: int) -> None:
        super().__init__()
        self.reduce = nn.Conv3d(channels, width, 1, bias=False)
        spreads = reach > 1
        self.spread = nn.Conv3d(width, width, reach, padding=reach // 2, bias=False) if spreads else None
        self.smooth = nn.Conv3d(width, width, 3, padding=1, bias=False) if spreads else None

    def forward(self, volume: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b d x y z"]:
        """Features of the voxels that hold some, and of those around them."""
        near = F.relu(self.reduce(volume))
        if self.spread is None or self.smooth is None:
            return near
        return F.relu(near + self.smooth(F.relu(self.spread(near))))


class SparseLayer(nn.Module):
    """norm(leaky relu(conv)), in this order, on the rows of a table."""

    def __init__(self, channels: int, width: int, kernel: Triple) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = sparse_weight(channels, width, kernel)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Float[Tensor, "s c"], tables: Kernels) -> Float[Tensor, "s d"]:
        """Features of the same sites."""
        return self.norm(F.leaky_relu(convolve(x, self.weight, tables[self.kernel]), 0.01, inplace=True))


class TwoPaths(nn.Module):
    """The sum of two pairs of layers, whose kernels look along two axes at a time."""

    def __init__(self, channels: int, width: int, kernels: tuple[Triple, Triple]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.ModuleList([SparseLayer(channels, width, kernel), SparseLayer(width, width, kernel)])
            for kernel in kernels
        )

    def forward(self, x: Float[Tensor, "s c"], tables: Kernels) -> Float[Tensor, "s d"]:
        """Features of the same sites."""
        return sum(second(first(x, tables), tables) for first, second in self.paths)  # ty: ignore


class Rise(nn.Module):
    """Back onto the finer sites: a layer, the transpose of the halving, the shortcut, three layers."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.enter = SparseLayer(channels, width, _CUBE)
        self.up = sparse_weight(width, width, _CUBE)
        self.layers = nn.ModuleList(SparseLayer(width, width, _FLAT) for _ in range(3))

    def forward(
        self, x: Float[Tensor, "s c"], shortcut: Float[Tensor, "t d"], coarse: Kernels, down: Table, fine: Kernels
    ) -> Float[Tensor, "t d"]:
        """Features of the sites that `down` once left."""
        x = convolve(self.enter(x, coarse), self.up, down.transposed()) + shortcut
        for layer in self.layers:
            x = layer(x, fine)
        return x


class AxisGate(nn.Module):
    """Gates from convolutions along each axis (ReconNet of Cylinder3D).

    Meant is the sum of three gates ``sigmoid(norm(conv))``. The released code passes the first one through all three
    norms and sigmoids and adds the other two convolutions as they are; its weights need that.
    """

    def __init__(self, width: int, form: Gate) -> None:
        super().__init__()
        self.form = form
        self.weights = nn.ParameterList(sparse_weight(width, width, kernel) for kernel in _AXES)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in _AXES)

    def forward(self, x: Float[Tensor, "s c"], tables: Kernels) -> Float[Tensor, "s c"]:
        """The features times their gate."""
        first, *others = (convolve(x, weight, tables[kernel]) for weight, kernel in zip(self.weights, _AXES))
        if self.form == "intended":
            return x * sum(norm(y).sigmoid() for norm, y in zip(self.norms, (first, *others)))
        for norm in self.norms:
            first = norm(first).sigmoid()
        return x * (first + others[0] + others[1])


@dataclass(frozen=True)
class Level:
    """Sites of one resolution and the tables of the kernels that look at them."""

    sites: Sites
    tables: Kernels

    @classmethod
    def of(cls, sites: Sites, kernels: tuple[Triple, ...]) -> Level:
        """Tables for these kernels."""
        return cls(sites, {kernel: submanifold_table(sites, kernel) for kernel in kernels})


class SparseUNet(nn.Module):
    """Sparse semantic interaction: an asymmetric U-Net (as Cylinder3D's) of three resolutions."""

    def __init__(self, widths: tuple[int, int, int], gate: Gate) -> None:
        super().__init__()
        low, middle, high = widths
        self.enter = TwoPaths(low, low, (_FLAT, _TALL))
        self.fine = TwoPaths(low, middle, (_TALL, _FLAT))
        self.halve = sparse_weight(middle, middle, _CUBE)
        self.coarse = TwoPaths(middle, high, (_TALL, _FLAT))
        self.quarter = sparse_weight(high, high, _CUBE)
        self.to_coarse = Rise(high, high)
        self.to_fine = Rise(high, middle)
        self.gate = AxisGate(middle, gate)
        self.channels = 2 * middle

    def forward(self, x: Float[Tensor, "s c"], sites: Sites) -> Float[Tensor, "s d"]:
        """Gated features, then the features themselves, of the same sites."""
        fine = Level.of(sites, (_FLAT, _TALL, *_AXES))
        half, down = strided_table(sites, _CUBE, (2, 2, 2), (1, 1, 1))
        coarse = Level.of(half, (_FLAT, _TALL, _CUBE))
        quarter, down_again = strided_table(half, _CUBE, (2, 2, 2), (1, 1, 1))
        deep = Level.of(quarter, (_CUBE,))
        kept = self.fine(self.enter(x, fine.tables), fine.tables)
        kept_half = self.coarse(convolve(kept, self.halve, down), coarse.tables)
        x = convolve(kept_half, self.quarter, down_again)
        x = self.to_coarse(x, kept_half, deep.tables, down_again, coarse.tables)
        x = self.to_fine(x, kept, coarse.tables, down, fine.tables)
        return torch.cat([self.gate(x, fine.tables), x], 1)


class SparseAwareness(nn.Module):
    """A lifted volume to a denser and semantic one.

    Args:
        channels: of the volume.
        widths: channels of the resolutions, fine to coarse.
        reach: cells of the kernel that spreads features to near voxels; 1 spreads none.
        gate: of the sparse U-Net; None leaves the U-Net out.
    """

    def __init__(self, channels: int, widths: tuple[int, int, int], reach: int, gate: Gate | None) -> None:
        super().__init__()
        self.propagate = Propagation(channels, widths[0], reach)
        self.interact = None if gate is None else SparseUNet(widths, gate)
        self.channels = widths[0] if self.interact is None else self.interact.channels

    def forward(self, volume: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b d x y z"]:
        """Features of all voxels; zero where nothing came near."""
        near = self.propagate(volume)
        if self.interact is None:
            return near
        rows = near.movedim(1, -1)
        index = (rows.abs().sum(-1) != 0).nonzero()
        place = tuple(index.unbind(1))
        batch, _, x, y, z = volume.shape
        sites = Sites(index, (x, y, z), batch)
        # The rows of sparse layers keep all digits, whatever autocast says.
        features = self.interact(rows[place].to(self.interact.halve.dtype), sites)
        return to_volume(features, sites)
