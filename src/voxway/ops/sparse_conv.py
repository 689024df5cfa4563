"""Sparse 3D convolution: submanifold, strided, and the strided one's transpose back onto its input sites.

Two halves. Tables say which row of the input meets which row of the output under which kernel offset; they depend on
sites alone, are built once and shared by all layers on the same sites. `sparse_conv` is the arithmetic on given tables:
one matrix product per kernel offset over the rows that meet there (SECOND, Sensors 2018; submanifold: CVPR 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from voxway.ops.context import Context
from voxway.ops.linear import linear

Triple = tuple[int, int, int]
_BLOCK = 16384
"""Rows that are gathered at a time on CPUs: enough to keep all threads busy, few enough to stay in the cache."""
_IN_BLOCKS = ("cpu",)
"""Devices that go offset by offset, block by block."""
_GATHERED = 2**27
"""Numbers that are gathered at a time elsewhere."""


@dataclass(frozen=True)
class Sites:
    """Active cells of a batch of volumes, in ascending order of (sample, z, y, x).

    The three axes may be any: z, y, x stand for the first, second and last axis of the features' volume.

    Attributes:
        index: sample, z, y, x of every site; ascending, without repetition.
        shape: cells of a volume along z, y and x.
        samples: volumes in the batch.
    """

    index: Int[Tensor, "s 4"]
    shape: Triple
    samples: int

    @cached_property
    def keys(self) -> Int[Tensor, "s"]:
        """Ascending keys of the volumes with a border of one cell, so that a neighbour's key is a fixed step away."""
        # Not a product: GPUs have none of whole numbers.
        return (self.index * self.index.new_tensor([*self._steps])).sum(1)

    @property
    def _steps(self) -> tuple[int, int, int, int]:
        nz, ny, nx = (count + 2 for count in self.shape)
        return nz * ny * nx, ny * nx, nx, 1

    def __len__(self) -> int:
        return len(self.index)


def sort_sites(index: Int[Tensor, "s 4"], shape: Triple, samples: int) -> tuple[Sites, Int[Tensor, "s"]]:
    """Sites in ascending order, and which given row each of them is.

    Args:
        index: sample, z, y, x; without repetition.
        shape: cells along z, y and x.
        samples: volumes in the batch.
    """
    keys = ((index[:, 0] * shape[0] + index[:, 1]) * shape[1] + index[:, 2]) * shape[2] + index[:, 3]
    order = keys.argsort()
    return Sites(index[order], shape, samples), order


@dataclass(frozen=True)
class Table:
    """Which rows meet: input row `sources[i]` adds to output row `targets[i]`, under each kernel offset in turn.

    Attributes:
        sources: rows of the input, offset by offset (z, y, x order), ascending in the output row within an offset.
        targets: rows of the output.
        counts: pairs of each kernel offset.
        inputs: rows of the input.
        outputs: rows of the output.
    """

    sources: Int[Tensor, "p"]
    targets: Int[Tensor, "p"]
    counts: tuple[int, ...]
    inputs: int
    outputs: int

    def transposed(self) -> Table:
        """The table of the transposed (inverse) convolution: from the outputs back onto the inputs."""
        return self._transposed

    def neighbours(self) -> Int[Tensor, "o k"]:
        """The same as one input row per output row and offset; `inputs`, one past the last row, means none."""
        return self._neighbours

    @cached_property
    def _transposed(self) -> Table:
        return Table(self.targets, self.sources, self.counts, self.outputs, self.inputs)

    @cached_property
    def _neighbours(self) -> Int[Tensor, "o k"]:
        found = self.sources.new_full((self.outputs, len(self.counts)), self.inputs)
        offset = torch.arange(len(self.counts), device=found.device)
        offset = offset.repeat_interleave(torch.tensor(self.counts, device=found.device))
        found[self.targets, offset] = self.sources
        return found


