"""The published methods, and the contract that the engine, the recipes and the command line know them by."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction


@runtime_checkable
class Method(Protocol):
    """A network that predicts occupancy and knows its own loss. Methods are `nn.Module`s; this is all that is asked."""

    grid: VoxelGrid
    """Grid of the predicted voxels."""
    inputs: frozenset[str]
    """Fields of a batch that `forward` reads."""
    targets: frozenset[str]
    """Further fields that `loss` reads."""

    def forward(self, batch: Batch) -> Prediction:
        """Predict; pure, and equal for a sample alone or in a batch."""
        ...

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Named terms, weights included; the engine sums and logs them."""
        ...
