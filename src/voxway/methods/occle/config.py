"""What an OccLE network is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.methods.occle.fusion import FusionConfig
from voxway.methods.occle.geometry import GeometryConfig
from voxway.methods.occle.points import Lag
from voxway.methods.occle.semantic import SemanticConfig
from voxway.methods.occle.supervision import Stage, Supervision

if TYPE_CHECKING:
    from voxway.methods.occle.model import OccLE

_RAREST = 1 / 400
"""Share of voxels below which a class starts no rarer: what is hardly ever labelled must stay within reach."""


@dataclass(frozen=True, kw_only=True)
class OccLEConfig:
    """The network that we make of what is known about OccLE; every choice that the paper does not settle is a field.

    Raises:
        ValueError: parts that do not fit each other or the task.
    """

    task: Task
    """What is predicted."""
    stage: Stage = "all"
    """What learns: the semantic branch, the geometric one, or all. Each starts from the weights of the one before."""
    coarsening: tuple[int, int, int] = (2, 2, 2)
    """Size of a working voxel in predicted voxels, along x, y and z."""
    width: int = 64
    """Channels of the branches' volumes."""
    frames: int = 3
    """Frames that are looked at, the key frame among them."""
    full_intensity: float = 1.0
    """What the data says of a full reflection: 1 on SemanticKITTI, 255 on nuScenes."""
    lag: Lag = "frames"
    """Where the age of a point comes from."""
    fade: bool = False
    """Whether lifted features fade with the distance from what LiDAR hits in their pixel."""
    semantic: SemanticConfig = field(default_factory=SemanticConfig)
    """The semantic branch."""
    geometry: GeometryConfig = field(default_factory=GeometryConfig)
    """The geometric branch."""
    fusion: FusionConfig = field(default_factory=FusionConfig)
    """How both volumes become one."""
    head_width: int = 32
    """Channels inside the head."""
    head_groups: int = 8
    """Groups of its norm."""
    pretrained: bool = False
    """Start the image encoder from ImageNet weights; where from, ``semantic.image.weights`` says."""
    projection_reduction: int = 4
    """Image pixels per cell onto which the prediction is projected."""
    branch_rate: float = 0.3
    """Factor of the learning rate of both branches in the last stage."""
    encoder_rate: float = 0.1
    """Factor of that of the image encoder in the last stage."""
    head_rate: float = 1.0
    """Factor of that of the head in the last stage. A narrow head has far to go in few steps."""
    class_prior: bool = False
    """Whether scores are counted from how often a class occurs, as `supervision.class_counts` has it. Without, a short
    training knows what is occupied long before it knows by what, and free space wins against many classes at once."""
    supervision: Supervision = field(default_factory=Supervision)
    """What it learns from."""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError(f"a network looks at one frame or more, got {self.frames}")
        if any(times % 2 for times in self.coarsening):
            raise ValueError(
                f"working voxels are whole pairs of LiDAR's, so coarsening must be even, got {self.coarsening}"
            )
        if self.full_intensity <= 0:
            raise ValueError(f"a full reflection is a positive number, got {self.full_intensity}")
        if self.head_width % self.head_groups:
            raise ValueError(f"head_width {self.head_width} must be a multiple of head_groups {self.head_groups}")
        counts, classes = self.supervision.class_counts, len(self.task.classes)
        if counts and (len(counts) != classes or min(counts) < 2):
            raise ValueError(f"{classes} classes need as many voxel counts of 2 or more, or none, got {counts}")

    def with_class_counts(self, counts: Sequence[int]) -> OccLEConfig:
        """The same with class weights from how often each class occurs. A class of less than two voxels counts as two:
        the weight ``1 / ln(n + 0.001)`` has a pole at one, and what never occurs is never weighed."""
        known = tuple(float(max(count, 2)) for count in counts)
        return replace(self, supervision=replace(self.supervision, class_counts=known))

    @property
    def log_shares(self) -> tuple[float, ...] | None:
        """Logarithm of the share of voxels that each class has, at least 1/400, where scores are counted from it."""
        counts = self.supervision.class_counts
        if not (self.class_prior and counts):
            return None
        return tuple(math.log(max(count / sum(counts), _RAREST)) for count in counts)

    def unfit(self, other: object) -> str | None:
        """Why a network is none to start from: a branch would begin the last stage as it was drawn."""
        if self.stage == "all" and isinstance(other, OccLEConfig) and other.stage == "semantic":
            return "one of stage semantic, whose geometric branch has learnt nothing yet"
        return None

    @property
    def working_grid(self) -> VoxelGrid:
        """The voxels of both branches' volumes."""
        return self.task.grid.coarsen(self.coarsening)

    def build(self) -> OccLE:
        """The network, freshly initialised."""
        from voxway.methods.occle.model import OccLE

        return OccLE(self)
