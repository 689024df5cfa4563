"""Networks small enough for any test, and batches that fit them. A new method adds one entry to TINY."""

from __future__ import annotations

from dataclasses import fields, replace

import torch

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample
from voxway.core.task import Task
from voxway.methods.box import BoxConfig
from voxway.methods.effocc import EffOccConfig
from voxway.methods.effocc.bev import SecondConfig
from voxway.methods.effocc.camera import CameraConfig
from voxway.methods.effocc.lidar import LidarConfig
from voxway.methods.effocc.supervision import Supervision
from voxway.methods.monoocc import MonoOccConfig
from voxway.methods.occle import OccLEConfig
from voxway.methods.occle.fusion import FusionConfig
from voxway.methods.occle.geometry import GeometryConfig
from voxway.methods.occle.semantic import SemanticConfig
from voxway.methods.occle.unet2d import ImageConfig
from voxway.methods.occle.voxels import VoxelConfig
from voxway.methods.qpn import QPNConfig
from voxway.methods.registry import entry, names
from voxway.methods.shared.depth_bins import DepthBins
from voxway.methods.vlscene import VLSceneConfig

GRID = VoxelGrid(lower=(0.0, -6.4, -2.0), cell=(0.4, 0.4, 0.4), shape=(32, 32, 8))
TASK = Task(
    name="tiny",
    grid=GRID,
    classes=("free", *(f"class {i}" for i in range(1, 20))),
    free=0,
    foreground=tuple(range(1, 9)),
)

TINY = {
    "box": BoxConfig(
        task=TASK,
        backbone="resnet18",
        reductions=(8, 16),
        norm="group",
        width=64,
        context=8,
        slabs=2,
        depth_bins=DepthBins(end=13.0, step=1.0),
        widths=(64, 64),
        head_width=64,
        drop_lidar=0.0,
        drop_camera=0.0,
        drop_cameras=0.0,
    ),
    "effocc": EffOccConfig(
        task=TASK,
        bev_factor=2,
        camera=CameraConfig(reductions=(8, 16), width=16, context=8, depth_bins=DepthBins(end=13.0, step=1.0)),
        lidar=LidarConfig(cell=(0.2, 0.2, 0.2), widths=(8, 8, 16)),
        fused=16,
        second=SecondConfig(widths=(16, 16), layers=1, level_channels=8),
        head_width=16,
        supervision=Supervision(masks=("camera",)),
    ),
    "monoocc": MonoOccConfig(
        task=TASK,
        plane=(32, 32),
        width=32,
        heads=4,
        points=2,
        hidden=48,
        backbone="resnet18",
        norm="group",
        frozen_stages=-1,
        dropout=0.0,
    ),
    "occle": OccLEConfig(
        task=TASK,
        width=16,
        frames=2,
        semantic=SemanticConfig(
            image=ImageConfig(backbone="resnet18", base=32, width=16, norm="group"),
            voxels=VoxelConfig(widths=(8, 8)),
            widths=(8, 12, 16),
            header=8,
        ),
        geometry=GeometryConfig(
            voxels=VoxelConfig(widths=(8,), max_points=5), widths=(8, 8, 12), groups=4, head_width=8, head_groups=2
        ),
        fusion=FusionConfig(tokens=16, states=4, rounds=1, inner=16, rank=2, squeeze=4),
        head_width=16,
        head_groups=4,
    ),
    "qpn": QPNConfig(task=TASK),
    "vlscene": VLSceneConfig(
        task=TASK,
        backbone="resnet18",
        reductions=(8, 16),
        norm="group",
        width=16,
        depth_bins=DepthBins(start=2.0, end=14.0, step=1.0),
        stereo_features=8,
        stereo_groups=4,
        dropout=0.0,
        sparse_widths=(8, 8, 12),
        head_width=16,
        guidance=None,
    ),
}
LISTED = sorted(name for name in names() if isinstance(entry(name).config, str))
"""The package's own methods, whatever other tests have registered; each must be in TINY."""


STEREO = {"vlscene"}
"""Methods that look at a rectified pair."""


TWO_FRAMES = {"occle"}
"""Methods that look at an earlier frame, too."""


def sample_for(name: str, seed: int = 0, size: tuple[int, int] = (48, 80)) -> Sample:
    """A scene as a method sees it."""
    if name in STEREO:
        return paired(sample(seed, size, labelled_points=True))
    return followed(sample(seed, size)) if name in TWO_FRAMES else sample(seed, size)


