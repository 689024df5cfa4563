"""Neighbour tables of sparse convolutions inside an exported network, from operators that every runtime has.

The tables of `voxway.ops.sparse_conv` search sorted keys with `searchsorted` and pair rows with `unique`, of which ONNX
has one not at all and the other slowly. Here a search is a fixed number of gathers and comparisons, and the sites of a
strided convolution are marked in a volume of flags and read off it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from voxway.ops.sparse_conv import Triple

_PAST = 2**62
"""A key behind all others."""


@dataclass(frozen=True)
class SiteKeys:
    """Active cells of one volume, ascending.

    Attributes:
        index: z, y, x of every site, ascending.
        keys: of the sites in the volume with a border of one cell, ascending; at last one that is no site's.
        shape: cells along z, y and x.
        most: sites that there can be.
    """

    index: Int[Tensor, "s 3"]
    keys: Int[Tensor, "s1"]
    shape: Triple
    most: int


def site_keys(index: Int[Tensor, "s 3"], shape: Triple, most: int) -> SiteKeys:
    """Keys of sites that are in ascending order of (z, y, x) already."""
    keys = _bordered(index, shape)
    return SiteKeys(index, torch.cat([keys, keys.new_full((1,), _PAST)]), shape, most)


def sorted_sites(index: Int[Tensor, "v 3"], shape: Triple, most: int) -> tuple[SiteKeys, Int[Tensor, "v"]]:
    """Sites in ascending order, and which given row each of them is.

    Args:
        index: z, y, x; without repetition.
        shape: cells along z, y and x.
        most: rows that there can be.
    """
    order = _bordered(index, shape).sort().indices
    return site_keys(index.index_select(0, order), shape, most), order


def _bordered(index: Int[Tensor, "... 3"], shape: Triple) -> Int[Tensor, "..."]:
    _, ny, nx = (count + 2 for count in shape)
    z, y, x = index.unbind(-1)
    return (z * ny + y) * nx + x


def lower_bound(keys: Int[Tensor, "s1"], wanted: Int[Tensor, "w"], most: int) -> Int[Tensor, "w"]:
    """Where in ascending keys each wanted one stands, or would; `torch.searchsorted` by halving.

    Args:
        keys: the last is larger than all that are wanted.
        wanted: keys to find.
        most: keys that there can be, besides the last.
    """
    last = keys.shape[0] - 1
    below = torch.zeros_like(wanted)  # so many keys are known to be smaller
    for power in reversed(range(most.bit_length())):
        probe = (below + (2**power - 1)).clamp(max=last)
        below = torch.where(keys.index_select(0, probe) < wanted, below + 2**power, below)
    return below


def neighbours(
    sites: SiteKeys, outputs: Int[Tensor, "o 3"], kernel: Triple, stride: Triple, padding: Triple
) -> Int[Tensor, "o k"]:
    """Row of the input under every kernel offset of every output; the number of sites, one past the last, means none.

    Of a row of neighbours along x the first is searched for: the others follow it in the order of keys.

    Args:
        sites: of the input.
        outputs: z, y, x of the output's sites.
        kernel: cells of the kernel along z, y and x.
        stride: steps along z, y and x.
        padding: cells added on both sides along z, y and x.
    """
    count = sites.keys.shape[0] - 1
    corner = outputs * outputs.new_tensor(stride) - outputs.new_tensor(padding)
    steps = torch.cartesian_prod(torch.arange(kernel[0]), torch.arange(kernel[1]), torch.arange(1)).to(outputs)
    wanted = (_bordered(corner, sites.shape)[:, None] + _bordered(steps, sites.shape)).flatten()
    position = lower_bound(sites.keys, wanted, sites.most)
    found = []
    for _ in range(kernel[2]):
        hit = sites.keys.index_select(0, position) == wanted
        found.append(torch.where(hit, position, count))
        wanted, position = wanted + 1, position + hit.long()
    return torch.stack(found, -1).view(-1, kernel[0] * kernel[1] * kernel[2])


def strided_sites(sites: SiteKeys, kernel: Triple, stride: Triple, padding: Triple) -> SiteKeys:
    """Sites of a convolution that is active wherever its kernel touches an input site; arguments as in `neighbours`."""
    nz, ny, nx = shape = tuple(
        (n + 2 * p - k) // s + 1 for n, k, s, p in zip(sites.shape, kernel, stride, padding)
    )  # fmt: skip
    cells = nz * ny * nx
    touched = torch.zeros(1, dtype=torch.long, device=sites.index.device)
    valid = torch.ones(1, dtype=torch.bool, device=sites.index.device)
    for axis, count in enumerate(shape):
        # Every output cell o with 0 <= position + padding - stride * o < kernel: the highest, and those before it.
        reach = sites.index[:, axis] + padding[axis]
        back = torch.arange(-(-kernel[axis] // stride[axis]), device=reach.device)
        cell = reach.div(stride[axis], rounding_mode="floor")[:, None] - back
        inside = (cell >= 0) & (cell < count) & (reach[:, None] - stride[axis] * cell < kernel[axis])
        touched = (touched[..., None] * count + cell[:, None]).flatten(1)
        valid = (valid[..., None] & inside[:, None]).flatten(1)
    flags = torch.zeros(cells + 1, dtype=torch.bool, device=touched.device)
    marks = torch.where(valid, touched, cells).flatten()
    flags = flags.index_put((marks,), torch.ones_like(marks, dtype=torch.bool))
    position = flags[:cells].nonzero().flatten()
    index = torch.stack([position // (ny * nx), position // nx % ny, position % nx], 1)
    most = min(cells, sites.most * touched.shape[1])
    return site_keys(index, (nz, ny, nx), most)


def scatter_columns(x: Float[Tensor, "s c"], sites: SiteKeys) -> Float[Tensor, "1 _c y x"]:
    """Dense map whose channel is ``c * heights + z``; zero where there is no site."""
    height, rows, columns = sites.shape
    z, y, column = sites.index.unbind(1)
    dense = x.new_zeros(rows * columns * height, x.shape[1])
    dense = dense.index_put(((y * columns + column) * height + z,), x)
    return dense.view(1, rows, columns, height, x.shape[1]).permute(0, 4, 3, 1, 2).flatten(1, 2)
