"""Exponential moving average of a network's weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """``average <- d average + (1 - d) weights`` after every step.

    Without `start`, ``d = min(decay, (1 + step) / (10 + step))``. With it, ``d = decay (1 - exp(-u / 2000))`` where u
    counts steps from `start` on, as BEVDet and EFFOcc average. Buffers that are not floating point are copied.
    """

    def __init__(self, network: nn.Module, decay: float, start: int | None = None) -> None:
        self.decay = decay
        self.start = start
        self.state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step number `step` (from 0)."""
        blend(self.state, network, self._decay(step))

    def _decay(self, step: int) -> float:
        if self.start is None:
            return min(self.decay, (1 + step) / (10 + step))
        return self.decay * (1 - math.exp(-(self.start + step + 1) / 2000))

    def load(self, state: dict[str, Tensor]) -> None:
        """Continue from a saved average."""
        for name, tensor in self.state.items():
            tensor.copy_(state[name])


@torch.no_grad()
def blend(average: Mapping[str, Tensor], network: nn.Module, decay: float) -> None:
    """``average <- decay average + (1 - decay) weights``, in place; what is not floating point is copied."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - decay)
        else:
            average[name].copy_(tensor)
