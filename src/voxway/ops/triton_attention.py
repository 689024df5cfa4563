"""Deformable attention as Triton kernels, for GPUs: the twin of `voxway.ops.deform_attn`, which says when it is used.

A row is a (query, head) pair, ``out[row] = sum_p w[row, p] value(x[row, p], y[row, p])``. A program sums a block of
rows in all channels of their heads, so no sample, share or index is ever stored, and the backward pass samples again.
It adds to the map's gradient atomically, in no fixed order: repeated runs may differ in the last digits.

Needs Triton, which CUDA builds of PyTorch bring along. With ``TRITON_INTERPRET=1`` the kernels run on a CPU. They are
Triton's language, not Python's, hence no types are checked in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from voxway.ops.context import Context
from voxway.ops.triton_use import Kernel

_NUMBERS = 1024
"""Numbers that a program sums: rows of a block times channels."""


@triton.jit
@no_type_check
def _first(position, count):
    """First of the two pixels around `position`, kept inside the map; 0 for what is not a number."""
    last = tl.maximum(count - 2, 0).to(position.dtype)
    return tl.where(position > 0, tl.minimum(tl.floor(position), last), 0.0)


@triton.jit
@no_type_check
def _hat(distance):
    """Bilinear weight of a pixel, ``max(0, 1 - |distance|)``; what is not a number stays so."""
    return tl.where(tl.abs(distance) >= 1, 0.0, 1 - tl.abs(distance))


@triton.jit
@no_type_check
def _slope(distance):
    """Derivative of `_hat`, at its kinks 0 as in PyTorch."""
    side = tl.where(distance > 0, -1.0, tl.where(distance < 0, 1.0, 0.0))
    return tl.where(tl.abs(distance) < 1, side, 0.0)


@triton.jit
@no_type_check
def _places(row, line, column, heads, width, channel, CHANNELS: tl.constexpr):
    """Where the numbers of a pixel lie that belong to the rows' heads."""
    pixel = line.to(tl.int64) * width + column.to(tl.int64)
    return (pixel * heads + row % heads)[:, None] * CHANNELS + channel[None]


