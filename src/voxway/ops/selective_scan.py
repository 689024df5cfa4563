"""Selective scan (Mamba, arXiv 2312.00752): a linear recurrence along a sequence, whose terms depend on the input.

Every channel has n states. With positions l and the steps ``d_l = softplus(delta_l + delta_bias)``::

    h_l = exp(d_l A) h_(l-1) + d_l B_l u_l          y_l = C_l h_l + D u_l, times silu(z_l)

The recurrence is followed as it is written, with one multiply-add for all channels and states per position; all else,
the exponentials above all, is computed for a chunk of positions at a time, while these are in a processor's cache.
Nothing of the size l x d x n exists but one state per chunk, from which the backward pass computes the others again.
Nothing is divided by products of decays, which vanish, so a long sequence is as exact as a short one. On a GPU,
Triton's kernels do the same for all chunks at once (`voxway.ops.triton_scan`).
"""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from voxway.ops.context import Context
from voxway.ops.triton_use import use_triton

_NUMBERS = 2**17
"""Numbers in the states of a chunk: few enough for a processor's cache, and enough to be worth an operator's start."""
_LEAST = 16
"""Positions of a chunk at least: the states kept for the backward pass are so many times fewer than all."""
_TOGETHER = 8
"""Chunks whose terms are computed at once: these are few beside the states."""
_SHARED = 2**15
"""Numbers of the states of one position from which on PyTorch gives a sum to several threads."""


