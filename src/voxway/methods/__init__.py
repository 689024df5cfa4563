"""The published methods, and the contract that the engine, the recipes and the command line know them by."""

from __future__ import annotations

import importlib
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from voxway.core.errors import nearest
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


@runtime_checkable
class Student(Method, Protocol):
    """A method that can learn from another network. The teacher is handed in, and is no part of the student's state."""

    def follow(self, prediction: Prediction, taught: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Named terms that pull the prediction towards the teacher's of the same batch, weights included."""
        ...

    def inherit(self, teacher: nn.Module) -> None:
        """Take over what the student is to start from, before training."""
        ...


@runtime_checkable
class VoxelStudent(Student, Protocol):
    """A student that follows voxel features, so that what its teacher says can be kept on disk."""

    feature_shape: tuple[int, int, int, int]
    """Channels and voxels (x, y, z) of ``intermediates["voxels"]``."""

    def followed(self, target: Tensor) -> Tensor:
        """Voxels (b, x2, y2, z2) whose features are followed."""
        ...


CONFIGS = {
    "effocc": "voxway.methods.effocc:EffOccConfig",
    "monoocc": "voxway.methods.monoocc:MonoOccConfig",
    "qpn": "voxway.methods.qpn:QPNConfig",
}
"""Where each method's configuration lives. A new method is one file (or folder) and one line here."""


def config_type(name: str) -> type[Any]:
    """The configuration class of a method; its `build()` makes the network.

    Raises:
        InputError: no method has that name.
    """
    if name not in CONFIGS:
        raise nearest(name, list(CONFIGS), "method")
    module, _, attribute = CONFIGS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def config_name(config: Any) -> str:
    """The name under which a configuration's class is listed."""
    for name in CONFIGS:
        if config_type(name) is type(config):
            return name
    raise KeyError(f"{type(config).__qualname__} is not listed in voxway.methods.CONFIGS")
