"""MonoOcc's deformable layers for exports: projections merged beforehand, and all queries looked up in all views.

So no length depends on calibration. Queries are still taken in chunks, written out one after the other, which bounds
the memory for gathered samples.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from voxway.methods.monoocc.attention import ImageCrossAttention, VoxelSelfAttention
from voxway.methods.monoocc.model import MonoOcc
from voxway.methods.shared.export.voxel_head import VoxelHeadGraph

CHUNK = 16384
"""Queries per chunk: half a gigabyte of gathered samples in MonoOcc's self-attention."""


def for_export(network: MonoOcc) -> MonoOcc:
    """The network with its deformable layers and its head in the forms of exports; weights are shared, not copied."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    changed = copy.deepcopy(network, shared).eval()
    for name, module in list(changed.named_modules()):
        if isinstance(module, ImageCrossAttention):
            changed.set_submodule(name, ImageCrossAttentionGraph(module))
        elif isinstance(module, VoxelSelfAttention):
            changed.set_submodule(name, VoxelSelfAttentionGraph(module, changed.plane_rows, changed.plane_columns))
    changed.set_submodule("head", VoxelHeadGraph(network.head, network.working_grid.shape))
    return changed


class ImageCrossAttentionGraph(nn.Module):
    """`ImageCrossAttention`; what a view does not see of its queries counts nothing."""

    def __init__(self, layer: ImageCrossAttention) -> None:
        super().__init__()
        self.layer = layer
        self.sampling = _linear(*layer.sampling_weight())

    def forward(
        self,
        x: Float[Tensor, "q c"],
        maps: Float[Tensor, "n h w c"],
        reference_px: Float[Tensor, "n q 2"],
        seen: Bool[Tensor, "n q"],
    ) -> Float[Tensor, "q c"]:
        """Update voxel features; arguments as in `ImageCrossAttention`."""
        layer, size = self.layer, (maps.shape[1], maps.shape[2])
        values = layer.values(maps).flatten(1, 2)
        shares = seen.to(x.dtype) / seen.to(x.dtype).sum(0).clamp(min=1)

        def step(part: slice) -> Tensor:
            queries = x[part]
            predicted = self.sampling(queries)
            looks = zip(values, reference_px[:, part], shares[:, part, None])
            found = [share * layer.sampled(value, size, predicted, reference) for value, reference, share in looks]
            return layer.finish(queries, layer.output(sum(found[1:], found[0])))

        return _in_chunks(x, step)


class VoxelSelfAttentionGraph(nn.Module):
    """`VoxelSelfAttention` for one positional encoding."""

    per_row: Tensor
    per_column: Tensor

    @torch.no_grad()
    def __init__(self, layer: VoxelSelfAttention, rows: Float[Tensor, "r c2"], columns: Float[Tensor, "w c2"]) -> None:
        super().__init__()
        self.layer = layer
        weight, per_row, per_column = layer.by_position(rows, columns)
        self.sampling = _linear(weight, None)
        self.output = _linear(layer.output.weight / layer.QUEUES, layer.output.bias)
        self.register_buffer("per_row", per_row, persistent=False)
        self.register_buffer("per_column", per_column, persistent=False)

    def forward(
        self, x: Float[Tensor, "q c"], rows: Float[Tensor, "r c2"], columns: Float[Tensor, "w c2"]
    ) -> Float[Tensor, "q c"]:
        """Update voxel features from one another; arguments as in `VoxelSelfAttention`, the encoding is known."""
        layer, size = self.layer, (len(self.per_row), len(self.per_column))
        values = layer.values(x)

        def step(part: slice) -> Tensor:
            queries, first, last = x[part], part.start // size[1], part.stop // size[1]
            base = (self.per_row[first:last, None] + self.per_column).flatten(0, 1)
            sampled = layer.sampled(values, size, self.sampling(queries) + base, first)
            return layer.finish(queries, self.output(sampled))

        return _in_chunks(x, step, size[1])


@torch.no_grad()
def _linear(weight: Float[Tensor, "o i"], bias: Float[Tensor, "o"] | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


def _in_chunks(x: Float[Tensor, "q c"], step: Callable[[slice], Tensor], multiple: int = 1) -> Float[Tensor, "q c"]:
    """Results of slices (of a multiple of `multiple` queries) joined; of proposals, whose number is open, at once."""
    count = x.shape[0]
    if not isinstance(count, int):
        return step(slice(None))
    size = max(CHUNK // multiple, 1) * multiple
    return torch.cat([step(slice(start, min(start + size, count))) for start in range(0, count, size)])
