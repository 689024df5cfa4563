"""What a VLScene network is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.methods.shared.depth_bins import DepthBins
from voxway.methods.vlscene.awareness import Gate
from voxway.methods.vlscene.guidance import GuidanceConfig
from voxway.methods.vlscene.points import PointAxes
from voxway.nn.backbone import Norm
from voxway.nn.imagenet import WeightSource

if TYPE_CHECKING:
    from voxway.methods.vlscene.model import VLScene


@dataclass(frozen=True, kw_only=True)
class VLSceneConfig:
    """The published network, for any task.

    Raises:
        ValueError: widths that do not split into groups, or neither no class weights nor one for every class.
    """

    task: Task
    """What is predicted."""
    coarsening: tuple[int, int, int] = (2, 2, 2)
    """Size of a working voxel in predicted voxels, along x, y and z."""
    backbone: str = "repvit_m2_3"
    """A timm network with feature maps."""
    reductions: tuple[int, ...] = (8, 16, 32)
    """Image pixels per feature pixel of the maps that the neck joins, fine to coarse."""
    norm: Norm = "frozen-statistics"
    """Normalisation of the backbone."""
    pretrained: bool = False
    """Start the backbone from ImageNet weights."""
    weights: WeightSource = "timm"
    """Where ImageNet weights come from, if any are asked for."""
    width: int = 128
    """Channels of image features and of the context that is lifted."""
    depth_bins: DepthBins = field(default_factory=lambda: DepthBins(start=2.0, end=58.0))
    """Depths over which context is spread."""
    stereo_bins: Literal["released", "intended"] = "released"
    """Where the pair's correlation is read for them: the released code does so 1.5 m nearer."""
    stereo_features: int = 64
    """Channels of the features that are correlated."""
    stereo_groups: int = 32
    """Groups of these, and channels of the volumes."""
    dropout: float = 0.5
    """Dropout in the depth network."""
    propagation: int = 7
    """Cells of the kernel that spreads geometry to near voxels; 1 switches spreading off (paper, ablation)."""
    sparse_widths: tuple[int, int, int] = (64, 128, 256)
    """Channels of the sparse U-Net, fine to coarse."""
    interaction: bool = True
    """Whether there is that U-Net (paper, ablation)."""
    gate: Gate = "released"
    """Its last gate: as the released code computes it, or as it is meant."""
    head_width: int = 64
    """Channels from which classes are read."""
    points: bool = True
    """Whether labelled LiDAR points supervise, too."""
    point_axes: PointAxes = "released"
    """The order of axes in which the released code looks points up, or the one that is meant."""
    point_camera: Literal["released", "intended"] = "released"
    """Where points are seen: the released code takes the right camera's pixels on the left camera's features."""
    guidance: GuidanceConfig | None = field(default_factory=GuidanceConfig)
    """How a vision-language teacher is followed; None: the network has no part for it."""
    class_weights: tuple[float, ...] = ()
    """Weight of each class in the voxel cross-entropy; empty weighs all alike."""

    def __post_init__(self) -> None:
        if self.stereo_features % self.stereo_groups or self.stereo_groups % 2 or self.width % 4:
            raise ValueError(
                f"stereo_features {self.stereo_features} must be a multiple of stereo_groups {self.stereo_groups}, "
                f"which must be even, and width {self.width} a multiple of 4"
            )
        count = len(self.task.classes)
        if self.class_weights and len(self.class_weights) != count:
            raise ValueError(f"{count} classes need as many weights, or none, got {len(self.class_weights)}")

    @property
    def working_grid(self) -> VoxelGrid:
        """The voxels into which features are lifted."""
        return self.task.grid.coarsen(self.coarsening)

    def build(self) -> VLScene:
        """The network, freshly initialised."""
        from voxway.methods.vlscene.model import VLScene

        return VLScene(self)