def selective_scan(
    u: Float[Tensor, "b l d"],
    delta: Float[Tensor, "b l d"],
    A: Float[Tensor, "d n"],
    B: Float[Tensor, "b l *g n"],
    C: Float[Tensor, "b l *g n"],
    D: Float[Tensor, "d"] | None = None,
    z: Float[Tensor, "b l d"] | None = None,
    delta_bias: Float[Tensor, "d"] | None = None,
    softplus: bool = False,
    chunk: int | None = None,
) -> tuple[Float[Tensor, "b l d"], Float[Tensor, "b d n"]]:
    """Scan sequences from their first to their last position.

    Args:
        u: what enters the states.
        delta: steps, before bias and softplus if there are any.
        A: what states decay with; negative in published networks.
        B: how the input enters the states: for all channels, or for each of g groups of them.
        C: how the states are read, likewise.
        D: share of the input that is added to the output.
        z: gate of the output, before SiLU.
        delta_bias: added to the steps.
        softplus: whether the steps pass a softplus.
        chunk: positions that are computed at a time; only speed and memory depend on it.

    Returns:
        the output, of the dtype of u, and the states behind the last position. States have 32 bits, or 64 where an
        input has.

    Raises:
        ValueError: no sample or no position, channels that do not split into the groups, or sequences of unlike size.
    """
    groups = 1 if B.ndim == 3 else B.shape[2]
    if min(u.shape) < 1 or u.shape[2] % groups:
        raise ValueError(
            f"a scan needs a sample, a position and channels that split into {groups} groups, got {tuple(u.shape)}"
        )
    if u.shape != delta.shape or not B.shape[:2] == C.shape[:2] == u.shape[:2]:
        found = ", ".join(f"{name} {tuple(t.shape)}" for name, t in (("u", u), ("delta", delta), ("B", B), ("C", C)))
        raise ValueError(f"a scan needs terms for every position of every sample, got {found}")
    digits = torch.promote_types(torch.promote_types(u.dtype, A.dtype), torch.float32)
    x, raw = (t.unflatten(2, (groups, -1)) for t in (u, delta))
    A = A.to(digits).T.unflatten(1, (groups, -1)).transpose(0, 1).contiguous()
    B, C = (t.unflatten(-1, (1, -1)) if t.ndim == 3 else t for t in (B, C))
    skip, bias = (None if t is None else t.to(digits).unflatten(0, (groups, -1)) for t in (D, delta_bias))
    if use_triton(u):
        from voxway.ops import triton_scan

        y, last = triton_scan.scan(x, _steps(raw.to(digits), bias, softplus), A, B, C, chunk)
        y = y if skip is None else y + x.to(digits) * skip
    else:
        inputs = (x, raw, A, B, C, skip, bias)
        keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs)
        chunk = chunk or max(_NUMBERS // (len(u) * A.numel()), _LEAST)
        y, last = _Scan.apply(*inputs, softplus, chunk, keep)
    y = y.flatten(2)
    if z is not None:
        y = y * F.silu(z.to(digits))
    return y.to(u.dtype), last.transpose(2, 3).flatten(1, 2)


def _steps(raw: Tensor, bias: Tensor | None, softplus: bool) -> Tensor:
    """Steps from what is given for them."""
    biased = raw if bias is None else raw + bias
    return F.softplus(biased) if softplus else biased


class _Chunk:
    """Room for all states (position, b, g, n, e) of a chunk, used for one chunk after another."""

    def __init__(self, positions: int, A: Tensor, samples: int, backward: bool = False) -> None:
        self.decay = A.new_empty(positions, samples, *A.shape)
        self.states = A.new_empty(positions + 1, samples, *A.shape)
        self.grad = torch.empty_like(self.decay) if backward else self.decay[:0]
        # Views are made once: they would take as long as the sums.
        self.start, self.behind = self.states[0], self.states[1:]
        self._onward = list(zip(self.behind.unbind(), self.decay.unbind(), self.states[:-1].unbind()))
        self._back = list(zip(self.grad[:-1].unbind(), self.decay[1:].unbind(), self.grad[1:].unbind()))[::-1]

    def forward(self, start: Tensor, A: Tensor, entering: Tensor, steps: Tensor, B: Tensor) -> Tensor:
        """Fill `decay` and `states`: the one before the first position, and those behind each; returns the latter.

        Args:
            start: the state before the first position, which may be the last one of the chunk that is here.
            entering: steps times inputs.
        """
        self.start.copy_(start)
        torch.mul(steps[..., None, :], A, out=self.decay).exp_()
        torch.mul(B[..., None], entering[..., None, :], out=self.behind)
        for now, kept, before in self._onward:
            now.addcmul_(kept, before)
        return self.behind

    def backward(self, C: Tensor, grad_y: Tensor, passed: Tensor) -> Tensor:
        """Fill `grad`, the gradients of the states behind each position, after `forward` has filled the rest.

        Args:
            passed: what the last of them gets from the positions behind the chunk.
        """
        torch.mul(C[..., None], grad_y[..., None, :], out=self.grad)
        self.grad[-1] += passed
        for before, kept, now in self._back:
            before.addcmul_(kept, now)
        return self.grad


class _Scan(torch.autograd.Function):
    """All but the gate, in PyTorch; channels are (group, e), and `keep` says whether there will be a backward pass."""

    @staticmethod
    def forward(
        ctx: Context,
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor | None,
        bias: Tensor | None,
        softplus: bool,
        chunk: int,
        keep: bool,
    ) -> tuple[Tensor, Tensor]:
        count = -(-u.shape[1] // chunk)
        y, last = A.new_empty(u.shape), A.new_zeros(len(u), *A.shape)
        starts = A.new_empty(count if keep else 0, *last.shape)
        with _plain(last):
            number, state = itertools.count(), last
            room = _Chunk(min(chunk, u.shape[1]), A, len(u))
            for out, *given in _by_position(chunk * _TOGETHER, y, u, delta, B, C):
                x, raw, enters, reads = (t.to(A.dtype) for t in given)
                steps = _steps(raw, bias, softplus)
                found = []
                for entering, *terms, read in zip(*(t.split(chunk) for t in (steps * x, steps, enters, reads))):
                    if keep:
                        starts[next(number)] = state
                    if len(entering) < len(room.decay):
                        room = _Chunk(len(entering), A, len(u))
                    states = room.forward(state, A, entering, *terms)
                    found.append(_sum_states(read, states))
                    state = states[-1]
                read = torch.cat(found)
                out.copy_(read if D is None else read.addcmul_(x, D))
            last.copy_(state)
        ctx.save_for_backward(u, delta, A, B, C, D, bias, starts)
        ctx.softplus, ctx.chunk = softplus, chunk
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad_y: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, B, C, D, bias, starts = ctx.saved_tensors
        found = [torch.empty(t.shape, dtype=t.dtype, device=t.device) for t in (u, delta, B, C)]
        grad_A = torch.zeros_like(A)
        grad_D, grad_bias = (None if t is None else torch.zeros_like(t) for t in (D, bias))
        with _plain(grad_last):
            passed = grad_last
            places = _by_position(ctx.chunk, *found)
            given = _by_position(ctx.chunk, u, delta, B, C, grad_y)
            room = _Chunk(len(places[-1][0]), A, len(u), backward=True)
            for i in reversed(range(len(starts))):
                x, raw, enters, reads, grad_out = (t.to(A.dtype) for t in given[i])
                steps = _steps(raw, bias, ctx.softplus)
                entering = steps * x
                if len(steps) > len(room.decay):
                    room = _Chunk(len(steps), A, len(u), backward=True)
                states = room.forward(starts[i], A, entering, steps, enters)
                grad = room.backward(reads, grad_out, passed)
                passed = room.decay[0] * grad[0]
                to_entering = _sum_states(enters, grad)
                to_u = to_entering * steps
                to_B, to_C = _sum_channels(grad, entering), _sum_channels(states, grad_out)
                grad.mul_(room.decay).mul_(room.states[:-1])  # from here on the gradient of steps times A
                grad_A += torch.mul(grad, steps[..., None, :], out=room.decay).sum((0, 1))
                to_delta = grad.mul_(A).sum(-2).addcmul_(to_entering, x)
                if ctx.softplus:
                    to_delta *= -torch.expm1(-steps)
                if grad_bias is not None:
                    grad_bias += to_delta.sum((0, 1))
                if grad_D is not None:
                    to_u.addcmul_(grad_out, D)
                    grad_D += (grad_out * x).sum((0, 1))
                for place, part in zip(places[i], (to_u, to_delta, to_B, to_C)):
                    place.copy_(part)
        grad_u, grad_delta, grad_B, grad_C = found
        return grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias, None, None, None


@contextmanager
def _plain(state: Tensor) -> Generator[None]:
    """How sums are computed, of which there are many and small ones; what is made here must not leave.

    Without autocast, which would take digits from the states; without bookkeeping for autograd; and, unless the states
    of one position are many, on one thread: several would wait for each other as long as they compute, and, beside
    other busy processes, far longer.
    """
    threads = torch.get_num_threads()
    alone = state.device.type == "cpu" and state.numel() < _SHARED and threads > 1
    with torch.autocast(state.device.type, enabled=False), torch.inference_mode():
        if alone:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if alone:
                torch.set_num_threads(threads)


def _by_position(chunk: int, *tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Chunks of tensors (b, l, ...), positions first."""
    return list(zip(*(tensor.transpose(0, 1).split(chunk) for tensor in tensors)))


def _sum_states(weights: Float[Tensor, "t b g n"], states: Float[Tensor, "t b g n e"]) -> Float[Tensor, "t b g e"]:
    """Weighted sums over the states of every channel."""
    rows = torch.bmm(weights.reshape(-1, 1, weights.shape[-1]), states.flatten(0, 2))
    return rows.view(*states.shape[:3], -1)


def _sum_channels(states: Float[Tensor, "t b g n e"], weights: Float[Tensor, "t b g e"]) -> Float[Tensor, "t b g n"]:
    """Weighted sums over the channels of every state."""
    columns = torch.bmm(states.flatten(0, 2), weights.reshape(-1, weights.shape[-1], 1))
    return columns.view(states.shape[:4])
