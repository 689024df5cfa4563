"""The three deformable transformers of MonoOcc, computed in chunks of queries.

A layer is ``x <- norm(x + attention(x)); x <- norm(x + ffn(x))``. Everything in it but the value map is local to a
query, so a chunk of queries passes through the whole layer while it is in cache, and memory does not grow with the
number of queries x heads x points. In training every chunk is a gradient checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from voxway.nn.linear import Linear
from voxway.ops.deform_attn import deformable_attention
from voxway.ops.linear import linear
from voxway.ops.triton_use import use_triton

CHUNK = 8192
"""Queries per chunk at inference: few enough for a processor's cache, and enough to be worth an operator's start."""
TRAINING_CHUNK = 32768
"""Queries per chunk in training, where every chunk adds one map-sized gradient."""


class FeedForward(nn.Module):
    """``x <- x + W2 relu(W1 x)``."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.expand = Linear(width, hidden)
        self.contract = Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "q c"]) -> Float[Tensor, "q c"]:
        hidden = self.dropout(F.relu(self.expand(x)))
        return x + self.dropout(self.contract(hidden))


class DeformableLayer(nn.Module):
    """What both kinds of layer share: projections, feed-forward network, norms, and the walk over chunks.

    Args:
        width: channels c of queries and values.
        heads: attention heads; each owns c / heads channels.
        samples: sampled points per head.
        query_width: channels from which offsets and weights are predicted.
    """

    def __init__(self, width: int, heads: int, samples: int, query_width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.samples = heads, samples
        self.offsets = nn.Linear(query_width, heads * samples * 2)
        self.weights = nn.Linear(query_width, heads * samples)
        self.value = Linear(width, width)
        self.output = Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden, dropout)
        self.output_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def initialise(self, points: int) -> None:
        """Published start: offsets point into the 8 directions of the heads, farther with each point; weights equal."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack([angle.cos(), angle.sin()], -1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        distance = torch.arange(1, points + 1).repeat(self.samples // points)
        nn.init.zeros_(self.offsets.weight)
        with torch.no_grad():
            self.offsets.bias.copy_((direction[:, None] * distance[:, None]).flatten())
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)
        for projection in (self.value, self.output):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def sampling_weight(self) -> tuple[Float[Tensor, "o i"], Float[Tensor, "o"]]:
        """Offset and attention projections as one matrix, its rows ordered: all x, all y, all attention weights."""
        weight = self.offsets.weight.unflatten(0, (-1, 2)).transpose(0, 1).flatten(0, 1)
        bias = self.offsets.bias.unflatten(0, (-1, 2)).transpose(0, 1).flatten(0, 1)
        return torch.cat([weight, self.weights.weight]), torch.cat([bias, self.weights.bias])

    def split_samples(self, predicted: Float[Tensor, "q o"]) -> tuple[Tensor, Tensor, Tensor]:
        """x offsets, y offsets and attention logits, each (q, heads, samples), from `sampling_weight`'s output."""
        # Positions need more digits than bfloat16 has.
        predicted = predicted.float() if predicted.dtype.itemsize < 4 else predicted
        x, y, attention = predicted.unflatten(-1, (3, self.heads, self.samples)).unbind(1)
        return x, y, attention

    def values(self, x: Float[Tensor, "*b c"]) -> Float[Tensor, "*b heads c2"]:
        """What is sampled, split into heads; widened once here where every chunk would widen it."""
        value = self.value(x).unflatten(-1, (self.heads, -1))
        return value if use_triton(value) else value.to(torch.promote_types(value.dtype, torch.float32))

    def finish(self, x: Float[Tensor, "q c"], update: Float[Tensor, "q c"]) -> Float[Tensor, "q c"]:
        """Residual, norm, feed-forward network, norm."""
        x = self.attention_norm(x + self.dropout(update))
        return self.output_norm(self.feed_forward(x))

    def in_chunks(
        self, x: Float[Tensor, "q c"], step: Callable[[slice], Tensor], multiple: int = 1
    ) -> Float[Tensor, "q c"]:
        """Run `step` on slices of the queries, whose lengths are a multiple of `multiple`, and join the results."""
        if torch.is_grad_enabled():
            parts = list(_slices(len(x), TRAINING_CHUNK, multiple))
            if len(parts) == 1:
                return step(parts[0])
            return torch.cat([checkpoint(step, part, use_reentrant=False) for part in parts])
        out = torch.empty_like(x)
        for part in _slices(len(x), CHUNK, multiple):
            out[part] = step(part)
        return out


def softmax_over_few(logits: Float[Tensor, "q g p"]) -> Float[Tensor, "q g p"]:
    """Softmax over the last axis. On a CPU, an axis of 8 takes a tenth of the time when it is not the last one."""
    if torch.compiler.is_exporting():
        return logits.softmax(-1)
    return logits.transpose(1, 2).contiguous().softmax(1).transpose(1, 2).contiguous()


