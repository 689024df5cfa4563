"""What a method is: the protocols by which engine, export and API know networks that they have never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from voxway.core.calibration import Calibration
from voxway.core.names import NameMap
from voxway.core.sample import Batch, Prediction
from voxway.core.task import Task

Said = Mapping[str, Tensor]
"""What a teacher says about a batch: named tensors, such as ``"logits"`` or ``"bev"``."""


@runtime_checkable
class Buildable(Protocol):
    """A frozen dataclass that makes a network; all that training asks of a configuration."""

    def build(self) -> nn.Module:
        """The network, freshly initialised: a `Learner`."""
        ...


@runtime_checkable
class MethodConfig(Buildable, Protocol):
    """Configuration of a network: a frozen dataclass of plain values, which a model folder keeps as JSON."""

    __dataclass_fields__: ClassVar[dict]

    @property
    def task(self) -> Task:
        """The task that it is built for: the grid and classes of its targets."""
        ...


@runtime_checkable
class CountsClasses(MethodConfig, Protocol):
    """A configuration whose losses weigh classes by how often they occur."""

    def with_class_counts(self, counts: Sequence[int]) -> MethodConfig:
        """The same with weights from these numbers of voxels, one for each class; a class may not occur at all."""
        ...


@runtime_checkable
class ChoosesStart(MethodConfig, Protocol):
    """A configuration whose networks cannot start from just any that fits."""

    def unfit(self, other: Buildable) -> str | None:
        """Why a network of another configuration is none to start from; None: it is one."""
        ...


@runtime_checkable
class Learner(Protocol):
    """A network that knows its own loss; all that training asks of one."""

    inputs: frozenset[str]
    """Fields of a batch that `forward` reads."""
    targets: frozenset[str]
    """Further fields that `loss` reads."""

    def __call__(self, batch: Batch) -> Prediction:
        """Predict, by `forward`."""
        ...

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Named terms, weights included; the engine sums and logs them."""
        ...


@runtime_checkable
class Method(Learner, Protocol):
    """A network that predicts and knows its own loss. Methods are `nn.Module`s; this is all that is asked of them."""

    task: Task
    """What it predicts: grid and classes of its logits."""
    training_masks: tuple[str, ...]
    """Masks outside which its loss teaches it nothing, so that what it says there is undefined; results record them."""

    def forward(self, batch: Batch) -> Prediction:
        """Predict; pure, and equal for a sample alone or in a batch."""
        ...


@runtime_checkable
class Follower(Protocol):
    """A network that can learn from a teacher; all that training with one asks."""

    def follow(self, prediction: Prediction, said: Said, batch: Batch) -> dict[str, Tensor]:
        """Named terms that pull the prediction towards what a teacher says of the same batch, weights included."""
        ...


@runtime_checkable
class Heir(Protocol):
    """A student that starts from parts of a teacher that is a network."""

    def inherit(self, teacher: nn.Module) -> None:
        """Take over what the student is to start from, before training."""
        ...


@runtime_checkable
class Student(Method, Follower, Heir, Protocol):
    """A method that can learn from a teacher. The teacher is handed in, and is no part of the student's state."""


@runtime_checkable
class VoxelStudent(Follower, Protocol):
    """A student that follows voxel features, so that what its teacher says can be kept on disk."""

    feature_shape: tuple[int, int, int, int]
    """Channels and voxels (x, y, z) of the prediction's ``"voxels"``."""

    def followed(self, target: Tensor) -> Tensor:
        """Voxels (b, x2, y2, z2) whose features are followed."""
        ...


@runtime_checkable
class ReadsPoints(Protocol):
    """A network that reads LiDAR points with more columns than x, y, z."""

    point_columns: int
    """Columns of a point that it reads, the first three among them."""


@runtime_checkable
class DoesWithout(Protocol):
    """A network that needs not have all of its inputs."""

    dispensable: frozenset[str]
    """Inputs of which some may be absent from a batch, but not all."""


@runtime_checkable
class Paced(Protocol):
    """A network whose loss changes in the course of training."""

    progress: float
    """Share of the training that has passed, 0..1; set before every step, and 1 where nothing sets it."""


@runtime_checkable
class Grouped(Protocol):
    """A network whose parts learn at rates of their own."""

    rate_factors: Mapping[str, float]
    """Factor of the learning rate by prefix of parameter names; the longest prefix that fits counts, else 1."""


@runtime_checkable
class Graph(Protocol):
    """A network as a pure function of tensors: what an exported file computes. It is an `nn.Module`, too."""

    input_names: tuple[str, ...]
    """Arguments of `forward`, in order."""
    output_names: tuple[str, ...]
    """What it returns, in order: ``classes`` uint8 (1, x, y, z), then ``logits`` (1, k, x, y, z)."""
    ragged: Mapping[str, int]
    """Inputs whose first axis has any length, with the most it may have; they share that length."""
    fixed: Calibration | None
    """The calibration that it is made for; None where calibration is an input, or nothing depends on it."""

    def feed(self, batch: Batch) -> dict[str, np.ndarray]:
        """The inputs by name, from a batch of one.

        Raises:
            InputError: the batch lacks what the network reads.
        """
        ...

    def facts(self) -> Mapping[str, object]:
        """What a user of the file must know besides, as plain values: ``"calibration"`` is ``"free"``, ``"fixed"`` or
        ``"none"`` (nothing depends on it); further ones say how points become voxels, and the like."""
        ...


@runtime_checkable
class Exporter(Protocol):
    """Makes the graph of a method's networks, for one frame."""

    def __call__(self, network: nn.Module, batches: Sequence[Batch], fixed: Calibration | None) -> Graph:
        """The graph.

        Args:
            network: one of the method's, in evaluation mode.
            batches: frames of one sample each, for shapes.
            fixed: what the graph is made for; None makes calibration an input.

        Raises:
            InputError: these frames do not fit the network, or each other.
        """
        ...


@runtime_checkable
class Published(Protocol):
    """A method's published checkpoints: the module ``names`` of its folder offers these."""

    def from_published(
        self, published: Mapping[str, Tensor], source: object, variants: Sequence[MethodConfig]
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Configuration, derived from one of the known variants, and state of our network from a published file."""
        ...

    def to_published(
        self, config: MethodConfig, state: Mapping[str, Tensor], variants: Sequence[MethodConfig]
    ) -> dict[str, Tensor]:
        """A state of ours under its published names and layouts.

        Raises:
            InputError: the network is not one that could be read back: says in which fields it differs.
        """
        ...

    def name_map(self, config: MethodConfig) -> NameMap:
        """The table of names for networks of that configuration."""
        ...
