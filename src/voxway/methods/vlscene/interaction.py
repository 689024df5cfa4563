"""How the two depth distributions correct each other: attention in both directions, then an hourglass."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.vlscene.stereo import Hourglass
from voxway.nn.group_norm import GroupNorm
from voxway.ops.attention import attention


class ReliableAttention(nn.Module):
    """Every pixel gathers the depth distributions of pixels like it, the more the surer these are.

    ``out = gamma * sum_j softmax_j(q_i . k_j) conf_j v_j + v``, where the features of a pixel are its depth bins, and
    q, k, v are the distributions times a number plus a number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Conv3d(1, 1, 1) for _ in range(3))
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, asks: Float[Tensor, "b d h w"], answers: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """The answering distribution, enriched.

        Args:
            asks: distribution from which queries and confidences come.
            answers: distribution from which keys and values come.
        """
        sure = asks.softmax(1).amax(1).flatten(1)[..., None]
        query, key, value = (
            _scaled(conv, x).flatten(2).transpose(1, 2)
            for conv, x in ((self.query, asks), (self.key, answers), (self.value, answers))
        )
        found = attention(query, key, value * sure, scale=1.0)
        return self.gamma * found.transpose(1, 2).reshape(answers.shape) + answers


def _scaled(conv: nn.Conv3d, x: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    weight, bias = conv.parameters()
    return x * weight.view(()) + bias


class ChannelAttention(nn.Module):
    """``x + alpha * f(x)`` with a gate per channel inside f."""

    def __init__(self, width: int, hidden: int = 4) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv3d(width, width, 3, padding=1), nn.GELU(), GroupNorm(1, width))
        self.gate = nn.Sequential(
            nn.Conv3d(width, hidden, 1), nn.GELU(), nn.Conv3d(hidden, width, 1), nn.GELU(), nn.Sigmoid()
        )
        self.leave = nn.Sequential(nn.Conv3d(width, width, 3, padding=1), nn.GELU(), GroupNorm(1, width))
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x: Float[Tensor, "b c d h w"]) -> Float[Tensor, "b c d h w"]:
        """Features of the same size."""
        inner = self.enter(x)
        inner = inner * self.gate(inner.mean((2, 3, 4), keepdim=True))
        return torch.addcmul(x, self.alpha, self.leave(inner))


class MutualInteraction(nn.Module):
    """One distribution from two. The ReLU before the last softmax clips what speaks against a bin, as published."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mono_to_stereo = ReliableAttention()
        self.stereo_to_mono = ReliableAttention()
        self.join = nn.Conv3d(2, width, 3, padding=1)
        self.hourglass = Hourglass(width)
        self.attention = ChannelAttention(width)
        self.score = nn.Conv3d(width, 1, 3, padding=1)

    def forward(self, stereo: Float[Tensor, "b d h w"], mono: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
        """The final probability of every depth bin, from those of the pair and those of the left image."""
        both = torch.stack([self.mono_to_stereo(stereo, mono), self.stereo_to_mono(mono, stereo)], 1)
        volume = self.attention(self.hourglass(F.relu_(self.join(both))))
        return F.relu(self.score(volume))[:, 0].softmax(1)