def followed(one: Sample) -> Sample:
    """The scene with the frame before it, half a metre behind and turned a little."""
    assert one.images is not None and one.points is not None
    T_world_earlier = torch.tensor([[0.99, -0.1411, 0, -0.5], [0.1411, 0.99, 0, 0.1], [0, 0, 1, 0], [0, 0, 0, 1]])
    before = replace(
        one,
        images=one.images.roll(2, -1),
        points=one.points[::2],
        pose=T_world_earlier.double(),
        **dict.fromkeys(("target", "proposals", "pseudo", "semantics_2d", "pseudo_labels", "depth", "evidence")),
        masks={},
    )
    return replace(one, pose=torch.eye(4).double(), earlier=(before,))


def paired(one: Sample) -> Sample:
    """The scene with a second camera, half a metre to the right, that sees something else."""
    assert one.cameras is not None and one.images is not None and one.depth is not None
    assert one.semantics_2d is not None
    T_right = one.cameras.T_cam_ego.clone()
    T_right[:, 0, 3] -= 0.5
    right = replace(one.cameras, T_cam_ego=T_right)
    cameras = {f.name: torch.cat([getattr(one.cameras, f.name), getattr(right, f.name)]) for f in fields(Cameras)}
    return replace(
        one,
        cameras=Cameras(**cameras),
        images=torch.cat([one.images, one.images.roll(-3, -1)]),
        depth=torch.cat([one.depth, one.depth]),
        semantics_2d=torch.cat([one.semantics_2d, one.semantics_2d]),
        pseudo_labels=None if one.pseudo_labels is None else torch.cat([one.pseudo_labels, one.pseudo_labels]),
        extras={"T_rect_ego": one.cameras.T_cam_ego[0]},
    )


def sample(
    seed: int = 0, size: tuple[int, int] = (48, 80), grid: VoxelGrid = GRID, *, labelled_points: bool = False
) -> Sample:
    """A random scene with everything that any method may need: ground, boxes of three classes, unknown voxels."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.zeros(grid.shape, dtype=torch.uint8)
    target[:, :, :2] = 9
    for label in (1, 13, 15):
        x, y = (int(torch.randint(0, n - 8, (), generator=generator)) for n in grid.shape[:2])
        target[x : x + 6, y : y + 6, 2:6] = label
    proposals = (target > 0).unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).any(5).any(3).any(1)
    target[torch.rand(grid.shape, generator=generator) < 0.1] = 255
    height, width = size
    K = torch.tensor([[60.0, 0, width / 2], [0, 60, height / 2], [0, 0, 1]])
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    # Points lie in occupied voxels; the depth image has what they would show, thinned out.
    occupied = ((target > 0) & (target < 255)).nonzero()
    chosen = occupied[torch.randint(0, len(occupied), (1500,), generator=torch.Generator().manual_seed(seed))]
    within = torch.rand(1500, 5, generator=torch.Generator().manual_seed(seed + 1))
    points = torch.cat([(chosen + within[:, :3]) * 0.4 + torch.tensor(grid.lower), within[:, 3:]], 1)
    depth = 2 + 10 * torch.rand(1, *size, generator=torch.Generator().manual_seed(seed))
    depth[torch.rand(1, *size, generator=torch.Generator().manual_seed(seed + 1)) < 0.9] = 0
    return Sample(
        key=f"tiny/{seed:06d}",
        grid=grid,
        cameras=Cameras.pinhole(K[None], T_cam_ego[None], torch.tensor([size])),
        images=torch.randint(0, 256, (1, 3, *size), generator=generator).to(torch.uint8),
        points=points,
        point_labels=target[tuple(chosen.T)] if labelled_points else None,
        target=target,
        masks={"camera": torch.rand(grid.shape, generator=torch.Generator().manual_seed(seed)) < 0.8},
        proposals=proposals,
        pseudo=(target > 0) & (torch.rand(grid.shape, generator=torch.Generator().manual_seed(seed)) < 0.5),
        semantics_2d=(labels := torch.randint(0, 20, (1, *size), generator=generator).to(torch.uint8)),
        pseudo_labels=labels,
        depth=depth,
        evidence=torch.where(target == 255, 0, 1 + (target > 0).byte()).to(torch.uint8),
    )
