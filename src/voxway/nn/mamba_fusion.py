"""Two streams of features that meet in selective scans (Sigma, arXiv 2404.04256), over planes or volumes.

Maps are channels-last, (b, *space, c) with two or three axes of space. A scan visits their places in C order, or in an
order that is given: the flat index of the place at each step.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.nn.linear import Linear
from voxway.nn.mamba import StateSpace
from voxway.ops.space_filling import inverse


class CrossMamba(nn.Module):
    """Both streams are scanned on their own, but each reads its states with the C of the other; then they are added.

    ``u = silu(conv(expand(x))); x <- x + contract(norm(scan(u, steps, B, C of the other)))``, where both streams share
    the depthwise convolution and nothing else.

    Args:
        width: channels of both streams.
        inner: channels inside.
        states: states of each channel.
        rank: channels from which steps are predicted.
        axes: axes of space, 2 or 3.
        kernel: places along each axis under the depthwise convolution; odd.
    """

    def __init__(self, width: int, inner: int, states: int, rank: int, axes: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = depthwise(inner, axes, kernel)
        self.first, self.second = (Stream(width, inner, states, rank) for _ in range(2))

    def forward(
        self,
        first: Float[Tensor, "b *space c"],
        second: Float[Tensor, "b *space c"],
        order: Int[Tensor, "l"] | None = None,
    ) -> tuple[Float[Tensor, "b *space c"], Float[Tensor, "b *space c"]]:
        """Both streams, each with what it read of the other."""
        streams, maps = (self.first, self.second), (first, second)
        entered = [to_sequence(F.silu(convolve(self.conv, s.expand(x))), order) for s, x in zip(streams, maps)]
        terms = [stream.space.terms(u) for stream, u in zip(streams, entered)]
        out = []
        for stream, x, u, (steps, B, _), (_, _, C) in zip(streams, maps, entered, terms, reversed(terms)):
            y = stream.contract(stream.norm(stream.space.scan(u, steps, B, C)))
            out.append(x + to_space(y, order, x.shape))
        return out[0], out[1]


class Stream(nn.Module):
    """What each stream of `CrossMamba` has for itself."""

    def __init__(self, width: int, inner: int, states: int, rank: int) -> None:
        super().__init__()
        self.expand = Linear(width, inner, bias=False)
        self.space = StateSpace(inner, states, rank)
        self.norm = nn.LayerNorm(inner)
        self.contract = Linear(inner, width, bias=False)


class ConcatMamba(nn.Module):
    """One map from two: their sequences are joined end to end and scanned to and fro.

    With ``y = scan(u) + flip(scan'(flip(u)))`` over both halves ``u = silu(conv(expand(x)))``, the output is
    the sum of both streams and ``contract([norm(y_1) g(x_2), norm(y_2) g(x_1)])``, where each half's gate comes from
    the other's mean: ``g(x) = sigmoid(W2 silu(W1 mean(expand(x))))``.

    Args:
        width: channels of both streams and of the output.
        inner: channels inside.
        states: states of each channel.
        rank: channels from which steps are predicted.
        axes: axes of space, 2 or 3.
        squeeze: channels inside the gates; None is a sixteenth of `inner`, as published.
        kernel: places along each axis under the depthwise convolutions; odd.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        states: int,
        rank: int,
        axes: int,
        squeeze: int | None = None,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        squeeze = squeeze or max(inner // 16, 1)
        self.expand = nn.ModuleList(Linear(width, inner, bias=False) for _ in range(2))
        self.conv = nn.ModuleList(depthwise(inner, axes, kernel) for _ in range(2))
        self.onward = StateSpace(inner, states, rank)
        self.backwards = StateSpace(inner, states, rank)
        self.norm = nn.ModuleList(nn.LayerNorm(inner) for _ in range(2))
        self.gate = nn.ModuleList(gate(inner, squeeze) for _ in range(2))
        self.contract = Linear(2 * inner, width, bias=False)

    def forward(
        self,
        first: Float[Tensor, "b *space c"],
        second: Float[Tensor, "b *space c"],
        order: Int[Tensor, "l"] | None = None,
    ) -> Float[Tensor, "b *space c"]:
        """The joined map."""
        expanded = [expand(x) for expand, x in zip(self.expand, (first, second))]
        entered = [to_sequence(F.silu(convolve(conv, x)), order) for conv, x in zip(self.conv, expanded)]
        u = torch.cat(entered, 1)
        y = self.onward(u) + self.backwards(u.flip(1)).flip(1)
        gates = [gate(x.flatten(1, -2).mean(1))[:, None] for gate, x in zip(self.gate, expanded)]
        halves = [norm(half) * gate for norm, half, gate in zip(self.norm, y.chunk(2, 1), reversed(gates))]
        joined = self.contract(torch.cat(halves, -1))
        return first + second + to_space(joined, order, first.shape)


def depthwise(channels: int, axes: int, kernel: int) -> nn.Conv2d | nn.Conv3d:
    """A convolution of each channel on its own, which keeps the size."""
    kind = {2: nn.Conv2d, 3: nn.Conv3d}[axes]
    return kind(channels, channels, kernel, padding=kernel // 2, groups=channels)


def convolve(conv: nn.Module, x: Float[Tensor, "b *space c"]) -> Float[Tensor, "b *space c"]:
    """A convolution of a channels-last map."""
    return conv(x.movedim(-1, 1)).movedim(1, -1)


def gate(channels: int, squeeze: int) -> nn.Sequential:
    """Squeeze and excitation: a factor between 0 and 1 for every channel."""
    return nn.Sequential(
        nn.Linear(channels, squeeze, bias=False), nn.SiLU(), nn.Linear(squeeze, channels, bias=False), nn.Sigmoid()
    )


def to_sequence(x: Float[Tensor, "b *space c"], order: Int[Tensor, "l"] | None) -> Float[Tensor, "b l c"]:
    """Places one after the other, in their order."""
    flat = x.flatten(1, -2)
    return flat if order is None else flat.index_select(1, order)


def to_space(
    x: Float[Tensor, "b l c"], order: Int[Tensor, "l"] | None, shape: tuple[int, ...]
) -> Float[Tensor, "b *space c"]:
    """The inverse of `to_sequence`."""
    return (x if order is None else x.index_select(1, inverse(order))).view(shape)