@triton.jit
@no_type_check
def _sum_kernel(
    value, x, y, weights, out,
    rows, points, heads, height, width,
    CHANNELS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Sum weighted samples; WIDE is the power of two that holds all CHANNELS."""
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.arange(0, WIDE)
    live = row < rows
    filled = (channel < CHANNELS)[None]
    total = tl.zeros([BLOCK, WIDE], DIGITS)
    for p in range(points):
        at = row * points + p
        x_px = tl.load(x + at, mask=live, other=0).to(DIGITS)
        y_px = tl.load(y + at, mask=live, other=0).to(DIGITS)
        weight = tl.load(weights + at, mask=live, other=0).to(DIGITS)
        left, top = _first(x_px, width), _first(y_px, height)
        for corner in tl.static_range(4):
            line, column = top + corner // 2, left + corner % 2
            share = _hat(y_px - line) * _hat(x_px - column)
            taken = (live & (share != 0) & (line < height) & (column < width))[:, None] & filled
            places = _places(row, line, column, heads, width, channel, CHANNELS)
            total += (weight * share)[:, None] * tl.load(value + places, mask=taken, other=0).to(DIGITS)
    tl.store(out + row[:, None] * CHANNELS + channel[None], total, mask=live[:, None] & filled)


@triton.jit
@no_type_check
def _gradient_kernel(
    value, x, y, weights, grad_out, grad_value, grad_x, grad_y, grad_weights,
    rows, points, heads, height, width,
    CHANNELS: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Gradients of `_sum_kernel` for all four inputs."""
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.arange(0, WIDE)
    live = row < rows
    filled = (channel < CHANNELS)[None]
    given = tl.load(grad_out + row[:, None] * CHANNELS + channel[None], mask=live[:, None] & filled, other=0)
    for p in range(points):
        at = row * points + p
        x_px = tl.load(x + at, mask=live, other=0).to(DIGITS)
        y_px = tl.load(y + at, mask=live, other=0).to(DIGITS)
        weight = tl.load(weights + at, mask=live, other=0).to(DIGITS)
        left, top = _first(x_px, width), _first(y_px, height)
        to_x, to_y, to_weight = tl.zeros([BLOCK], DIGITS), tl.zeros([BLOCK], DIGITS), tl.zeros([BLOCK], DIGITS)
        for corner in tl.static_range(4):
            line, column = top + corner // 2, left + corner % 2
            down, across = _hat(y_px - line), _hat(x_px - column)
            taken = (live & (down * across != 0) & (line < height) & (column < width))[:, None] & filled
            places = _places(row, line, column, heads, width, channel, CHANNELS)
            sampled = tl.sum(given * tl.load(value + places, mask=taken, other=0).to(DIGITS), 1)
            to_x += down * _slope(x_px - column) * sampled
            to_y += across * _slope(y_px - line) * sampled
            to_weight += down * across * sampled
            tl.atomic_add(grad_value + places, (weight * down * across)[:, None] * given, mask=taken, sem="relaxed")
        tl.store(grad_x + at, weight * to_x, mask=live)
        tl.store(grad_y + at, weight * to_y, mask=live)
        tl.store(grad_weights + at, to_weight, mask=live)


class _WeightedSum(torch.autograd.Function):
    """The two kernels as one function of (s, heads, c) values and (q, heads, points) positions and weights."""

    @staticmethod
    def forward(
        ctx: Context, value: Tensor, x_px: Tensor, y_px: Tensor, weights: Tensor, size: tuple[int, int]
    ) -> Tensor:
        inputs = [tensor.contiguous() for tensor in (value, x_px, y_px, weights)]
        ctx.save_for_backward(*inputs)
        ctx.size = size
        out = value.new_empty(*weights.shape[:2], value.shape[-1], dtype=weights.dtype)
        _launch(_sum_kernel, inputs, [out], size)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        inputs = ctx.saved_tensors  # taken once: under checkpointing they can be no second time
        value, *rest = inputs
        # A pixel's gradient is the sum of many, for which 16 bits are too few.
        grad_value = torch.zeros_like(value, dtype=_digits(inputs))
        grads = [grad_value, *(torch.empty_like(tensor) for tensor in rest)]
        _launch(_gradient_kernel, inputs, [grad_out.to(grad_value.dtype).contiguous(), *grads], ctx.size)
        return grad_value.to(value.dtype), *grads[1:], None


def _digits(inputs: Sequence[Tensor]) -> torch.dtype:
    """What sums are computed in: float32, or float64 where an input has it."""
    return torch.float64 if any(tensor.dtype == torch.float64 for tensor in inputs) else torch.float32


def _launch(
    kernel: Kernel, inputs: list[Tensor] | tuple[Tensor, ...], others: list[Tensor], size: tuple[int, int]
) -> None:
    queries, heads, points = inputs[-1].shape
    channels = inputs[0].shape[-1]
    if not queries * channels:
        return
    wide = 1 << (channels - 1).bit_length()
    block = max(_NUMBERS // wide, 1)
    digits = tl.float64 if _digits(inputs) == torch.float64 else tl.float32
    grid = (-(-queries * heads // block),)
    with torch.cuda.device_of(inputs[0]):
        kernel[grid](
            *inputs, *others, queries * heads, points, heads, *size,
            CHANNELS=channels, WIDE=wide, BLOCK=block, DIGITS=digits,
        )  # fmt: skip


def deformable_attention(
    value: Float[Tensor, "s heads c"],
    size: tuple[int, int],
    x_px: Float[Tensor, "q heads points"],
    y_px: Float[Tensor, "q heads points"],
    weights: Float[Tensor, "q heads points"],
) -> Float[Tensor, "q heads_c"]:
    """`voxway.ops.deform_attn.deformable_attention`, differentiable once; arguments of 16 bits are summed in 32.

    Raises:
        ValueError: the map does not have height * width rows.
    """
    if len(value) != size[0] * size[1]:
        raise ValueError(f"a map of {size} px has {size[0] * size[1]} rows, value has {len(value)}")
    return _WeightedSum.apply(value, x_px, y_px, weights, size).flatten(1)
