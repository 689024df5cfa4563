"""EFFOcc: Learning Efficient Occupancy Networks from Minimal Labels for Autonomous Driving (arXiv 2406.07042).

The idea in five lines. Occupancy needs no volume of features: a bird's-eye map of them is enough, and a head turns the
channels of every cell into the classes of the voxels above it. The map comes from a few cameras (lifted by predicted
depth, with the help of LiDAR), from LiDAR (sparse convolutions), or from both, concatenated. The fusion network learns
well from few labels; it then teaches a camera network on all frames, through the map and through the classes.

===========  ========  ==================  ================================================================
name         symbol    shape               meaning
===========  ========  ==================  ================================================================
depth        -         b n d h w           probability of every depth bin of every feature pixel
context      -         b n c h w           image features that depth spreads along the ray
bev          F_S, F_T  b c y x             map that enters the head; what a student learns
logits       -         b k x y z           class scores
===========  ========  ==================  ================================================================

Maps are (y, x), voxel volumes (x, y, z). FlashOcc (arXiv 2311.12058) is the camera branch with its own encoder.

Kept because released weights depend on it: blue as the first colour channel with the statistics of red; feature pixels
spread from the first image pixel to the last instead of standing in centres of what they cover; points are cut off
towards zero, which lets them in from 7.4 m under the ego origin; one layer of cells more than the LiDAR grid has.
Put right: any image size, also unlike ones within a batch; a sample without points; the teacher is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Prediction
from voxway.core.task import Task
from voxway.methods.contract import Said
from voxway.methods.effocc.bev import ResidualConfig, SecondConfig
from voxway.methods.effocc.camera import CameraBranch, CameraConfig
from voxway.methods.effocc.distillation import Distillation, follow
from voxway.methods.effocc.head import HeightHead
from voxway.methods.effocc.join import Join
from voxway.methods.effocc.lidar import LidarBranch, LidarConfig
from voxway.methods.effocc.supervision import Supervision, supervise
from voxway.methods.shared.batches import by_image_size, check_grid, in_order
from voxway.ops.sparse_map import SparseMap


@dataclass(frozen=True, kw_only=True)
class EffOccConfig:
    """The fusion network with ResNet-18, for any task. Branches and encoders that are None do not exist.

    Raises:
        ValueError: no branch, no encoder or two, or LiDAR voxels that do not reduce to the cells of the map.
    """

    task: Task
    """What is predicted."""
    bev_factor: int = 1
    """Size of a cell of the map in voxels; the encoded map is enlarged to the voxels' columns before the head."""
    camera: CameraConfig | None = field(default_factory=CameraConfig)
    """Images to a map."""
    lidar: LidarConfig | None = field(default_factory=LidarConfig)
    """Points to a map."""
    fused: int = 256
    """Channels of the two maps' join."""
    second: SecondConfig | None = field(default_factory=SecondConfig)
    """Encoder of LiDAR and fused maps."""
    residual: ResidualConfig | None = None
    """Encoder of camera maps."""
    head_width: int = 256
    """Channels inside the head."""
    pretrained: bool = False
    """Start the image backbone from timm's ImageNet weights (downloads them unless cached)."""
    supervision: Supervision = field(default_factory=Supervision)
    """What labels teach."""
    distillation: Distillation = field(default_factory=Distillation)
    """How the network follows a teacher, where it has one."""

    def __post_init__(self) -> None:
        if self.camera is None and self.lidar is None:
            raise ValueError("a network needs a camera branch, a LiDAR branch or both")
        if (self.second is None) == (self.residual is None):
            raise ValueError("a network needs one encoder of maps: second or residual")
        columns = self.bev_grid
        if self.lidar is not None:
            fine = self.lidar.grid(self.task.grid)
            shape = tuple(count // self.lidar.reduction for count in fine.shape[:2])
            if shape != columns.shape[:2]:
                raise ValueError(
                    f"LiDAR voxels of {self.lidar.cell} m reduced {self.lidar.reduction} times make a map of {shape}, "
                    f"the cells of the map are {columns.shape[:2]}"
                )

    @property
    def bev_grid(self) -> VoxelGrid:
        """Cells of the map, all their height in one slab."""
        grid = self.task.grid
        return grid.coarsen((self.bev_factor, self.bev_factor, grid.shape[2]))

    def build(self) -> EffOcc:
        """The network, freshly initialised."""
        return EffOcc(self)


class EffOcc(nn.Module):
    """The network: branches to maps, joined, encoded, and read as voxels."""

    def __init__(self, config: EffOccConfig) -> None:
        super().__init__()
        self.config = config
        self.task = config.task
        self.training_masks = config.supervision.masks
        self.point_columns = 3 if config.lidar is None else config.lidar.point_features
        bev_grid = config.bev_grid
        self.camera = None if config.camera is None else CameraBranch(config.camera, bev_grid, config.pretrained)
        self.lidar = None if config.lidar is None else LidarBranch(config.lidar, config.task.grid)
        branches = [branch for branch in (self.camera, self.lidar) if branch is not None]
        channels = sum(branch.channels for branch in branches)
        self.fuse = Join(channels, config.fused) if len(branches) > 1 else nn.Identity()
        channels = config.fused if len(branches) > 1 else channels
        encoder = config.second or config.residual
        assert encoder is not None  # the configuration has checked it
        self.encoder = encoder.build(channels)
        self.head = HeightHead(encoder.channels, config.head_width, config.task.grid.shape[2], len(config.task.classes))
        lidar_depth = config.camera is not None and config.camera.lidar_depth
        needed = {"images": self.camera, "points": self.lidar, "depth": lidar_depth}
        self.inputs = frozenset(name for name, used in needed.items() if used)
        self.targets = frozenset({"target"})

    def forward(self, batch: Batch) -> Prediction:
        """Predict from images, points or both.

        Intermediates: ``"bev"`` (b, c, y, x), the map that the head reads, and with a camera branch ``"depth"``
        (b, n, d, h, w), the probability of every depth bin; where a batch has images of unlike size, one per sample.

        Raises:
            InputError: the batch lacks what the network reads, or lies on another grid.
        """
        for name in self.inputs:
            batch.need(name)
        check_grid(batch, self.task.grid)
        maps: list[Tensor | SparseMap] = []
        intermediates: dict[str, Tensor | Sequence[Tensor]] = {}
        if self.camera is not None:
            depth = batch.need("depth") if "depth" in self.inputs else None
            bev, intermediates["depth"] = self.look(batch.need("images"), batch.need("cameras"), depth)
            maps.append(bev)
        if self.lidar is not None:
            maps.append(self.lidar(batch.need("points"), batch.need("point_offsets")))
        intermediates["bev"] = bev = self.encode(maps)
        return Prediction(logits=self.head(bev), intermediates=intermediates)

    def look(
        self, images: UInt8[Tensor, "b n 3 h w"], cameras: Cameras, depth: Float[Tensor, "b n h w"] | None
    ) -> tuple[Float[Tensor, "b c y x"], Tensor | list[Tensor]]:
        """The cameras' map and their depth distributions. Padding is cut off: images of unlike size go apart."""
        assert self.camera is not None
        groups = by_image_size(cameras)
        looks = [
            self.camera(group.cut(images), group.cameras(cameras), None if depth is None else group.cut(depth))
            for group in groups
        ]
        if len(groups) == 1:
            return looks[0]
        maps = in_order(groups, [list(bev) for bev, _ in looks])
        return torch.stack(maps), in_order(groups, [list(seen) for _, seen in looks])

    def encode(self, maps: Sequence[Float[Tensor, "b _c y x"] | SparseMap]) -> Float[Tensor, "b c y2 x2"]:
        """The map that the head reads, from those of the branches, the cameras' first."""
        bev = self.encoder(self._join(maps))
        if self.config.bev_factor == 1:
            return bev
        nx, ny, _ = self.task.grid.shape
        return F.interpolate(bev, (ny, nx), mode="bilinear")

    def _join(self, maps: Sequence[Tensor | SparseMap]) -> Tensor:
        first, *rest = maps
        if rest and isinstance(first, Tensor) and isinstance(rest[0], SparseMap) and first.device.type == "cpu":
            return self.fuse(first, rest[0])
        dense = [m.dense() if isinstance(m, SparseMap) else m for m in maps]
        return self.fuse(torch.cat(dense, 1) if rest else dense[0])

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Named terms of what the labels say; see `supervision`."""
        bins = None if self.config.camera is None else self.config.camera.depth_bins
        return supervise(self.config.supervision, self.task, bins, prediction, batch)

    def follow(self, prediction: Prediction, said: Said, batch: Batch) -> dict[str, Tensor]:
        """Named terms of what a teacher says, its ``"bev"`` and ``"logits"``; see `distillation`."""
        return follow(self.config.distillation, self.task, prediction, said, batch)

    def inherit(self, teacher: nn.Module) -> None:
        """Take over the teacher's head, if the configuration says so.

        Raises:
            ValueError: it has another shape.
        """
        if not self.config.distillation.inherit_head:
            return
        mine, theirs = self.head.state_dict(), getattr(teacher, "head", nn.Identity()).state_dict()
        if {n: t.shape for n, t in mine.items()} != {n: t.shape for n, t in theirs.items()}:
            raise ValueError("the teacher's head is not shaped as the student's; switch distillation.inherit_head off")
        self.head.load_state_dict(theirs)
