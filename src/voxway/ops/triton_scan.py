"""Selective scan as Triton kernels, for GPUs: the twin of `voxway.ops.selective_scan`, which says when it is used.

A sequence is cut into chunks that are computed at once. Decays multiply and states add up, so one pass over all chunks
finds what each would do to the states before it (a product of decays, ``exp(A sum of steps)``, and what entered since),
a short second one carries states from chunk to chunk, and a third one computes the outputs. The backward pass does the
same from the end, and computes states again: their place in memory is used by some chunks after the others. Sums over
channels and positions are written in parts and added by PyTorch, so repeated runs give the same digits.

Needs Triton, which CUDA builds of PyTorch bring along. With ``TRITON_INTERPRET=1`` the kernels run on a CPU.
"""

from __future__ import annotations

from typing import cast

import torch
import triton.language as tl
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from voxway.ops.context import Context
from voxway.ops.triton_scan_kernels import (
    carry_kernel,
    ends_kernel,
    gradient_kernel,
    outputs_kernel,
    reverse_ends_kernel,
)
from voxway.ops.triton_use import Kernel

_CHUNK = 128
"""Positions of a chunk."""
_CHANNELS = 32
"""Channels of a tile, at most."""
_SCRATCH = 2**23
"""States that are kept at a time in the backward pass: few enough for a GPU's cache."""


class _Scan(torch.autograd.Function):
    """The kernels as one function; tensors as in `scan`."""

    @staticmethod
    def forward(
        ctx: Context, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int
    ) -> tuple[Tensor, Tensor]:
        u, delta, A, B, C = inputs = [tensor.contiguous() for tensor in (u, delta, A, B, C)]
        cut = _Cut(u, A, chunk)
        starts, sums = cut.empty(A), delta.new_empty(len(u), cut.chunks, *u.shape[2:])
        y, last = torch.empty_like(delta), torch.empty_like(starts[:, 0])
        cut.launch(ends_kernel, (u, delta, A, B, starts, sums))
        cut.carry(starts, sums, A, torch.zeros_like(last), last, reverse=False)
        cut.launch(outputs_kernel, (u, delta, A, B, C, starts, y))
        ctx.save_for_backward(*inputs, starts, sums)
        ctx.cut = cut
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad_y: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, B, C, starts, sums = ctx.saved_tensors
        cut: _Cut = ctx.cut
        grad_y, grad_last = grad_y.contiguous(), grad_last.contiguous()
        passed = torch.empty_like(starts)
        cut.launch(reverse_ends_kernel, (grad_y, delta, A, C, passed))
        cut.carry(passed, sums, A, grad_last, torch.empty_like(grad_last), reverse=True)
        grad_u, grad_delta, grad_A = torch.empty_like(delta), torch.empty_like(delta), torch.empty_like(starts)
        grad_B, grad_C = (A.new_empty(cut.blocks, *t.shape) for t in (B, C))
        outputs = (grad_u, grad_delta, grad_A, grad_B, grad_C)
        cut.launch_in_turn(gradient_kernel, (u, delta, A, B, C, starts, grad_y, passed), outputs)
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

    def launch(self, kernel: Kernel, tensors: tuple[Tensor, ...]) -> None:
        """Run a kernel on all chunks and tiles."""
        sizes = (self.length, self.chunk, self.chunks, self.groups, self.channels)
        with torch.cuda.device_of(tensors[0]):
            kernel[(self.samples * self.chunks, self.groups * self.blocks)](*tensors, *sizes, **self.fixed)

    def launch_in_turn(self, kernel: Kernel, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
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
        kernel = cast(Kernel, carry_kernel)
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
