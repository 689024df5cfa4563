"""Configuration of the box network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.methods.shared.class_weights import balanced_weights
from voxway.methods.shared.depth_bins import DepthBins
from voxway.nn.backbone import Norm
from voxway.nn.imagenet import WeightSource

if TYPE_CHECKING:
    from voxway.methods.box.model import BoxNetwork


Stage = Literal["camera", "all"]
"""What learns: the camera branch alone, from what pixels show and how far it is; all parts."""


@dataclass(frozen=True, kw_only=True)
class BoxConfig:
    """A network of about 7 million parameters.

    Raises:
        ValueError: cells that do not fit the grid, or a share that is none.
    """

    task: Task
    """What is predicted."""
    road_m: float = 0.0
    """Where the road lies in the ego frame, along z."""
    backbone: str = "tf_efficientnet_lite0"
    """A timm network with feature maps of these reductions."""
    reductions: tuple[int, ...] = (8, 16, 32)
    """Image pixels per feature pixel of the maps that the neck joins, fine to coarse."""
    norm: Norm = "frozen-statistics"
    """Its normalisation: a batch of one picture has no statistics to speak of, so it keeps those that it begins with.
    Group norms throw away what ImageNet's weights know of depth (bench/RESULTS.md)."""
    weights: WeightSource = "package"
    """Where ImageNet weights come from, if they are asked for."""
    pretrained: bool = False
    """Whether the backbone starts from ImageNet weights."""
    width: int = 80
    """Channels of image features, and of the map at its own resolution."""
    context: int = 16
    """Channels that are lifted into each slab, besides the classes that pixels show."""
    slabs: int = 3
    """Layers of height that lifted features are told apart in."""
    cell: int = 2
    """Side of a cell of the map, in voxels."""
    depth_bins: DepthBins = field(default_factory=lambda: DepthBins(start=1.0, end=53.0, step=0.8))
    """Depths over which context is spread."""
    widths: tuple[int, ...] = (80, 160, 256)
    """Channels of the map encoder's levels, each half as fine as the one before."""
    head_width: int = 48
    """Channels of a column of voxels before they become scores."""
    measured: int = 8
    """Channels that the points in a voxel and around it become before they say whether it is free."""
    stage: Stage = "all"
    """Before anything is lifted, the camera branch may learn alone, for a fraction of a whole step's time."""
    drop_lidar: float = 0.65
    """Share of training frames whose LiDAR is hidden, where there are cameras."""
    drop_camera: float = 0.15
    """Share of cameras that are hidden in training, one by one."""
    drop_cameras: float = 0.15
    """Share of training frames with LiDAR whose cameras are all hidden."""
    class_weights: tuple[float, ...] = ()
    """Weight of each class in the cross-entropy; empty weighs all alike."""
    depth_weight: float = 1.0
    """Of the loss of depths, where LiDAR has measured some."""
    pixel_weight: float = 0.5
    """Of the cross-entropy of the class that each pixel shows, where LiDAR has measured how far away it lies."""
    semantic_weight: float = 0.3
    """Of the semantic scene affinity, which asks for every class somewhere, however little is seen."""
    teacher_weight: float = 0.3
    """Of what a teacher says, where there is one; nothing is hidden from it."""

    def __post_init__(self) -> None:
        z = self.task.grid.shape[2]
        if z % self.slabs:
            raise ValueError(f"slabs must divide the {z} voxels of a column, got {self.slabs}")
        if any(count % self.cell for count in self.task.grid.shape[:2]):
            raise ValueError(f"cells of {self.cell} voxels do not fit a grid of {self.task.grid.shape}")
        for name in ("drop_lidar", "drop_camera", "drop_cameras"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a share below 1, got {getattr(self, name)}")
        if self.class_weights and len(self.class_weights) != len(self.task.classes):
            raise ValueError(f"{len(self.task.classes)} classes need as many weights, got {len(self.class_weights)}")

    @property
    def lifted(self) -> VoxelGrid:
        """Cells that image features are lifted into."""
        return self.task.grid.coarsen((self.cell, self.cell, self.task.grid.shape[2] // self.slabs))

    def with_class_counts(self, counts: Sequence[int]) -> BoxConfig:
        """The same with weights from these numbers of voxels; classes that do not occur have that of a million."""
        return replace(self, class_weights=balanced_weights([max(count, 1_000_000) for count in counts]))

    def build(self) -> BoxNetwork:
        """The network, freshly initialised."""
        from voxway.methods.box.model import BoxNetwork

        return BoxNetwork(self)
