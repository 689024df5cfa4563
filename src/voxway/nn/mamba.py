"""Mamba (arXiv 2312.00752): selective state spaces as layers of a network. Sequences are (b, l, c)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.linear import Linear
from voxway.ops.linear import linear
from voxway.ops.selective_scan import selective_scan

_LEAST_STEP, _LARGEST_STEP = 1e-3, 1e-1
"""Steps at the start of training lie between these, evenly on a scale of logarithms."""


class StateSpace(nn.Module):
    """A selective scan whose steps, entries and readings are predicted from its input.

    ``delta, B, C = split(select(x))``, ``y = scan(x, step(delta), -exp(log_decay), B, C, skip)``

    Args:
        width: channels d of the sequence.
        states: states n of each channel.
        rank: channels from which the d steps are predicted.
    """

    def __init__(self, width: int, states: int, rank: int) -> None:
        super().__init__()
        self.sizes = [rank, states, states]
        self.select = Linear(width, sum(self.sizes), bias=False)
        self.step = Linear(rank, width)
        self.log_decay = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(width, 1))
        self.skip = nn.Parameter(torch.ones(width))
        nn.init.uniform_(self.step.weight, -(rank**-0.5), rank**-0.5)
        steps = torch.empty(width).uniform_(math.log(_LEAST_STEP), math.log(_LARGEST_STEP)).exp()
        with torch.no_grad():  # the inverse of softplus
            self.step.bias.copy_(steps + (-torch.expm1(-steps)).log())

    def terms(self, x: Float[Tensor, "b l d"]) -> tuple[Tensor, Tensor, Tensor]:
        """Steps before bias and softplus (b, l, d), B and C (b, l, n) of a sequence."""
        small, B, C = self.select(x).split(self.sizes, -1)
        return linear(small, self.step.weight), B, C

    def scan(
        self,
        x: Float[Tensor, "b l d"],
        steps: Float[Tensor, "b l d"],
        B: Float[Tensor, "b l n"],
        C: Float[Tensor, "b l n"],
        gate: Float[Tensor, "b l d"] | None = None,
    ) -> Float[Tensor, "b l d"]:
        """The scan with given terms."""
        A = -self.log_decay.exp()
        return selective_scan(x, steps, A, B, C, self.skip, gate, self.step.bias, softplus=True)[0]

    def forward(self, x: Float[Tensor, "b l d"], gate: Float[Tensor, "b l d"] | None = None) -> Float[Tensor, "b l d"]:
        """The scan of a sequence with its own terms, times silu(gate) if there is one."""
        return self.scan(x, *self.terms(x), gate)


class MambaBlock(nn.Module):
    """``x, z = expand(x); contract(space(silu(conv(x)), gate=z))``; no position sees a later one.

    Args:
        width: channels of the sequence.
        states: states of each channel.
        kernel: positions that the convolution along the sequence reaches back, its own included.
        factor: channels inside, as a multiple of `width`.
        rank: channels from which steps are predicted; None is a sixteenth of `width`, rounded up, as published.
    """

    def __init__(self, width: int, states: int = 16, kernel: int = 4, factor: int = 2, rank: int | None = None) -> None:
        super().__init__()
        inner = factor * width
        self.expand = Linear(width, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, kernel, padding=kernel - 1, groups=inner)
        self.space = StateSpace(inner, states, rank or math.ceil(width / 16))
        self.contract = Linear(inner, width, bias=False)

    def forward(self, x: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        x, gate = self.expand(x).chunk(2, -1)
        # Padded on both sides: what lies behind the end has seen too much.
        x = self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)
        return self.contract(self.space(F.silu(x), gate))


class MambaLayers(nn.Module):
    """``x <- x + block(norm(x))`` several times, and a norm behind all.

    Args:
        width: channels of the sequence.
        count: blocks.
        states: states of each channel.
    """

    def __init__(self, width: int, count: int, states: int = 16) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(MambaBlock(width, states) for _ in range(count))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(count))
        self.last_norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        for block, norm in zip(self.blocks, self.norms):
            x = x + block(norm(x))
        return self.last_norm(x)
