"""Depth bins: what the camera branch spreads features over, and what depth supervision counts in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DepthBins:
    """Bins of equal length along the optical axis. The default is that of the published networks.

    Raises:
        ValueError: bins that do not run upwards.
    """

    start: float = 1.0
    """First depth in metres; bins stand at their start."""
    end: float = 45.0
    """Metres that no bin reaches."""
    step: float = 0.5
    """Metres between bins."""

    def __post_init__(self) -> None:
        if self.step <= 0 or self.end <= self.start:
            raise ValueError(f"depth must run upwards, got {self.start}..{self.end} by {self.step}")

    @property
    def count(self) -> int:
        """Number of bins."""
        return round((self.end - self.start) / self.step)

    def depths(self) -> Float[Tensor, "d"]:
        """Where each bin begins, in metres."""
        return self.start + self.step * torch.arange(self.count)