def _slices(count: int, size: int, multiple: int) -> Iterator[slice]:
    size = max(size // multiple, 1) * multiple
    return (slice(start, min(start + size, count)) for start in range(0, max(count, 1), size))


class ImageCrossAttention(DeformableLayer):
    """Deformable cross-attention from voxels to images (eq. 1): one reference point per voxel and camera.

    The update is averaged over the cameras that see a voxel, then projected; a voxel that no camera sees receives
    the projection's bias. Queries get no positional encoding.
    """

    def __init__(self, width: int, heads: int, points: int, hidden: int, dropout: float) -> None:
        super().__init__(width, heads, points, width, hidden, dropout)
        self.initialise(points)

    def forward(
        self,
        x: Float[Tensor, "q c"],
        maps: Float[Tensor, "n h w c"],
        reference_px: Float[Tensor, "n q 2"],
        seen: Bool[Tensor, "n q"],
    ) -> Float[Tensor, "q c"]:
        """Update voxel features from image features.

        Args:
            x: voxel features.
            maps: image features of n cameras.
            reference_px: (column, row) of every voxel on each feature map; pixel centres lie at whole numbers.
            seen: which voxels each camera sees; other reference points are not looked at.
        """
        size = (maps.shape[1], maps.shape[2])
        values = self.values(maps).flatten(1, 2)
        weight, bias = self.sampling_weight()

        def step(part: slice) -> Tensor:
            queries = x[part]
            summed = torch.zeros_like(queries)
            for value, reference, visible in zip(values, reference_px[:, part], seen[:, part]):
                rows = visible.nonzero()[:, 0]
                sampled = self.sampled(value, size, linear(queries[rows], weight, bias), reference[rows])
                summed = summed.index_add(0, rows, sampled)
            mean = summed / seen[:, part].sum(0).clamp(min=1)[:, None]
            return self.finish(queries, self.output(mean))

        return self.in_chunks(x, step)

    def sampled(
        self,
        value: Float[Tensor, "s heads c2"],
        size: tuple[int, int],
        predicted: Float[Tensor, "q o"],
        reference_px: Float[Tensor, "q 2"],
    ) -> Float[Tensor, "q c"]:
        """What queries find in one map of `size`, from what `sampling_weight` predicts for them."""
        dx, dy, attention = self.split_samples(predicted)
        column, row = reference_px[:, :, None, None].unbind(1)
        return deformable_attention(value, size, dx + column, dy + row, softmax_over_few(attention))


class VoxelSelfAttention(DeformableLayer):
    """Deformable self-attention (eq. 3) of all voxels, re-read as one plane of (rows, columns) pixels.

    BEVFormer's temporal self-attention with the present as its own history: two queues of points sample the same
    values, each queue has a softmax of its own, and the two results are averaged. Offsets and weights are predicted
    from ``concat(x, x + position)`` and the position is a sum of a row and a column table, so

    ``W concat(x, x + position) = (W1 + W2) x + W2c column + W2r row``:

    half the multiplications, and the position costs two small tables.
    """

    QUEUES = 2

    def __init__(self, width: int, heads: int, points: int, hidden: int, dropout: float) -> None:
        super().__init__(width, heads, points * self.QUEUES, 2 * width, hidden, dropout)
        self.points = points
        self.initialise(points)

    def forward(
        self, x: Float[Tensor, "q c"], rows: Float[Tensor, "r c2"], columns: Float[Tensor, "w c2"]
    ) -> Float[Tensor, "q c"]:
        """Update voxel features from one another.

        Args:
            x: features of all voxels in C order, q = r * w: pixel (row, column) of the plane is ``row * w + column``.
            rows: second half of the positional encoding's channels, by row.
            columns: first half, by column.
        """
        size = (len(rows), len(columns))
        width = size[1]
        value = self.values(x)
        for_x, per_row, per_column = self.by_position(rows, columns)
        average = self.output.weight / self.QUEUES

        def step(part: slice) -> Tensor:
            queries = x[part]
            plane_rows = slice(part.start // width, part.stop // width)
            base = (per_row[plane_rows, None] + per_column).flatten(0, 1)
            sampled = self.sampled(value, size, linear(queries, for_x) + base, plane_rows.start)
            return self.finish(queries, linear(sampled, average, self.output.bias))

        return self.in_chunks(x, step, multiple=width)

    def by_position(
        self, rows: Float[Tensor, "r c2"], columns: Float[Tensor, "w c2"]
    ) -> tuple[Float[Tensor, "o c"], Float[Tensor, "r o"], Float[Tensor, "w o"]]:
        """W1 + W2, and what every row and every column adds, the bias included; see the class."""
        weight, bias = self.sampling_weight()
        for_x, for_position = weight.chunk(2, -1)
        for_column, for_row = for_position.chunk(2, -1)
        return for_x + for_position, rows @ for_row.T, columns @ for_column.T + bias

    def sampled(
        self, value: Float[Tensor, "s heads c2"], size: tuple[int, int], predicted: Float[Tensor, "q o"], first_row: int
    ) -> Float[Tensor, "q c"]:
        """What the pixels of some rows find in the plane of `size`, from what is predicted for them.

        Args:
            value: what is sampled.
            size: rows and columns of the plane.
            predicted: offsets and attention logits of whole rows.
            first_row: the first of these.
        """
        dx, dy, attention = self.split_samples(predicted)
        dx, dy = (offset.unflatten(0, (-1, size[1])) for offset in (dx, dy))
        column = torch.arange(size[1], device=dx.device, dtype=dx.dtype)[:, None, None]
        row = torch.arange(first_row, first_row + len(dy), device=dy.device, dtype=dy.dtype)[:, None, None, None]
        # Added here and not by the prediction: a sum of products carried at the size of a column loses digits.
        x_px, y_px = (dx + column).flatten(0, 1), (dy + row).flatten(0, 1)
        attention = softmax_over_few(attention.unflatten(-1, (self.QUEUES, self.points)).flatten(1, 2)).view_as(x_px)
        return deformable_attention(value, size, x_px, y_px, attention)
