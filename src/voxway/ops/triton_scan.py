"""Selective scan as Triton kernels, for GPUs: the twin of `voxway.ops.selective_scan`, which says when it is used.

A sequence is cut into chunks that are computed at once. Decays multiply and states add up, so one pass over all chunks
finds what each would do to the states before it (a product of decays, ``exp(A sum of steps)``, and what entered since),
a short second one carries states from chunk to chunk, and a third one computes the outputs. The backward pass does the
same from the end, and computes states again: their place in memory is used by some chunks after the others. Sums over
channels and positions are written in parts and added by PyTorch, so repeated runs give the same digits.

A program has a tile of (state, channel) and walks along the positions of one chunk. Positions behind the end read as
steps of zero, which leave states as they are.

Needs Triton, which CUDA builds of PyTorch bring along. With ``TRITON_INTERPRET=1`` the kernels run on a CPU. They are
Triton's language, not Python's, hence no types are checked in them.
"""

from __future__ import annotations

from typing import Any, no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_CHUNK = 128
"""Positions of a chunk."""
_CHANNELS = 32
"""Channels of a tile, at most."""
_SCRATCH = 2**23
"""States that are kept at a time in the backward pass: few enough for a GPU's cache."""


@triton.jit
@no_type_check
def _place(first, chunks, channels, STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """Of a program: sample, chunk, group, channels within the group, the tile's offsets in (group, state, channel)
    and which of its numbers there are."""
    at = tl.program_id(0).to(tl.int64) + first
    blocks = tl.cdiv(channels, BLOCK)
    group = tl.program_id(1) // blocks
    channel = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    state = tl.arange(0, WIDE)
    live = (state < STATES)[:, None] & (channel < channels)[None]
    tile = (group * STATES + state)[:, None] * channels + channel[None]
    return at // chunks, at % chunks, group, channel, tile, live


@triton.jit
@no_type_check
def _row(base, rows, width, within, filled, present, DIGITS: tl.constexpr):
    """Numbers of one position, zero where there are none."""
    return tl.load(base + rows * width + within, mask=filled & present, other=0).to(DIGITS)


@triton.jit
@no_type_check
def _ends_kernel(
    u, delta, A, B, ends, sums,
    length, chunk, chunks, groups, channels,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """States behind every chunk if there were none before it, and the sum of its steps."""
    sample, part, group, channel, tile, live = _place(0, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    decay = tl.load(A + tile, mask=live, other=0)
    reached, total = tl.zeros([WIDE, BLOCK], DIGITS), tl.zeros([BLOCK], DIGITS)
    for t in range(chunk):
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        x = step * _row(u, row, channels, channel, filled, position < length, DIGITS)
        reached = tl.exp(step[None] * decay) * reached + enters[:, None] * x[None]
        total += step
    size = groups * STATES * channels
    tl.store(ends + (sample * chunks + part) * size + tile, reached, mask=live)
    tl.store(sums + ((sample * chunks + part) * groups + group) * channels + channel, total, mask=filled)


@triton.jit
@no_type_check
def _reverse_ends_kernel(
    grad_y, delta, A, C, ends,
    length, chunk, chunks, groups, channels,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Gradients of the states before every chunk if none came from behind it."""
    sample, part, group, channel, tile, live = _place(0, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    decay = tl.load(A + tile, mask=live, other=0)
    reached = tl.zeros([WIDE, BLOCK], DIGITS)
    for back in range(chunk):
        position = part * chunk + chunk - 1 - back
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        reads = _row(C, row, STATES, state, state < STATES, position < length, DIGITS)
        given = _row(grad_y, row, channels, channel, filled, position < length, DIGITS)
        reached = tl.exp(step[None] * decay) * (reached + reads[:, None] * given[None])
    size = groups * STATES * channels
    tl.store(ends + (sample * chunks + part) * size + tile, reached, mask=live)


@triton.jit
@no_type_check
def _carry_kernel(
    ends, sums, A, start, last, chunks, size, states, channels, REVERSE: tl.constexpr, BLOCK: tl.constexpr
):
    """From `start` to `last`, behind all chunks: put what reaches each chunk in the place of its end."""
    sample = tl.program_id(0).to(tl.int64)
    number = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    live = number < size
    channel = number // (states * channels) * channels + number % channels
    decay = tl.load(A + number, mask=live, other=0)
    reached = tl.load(start + sample * size + number, mask=live, other=0)
    for i in range(chunks):
        part = sample * chunks + (chunks - 1 - i if REVERSE else i)
        end = tl.load(ends + part * size + number, mask=live, other=0)
        total = tl.load(sums + part * (size // states) + channel, mask=live, other=0)
        tl.store(ends + part * size + number, reached, mask=live)
        reached = tl.exp(total * decay) * reached + end
    tl.store(last + sample * size + number, reached, mask=live)


@triton.jit
@no_type_check
def _outputs_kernel(
    u, delta, A, B, C, starts, y,
    length, chunk, chunks, groups, channels,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Outputs of every chunk, from the states before it."""
    sample, part, group, channel, tile, live = _place(0, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    decay = tl.load(A + tile, mask=live, other=0)
    reached = tl.load(starts + (sample * chunks + part) * (groups * STATES * channels) + tile, mask=live, other=0)
    for t in range(chunk):
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        reads = _row(C, row, STATES, state, state < STATES, position < length, DIGITS)
        x = step * _row(u, row, channels, channel, filled, position < length, DIGITS)
        reached = tl.exp(step[None] * decay) * reached + enters[:, None] * x[None]
        out = tl.sum(reads[:, None] * reached, 0)
        tl.store(y + row * channels + channel, out, mask=filled & (position < length))


@triton.jit
@no_type_check
def _gradient_kernel(
    u, delta, A, B, C, starts, grad_y, passed, before, grad_u, grad_delta, grad_A, grad_B, grad_C,
    first, length, chunk, chunks, groups, channels, rows,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Gradients of every chunk, from the states before it and what is passed from behind it.

    Those of A are for each chunk, those of B and C for each block of channels. `before` has room for the states before
    each position of all programs.
    """
    sample, part, group, channel, tile, live = _place(first, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    block = (tl.program_id(1) % tl.cdiv(channels, BLOCK)).to(tl.int64)
    decay = tl.load(A + tile, mask=live, other=0)
    whole = (sample * chunks + part) * (groups * STATES * channels) + tile
    program = tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    own = before + program * chunk * WIDE * BLOCK + state[:, None] * BLOCK + tl.arange(0, BLOCK)[None]
    reached = tl.load(starts + whole, mask=live, other=0)
    for t in range(chunk):
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        x = step * _row(u, row, channels, channel, filled, position < length, DIGITS)
        tl.store(own + t * WIDE * BLOCK, reached)
        reached = tl.exp(step[None] * decay) * reached + enters[:, None] * x[None]
    tl.debug_barrier()
    grad = tl.load(passed + whole, mask=live, other=0)
    to_A = tl.zeros([WIDE, BLOCK], DIGITS)
    for back in range(chunk):
        t = chunk - 1 - back
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        value = _row(u, row, channels, channel, filled, position < length, DIGITS)
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        reads = _row(C, row, STATES, state, state < STATES, position < length, DIGITS)
        given = _row(grad_y, row, channels, channel, filled, position < length, DIGITS)
        share = tl.exp(step[None] * decay)
        old = share * tl.load(own + t * WIDE * BLOCK)
        grad += reads[:, None] * given[None]
        to_C = tl.sum((old + enters[:, None] * (step * value)[None]) * given[None], 1)
        to_B = tl.sum(grad * (step * value)[None], 1)
        to_x = tl.sum(grad * enters[:, None], 0)
        to_power = grad * old
        to_A += to_power * step[None]
        within = filled & (position < length)
        tl.store(grad_u + row * channels + channel, to_x * step, mask=within)
        tl.store(grad_delta + row * channels + channel, tl.sum(to_power * decay, 0) + to_x * value, mask=within)
        states = (block * rows + row) * STATES + state
        tl.store(grad_B + states, to_B, mask=(state < STATES) & (position < length))
        tl.store(grad_C + states, to_C, mask=(state < STATES) & (position < length))
        grad = share * grad
    tl.store(grad_A + whole, to_A, mask=live)


class _Scan(torch.autograd.Function):
    """The kernels as one function; tensors as in `scan`."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int
    ) -> tuple[Tensor, Tensor]:
        u, delta, A, B, C = inputs = [tensor.contiguous() for tensor in (u, delta, A, B, C)]
        cut = _Cut(u, A, chunk)
        starts, sums = cut.empty(A), delta.new_empty(len(u), cut.chunks, *u.shape[2:])
        y, last = torch.empty_like(delta), torch.empty_like(starts[:, 0])
        cut.launch(_ends_kernel, (u, delta, A, B, starts, sums))
        cut.carry(starts, sums, A, torch.zeros_like(last), last, reverse=False)
        cut.launch(_outputs_kernel, (u, delta, A, B, C, starts, y))
        ctx.save_for_backward(*inputs, starts, sums)
        ctx.cut = cut
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, B, C, starts, sums = ctx.saved_tensors
        cut: _Cut = ctx.cut
        grad_y, grad_last = grad_y.contiguous(), grad_last.contiguous()
        passed = torch.empty_like(starts)
        cut.launch(_reverse_ends_kernel, (grad_y, delta, A, C, passed))
        cut.carry(passed, sums, A, grad_last, torch.empty_like(grad_last), reverse=True)
        grad_u, grad_delta, grad_A = torch.empty_like(delta), torch.empty_like(delta), torch.empty_like(starts)
        grad_B, grad_C = (A.new_empty(cut.blocks, *t.shape) for t in (B, C))
        outputs = (grad_u, grad_delta, grad_A, grad_B, grad_C)
        cut.launch_in_turn(_gradient_kernel, (u, delta, A, B, C, starts, grad_y, passed), outputs)
        return (
            grad_u.to(u.dtype),
            grad_delta,
            grad_A.sum((0, 1)),
            *(grad.sum(0).to(t.dtype) for grad, t in ((grad_B, B), (grad_C, C))),
            None,
        )


class _Cut:
    """How sequences are cut into chunks and channels into tiles, and kernels launched on them."""

    def __init__(self, u: Tensor, A: Tensor, chunk: int) -> None:
        self.samples, self.length, self.groups, self.channels = u.shape
        self.states = A.shape[1]
        self.chunk = min(chunk, self.length)
        self.chunks = -(-self.length // self.chunk)
        self.wide = 1 << (self.states - 1).bit_length()
        self.block = min(1 << (self.channels - 1).bit_length(), _CHANNELS)
        self.blocks = -(-self.channels // self.block)
        self.fixed = {
            "STATES": self.states,
            "WIDE": self.wide,
            "BLOCK": self.block,
            "DIGITS": tl.float64 if A.dtype == torch.float64 else tl.float32,
            "num_warps": 1,
        }

    def empty(self, A: Tensor) -> Tensor:
        """Room for one state per chunk."""
        return A.new_empty(self.samples, self.chunks, *A.shape)

    def launch(self, kernel: Any, tensors: tuple[Tensor, ...]) -> None:
        """Run a kernel on all chunks and tiles."""
        sizes = (self.length, self.chunk, self.chunks, self.groups, self.channels)
        with torch.cuda.device_of(tensors[0]):
            kernel[(self.samples * self.chunks, self.groups * self.blocks)](*tensors, *sizes, **self.fixed)

    def launch_in_turn(self, kernel: Any, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
        """The same for some chunks after the others, which share room for states."""
        tiles = self.groups * self.blocks
        per_chunk = tiles * self.chunk * self.wide * self.block
        count = self.samples * self.chunks
        turn = min(max(_SCRATCH // per_chunk, 1), count)
        room = inputs[2].new_empty(turn * per_chunk)
        sizes = (self.length, self.chunk, self.chunks, self.groups, self.channels)
        rows = self.samples * self.length * self.groups
        with torch.cuda.device_of(room):
            for first in range(0, count, turn):
                grid = (min(turn, count - first), tiles)
                kernel[grid](*inputs, room, *outputs, first, *sizes, rows, **self.fixed)

    def carry(self, ends: Tensor, sums: Tensor, A: Tensor, start: Tensor, last: Tensor, reverse: bool) -> None:
        """Put what reaches each chunk in the place of its end."""
        size = A.numel()
        kernel: Any = _carry_kernel
        with torch.cuda.device_of(A):
            kernel[(self.samples, -(-size // 128))](
                ends, sums, A, start, last, self.chunks, size, self.states, self.channels, REVERSE=reverse, BLOCK=128
            )  # fmt: skip


def scan(
    u: Float[Tensor, "b l g e"],
    delta: Float[Tensor, "b l g e"],
    A: Float[Tensor, "g n e"],
    B: Float[Tensor, "b l g n"],
    C: Float[Tensor, "b l g n"],
    chunk: int | None = None,
) -> tuple[Float[Tensor, "b l g e"], Float[Tensor, "b g n e"]]:
    """The recurrence of `voxway.ops.selective_scan`, differentiable once; arguments of 16 bits are computed in 32."""
    return _Scan.apply(u, delta, A, B, C, chunk or _CHUNK)
