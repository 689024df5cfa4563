"""Geometric-semantic sparse awareness: features spread to near voxels, then a U-Net on the voxels that hold any."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.vlscene.neighbours import AXES, CUBE, FLAT, TALL, Features, Kernels, Levels, Neighbours, levels_of
from voxway.methods.vlscene.whole import pays, whole_levels
from voxway.nn.conv_norm import folded_norm
from voxway.nn.sparse import sparse_weight
from voxway.ops.sparse_conv import Sites, Triple
from voxway.ops.sparse_volume import to_volume

Gate = Literal["released", "intended"]


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
        # In single precision kernels as large as this are thrice as fast with channels outermost.
        wide = near.contiguous() if near.dtype == torch.float32 and near.device.type == "cpu" else near
        return F.relu(near + self.smooth(F.relu(self.spread(wide))))


class SparseLayer(nn.Module):
    """norm(leaky relu(conv)), in this order, on voxels of which each knows its neighbours."""

    def __init__(self, channels: int, width: int, kernel: Triple) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = sparse_weight(channels, width, kernel)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Features, tables: Kernels) -> Features:
        """Features of the same sites."""
        return _normed(F.leaky_relu(tables[self.kernel].convolve(x, self.weight), 0.01, inplace=True), self.norm)


def _normed(x: Features, norm: nn.Module) -> Features:
    """norm(x); where no gradient is wanted it stands where x stood."""
    assert isinstance(norm, nn.BatchNorm1d)
    if norm.training or x.ndim != 2:
        return norm(x)
    # Of rows PyTorch's norm takes one number at a time.
    scale, shift = (each.to(x.dtype) for each in folded_norm(norm))
    return torch.addcmul(shift, x, scale, out=None if torch.is_grad_enabled() else x)


class TwoPaths(nn.Module):
    """The sum of two pairs of layers, whose kernels look along two axes at a time."""

    def __init__(self, channels: int, width: int, kernels: tuple[Triple, Triple]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.ModuleList([SparseLayer(channels, width, kernel), SparseLayer(width, width, kernel)])
            for kernel in kernels
        )

    def forward(self, x: Features, tables: Kernels) -> Features:
        """Features of the same sites."""
        one, other = (second(first(x, tables), tables) for first, second in self.paths)  # ty: ignore
        return one.add_(other)


class Rise(nn.Module):
    """Back onto the finer sites: a layer, the transpose of the halving, the shortcut, three layers."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.enter = SparseLayer(channels, width, CUBE)
        self.up = sparse_weight(width, width, CUBE)
        self.layers = nn.ModuleList(SparseLayer(width, width, FLAT) for _ in range(3))

    def forward(self, x: Features, shortcut: Features, coarse: Kernels, down: Neighbours, fine: Kernels) -> Features:
        """Features of the sites that `down` once left."""
        x = down.transposed().convolve(self.enter(x, coarse), self.up).add_(shortcut)
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
        self.weights = nn.ParameterList(sparse_weight(width, width, kernel) for kernel in AXES)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in AXES)

    def forward(self, x: Features, tables: Kernels) -> Features:
        """The features times their gate."""
        # One after another, so that no more of these volumes are kept than are needed.
        along = (tables[kernel].convolve(x, weight) for weight, kernel in zip(self.weights, AXES))
        if self.form == "intended":
            return x * reduce(add, (_normed(y, norm).sigmoid() for y, norm in zip(along, self.norms)))
        first = next(along)
        for norm in self.norms:
            first = _normed(first, norm).sigmoid()
        return x * reduce(add, along, first)


class SparseUNet(nn.Module):
    """Sparse semantic interaction: an asymmetric U-Net (as Cylinder3D's) of three resolutions."""

    def __init__(self, widths: tuple[int, int, int], gate: Gate) -> None:
        super().__init__()
        low, middle, high = widths
        self.enter = TwoPaths(low, low, (FLAT, TALL))
        self.fine = TwoPaths(low, middle, (TALL, FLAT))
        self.halve = sparse_weight(middle, middle, CUBE)
        self.coarse = TwoPaths(middle, high, (TALL, FLAT))
        self.quarter = sparse_weight(high, high, CUBE)
        self.to_coarse = Rise(high, high)
        self.to_fine = Rise(high, middle)
        self.gate = AxisGate(middle, gate)
        self.channels = 2 * middle

    def forward(self, x: Features, levels: Levels) -> Features:
        """Gated features, then the features themselves, of the same voxels."""
        fine, coarse, deep = levels.kernels
        down, down_again = levels.halvings
        kept = self.fine(self.enter(x, fine), fine)
        kept_half = self.coarse(down.convolve(kept, self.halve), coarse)
        x = down_again.convolve(kept_half, self.quarter)
        x = self.to_coarse(x, kept_half, deep, down_again, coarse)
        x = self.to_fine(x, kept, coarse, down, fine)
        del kept
        return torch.cat([self.gate(x, fine), x], 1)


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
        return self.interacted(self.propagate(volume))

    def interacted(self, near: Float[Tensor, "b e x y z"]) -> Float[Tensor, "b d x y z"]:
        """The same, from what `propagate` spread."""
        if self.interact is None:
            return near
        rows = near.movedim(1, -1)
        active = (rows != 0).any(-1)
        if not torch.is_grad_enabled() and not self.training and pays(active):
            features = self.interact(rows.reshape(-1, rows.shape[-1]), whole_levels(active))
            dense = features.view(*rows.shape[:-1], -1).masked_fill_(~active[..., None], 0)
            return dense.movedim(-1, 1)
        index = active.nonzero()
        place = tuple(index.unbind(1))
        batch, _, x, y, z = near.shape
        sites = Sites(index, (x, y, z), batch)
        # The rows of sparse layers keep all digits, whatever autocast says.
        features = self.interact(rows[place].to(self.interact.halve.dtype), levels_of(sites))
        return to_volume(features, sites)