def submanifold_table(sites: Sites, kernel: Triple = (3, 3, 3)) -> Table:
    """Table of a convolution whose outputs are its input sites.

    Of each row of neighbours along the last axis only the first is searched for: the others follow it in the order of
    keys. Offsets come in pairs that mirror each other, so half of them are enough.

    Args:
        sites: where features are.
        kernel: cells of the kernel along the axes, 1 or 3 each.

    Raises:
        ValueError: another kernel.
    """
    if not set(kernel) <= {1, 3}:
        raise ValueError(f"kernels of submanifold convolutions have 1 or 3 cells along each axis, got {kernel}")
    keys, count = sites.keys, len(sites)
    _, up_z, up_y, _ = sites._steps
    rows = torch.arange(count, device=keys.device)
    halves: list[tuple[Tensor, Tensor]] = []
    half_z, half_y, half_x = (size // 2 for size in kernel)
    for dz in range(-half_z, 1):
        for dy in range(-half_y, half_y + 1) if dz else range(-half_y, 0):
            wanted = keys + (dz * up_z + dy * up_y - half_x)
            position = torch.searchsorted(keys, wanted)
            for _ in range(kernel[2]):
                hit = keys[position.clamp(max=count - 1)] == wanted if count else position.bool()
                halves.append((position[hit], rows[hit]))
                wanted, position = wanted + 1, position + hit
    if half_x:
        adjacent = (keys[1:] == keys[:-1] + 1).nonzero()[:, 0]
        halves.append((adjacent, adjacent + 1))
    pairs = [*halves, (rows, rows), *((target, source) for source, target in reversed(halves))]
    return _table(pairs, count, count)


def strided_table(sites: Sites, kernel: Triple, stride: Triple, padding: Triple) -> tuple[Sites, Table]:
    """Output sites and table of a convolution that is active wherever its kernel touches an input site.

    Args:
        sites: input sites.
        kernel: cells of the kernel along z, y and x.
        stride: steps along z, y and x.
        padding: cells added on both sides along z, y and x.
    """
    nz, ny, nx = ((n + 2 * p - k) // s + 1 for n, k, s, p in zip(sites.shape, kernel, stride, padding))
    sample, *position = sites.index.unbind(1)
    axes = []  # per axis and kernel cell: the output cell, and whether there is one
    for axis, count in enumerate((nz, ny, nx)):
        steps = [position[axis] + padding[axis] - k for k in range(kernel[axis])]
        cells = [step.div(stride[axis], rounding_mode="floor") for step in steps]
        axes.append([(c, (c * stride[axis] == s) & (c >= 0) & (c < count)) for c, s in zip(cells, steps)])
    keys, sources, counts = [], [], []
    for z, z_valid in axes[0]:
        for y, y_valid in axes[1]:
            for x, x_valid in axes[2]:
                rows = (z_valid & y_valid & x_valid).nonzero()[:, 0]
                keys.append((((sample * nz + z) * ny + y) * nx + x)[rows])
                sources.append(rows)
                counts.append(len(rows))
    found, targets = torch.cat(keys).unique(return_inverse=True)
    index = torch.stack([found // (nz * ny * nx), found // (ny * nx) % nz, found // nx % ny, found % nx], 1)
    outputs = Sites(index, (nz, ny, nx), sites.samples)
    return outputs, Table(torch.cat(sources), targets, tuple(counts), len(sites), len(outputs))


def _table(pairs: list[tuple[Tensor, Tensor]], inputs: int, outputs: int) -> Table:
    sources, targets = (torch.cat(rows) for rows in zip(*pairs))
    return Table(sources, targets, tuple(len(rows) for rows, _ in pairs), inputs, outputs)


def sparse_conv(features: Float[Tensor, "i c"], weight: Float[Tensor, "k c d"], table: Table) -> Float[Tensor, "o d"]:
    """Convolve: ``out[t] = sum over pairs (s, t) of offset k of features[s] @ weight[k]``.

    Computed in the precision of the features, whatever autocast says. Nothing is kept for the backward pass but the
    features themselves.

    Args:
        features: one row per input site.
        weight: one matrix per kernel offset, in the table's order.
        table: which rows meet.

    Raises:
        ValueError: the table was built for other features or another kernel.
    """
    if len(features) != table.inputs or len(weight) != len(table.counts):
        raise ValueError(
            f"the table joins {table.inputs} rows under {len(table.counts)} offsets, "
            f"got {len(features)} rows and {len(weight)} matrices"
        )
    return _SparseConv.apply(features, weight, table)


def sparse_conv_gather(
    features: Float[Tensor, "i c"], weight: Float[Tensor, "k c d"], neighbours: Int[Tensor, "o k"]
) -> Float[Tensor, "o d"]:
    """The same from `Table.neighbours`, in one gather and one matrix product: what an exported network computes.

    Needs k times the memory of the features.
    """
    padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
    gathered = padded.index_select(0, neighbours.flatten())
    return gathered.view(neighbours.shape[0], weight.shape[0] * weight.shape[1]) @ weight.flatten(0, 1)


class _SparseConv(torch.autograd.Function):
    """`sparse_conv`; the gradients are convolutions with the transposed table and products of the gathered rows."""

    @staticmethod
    def forward(ctx: Context, features: Tensor, weight: Tensor, table: Table) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.table = table
        return _convolve(features, weight, table)

    @staticmethod
    def backward(ctx: Context, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (grad,) = grads
        features, weight = ctx.saved_tensors
        table = ctx.table
        grad_features = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_features = _convolve(grad, weight.transpose(1, 2), table.transposed())
        if ctx.needs_input_grad[1]:
            grad_weight = _weight_gradient(features, grad, table)
        return grad_features, grad_weight, None


def _convolve(features: Tensor, weight: Tensor, table: Table) -> Tensor:
    """Offset by offset on CPUs, whose caches hold a block of rows; on GPUs, where every call costs, all at once."""
    with torch.autocast(features.device.type, enabled=False):
        if features.device.type in _IN_BLOCKS:
            return _gather_multiply_add(features, weight, table)
        flat = weight.flatten(0, 1)
        parts = [gathered @ flat for _, gathered in _gathered(features, table)]
        return torch.cat(parts) if parts else features.new_zeros(table.outputs, weight.shape[2])


def _weight_gradient(features: Tensor, grad: Tensor, table: Table) -> Tensor:
    shape = len(table.counts), features.shape[1], grad.shape[1]
    found = features.new_zeros(shape)
    with torch.autocast(features.device.type, enabled=False):
        if features.device.type in _IN_BLOCKS:
            for k, rows in _blocks(table.counts):
                gathered = features.index_select(0, table.sources[rows])
                found[k].addmm_(gathered.T, grad.index_select(0, table.targets[rows]))
            return found
        for rows, gathered in _gathered(features, table):
            found.view(-1, shape[2]).addmm_(gathered.T, grad[rows])
        return found


def _gathered(features: Tensor, table: Table) -> Iterator[tuple[slice, Float[Tensor, "n kc"]]]:
    """Slices of the output rows, each with the features that meet there side by side, 0 where there are none."""
    padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
    near = table.neighbours()
    rows = max(_GATHERED // max(near.shape[1] * features.shape[1], 1), 1)
    for first in range(0, table.outputs, rows):
        part = slice(first, min(first + rows, table.outputs))
        yield part, padded.index_select(0, near[part].flatten()).view(part.stop - first, -1)


def _gather_multiply_add(features: Tensor, weight: Tensor, table: Table) -> Tensor:
    out = features.new_zeros(table.outputs, weight.shape[2])
    gathered = features.new_empty(min(_BLOCK, max(table.counts, default=0)), features.shape[1])
    for k, rows in _blocks(table.counts):
        met = gathered[: rows.stop - rows.start]
        torch.index_select(features, 0, table.sources[rows], out=met)
        out.index_add_(0, table.targets[rows], linear(met, weight[k].T))
    return out


def _blocks(counts: tuple[int, ...]) -> Iterator[tuple[int, slice]]:
    """Slices of at most a block of the pairs, with the kernel offset that each belongs to."""
    start = 0
    for k, count in enumerate(counts):
        for first in range(start, start + count, _BLOCK):
            yield k, slice(first, min(first + _BLOCK, start + count))
        start += count
