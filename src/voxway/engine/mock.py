"""Frames made of nothing, shaped like the real ones: to measure networks, and to trace them for export."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Sample, collate
from voxway.ops.draw import draw_depth


def street_batch(grid: VoxelGrid, size_px: tuple[int, int], proposals: int = 17_000, seed: int = 0) -> Batch:
    """A random frame with KITTI's left colour camera, and random voxels as proposals and as pseudo points."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size_px
    K = torch.tensor([[0.5767 * width, 0, 0.491 * width], [0, 0.5767 * width, 0.495 * height], [0, 0, 1]])
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1]])
    coarse = grid.coarsen(2)
    flags = torch.zeros(coarse.count, dtype=torch.bool)
    flags[torch.randperm(coarse.count, generator=generator)[:proposals]] = True
    return collate(
        [
            Sample(
                key="bench/000000",
                grid=grid,
                cameras=Cameras.pinhole(K[None], T_cam_ego[None], torch.tensor([size_px])),
                images=torch.randint(0, 256, (1, 3, *size_px), generator=generator).to(torch.uint8),
                proposals=flags.view(coarse.shape),
                pseudo=torch.rand(grid.shape, generator=generator) < proposals / grid.count,
                target=torch.randint(0, 20, grid.shape, generator=generator).to(torch.uint8),
                semantics_2d=torch.randint(0, 20, (1, *size_px), generator=generator).to(torch.uint8),
            )
        ]
    )


def ring(count: int, size_px: tuple[int, int]) -> Cameras:
    """Cameras (1, n) that look all around from 1.5 m above the ego frame's origin, 65 degrees wide."""
    height, width = size_px
    K = torch.tensor([[0.79 * width, 0, width / 2], [0, 0.79 * width, height / 2], [0, 0, 1]])
    poses = torch.eye(4).repeat(count, 1, 1)
    for pose, turn in zip(poses, (2 * math.pi * i / count for i in range(count))):
        forward = torch.tensor([math.cos(turn), math.sin(turn), 0.0])
        right = torch.tensor([math.sin(turn), -math.cos(turn), 0.0])
        pose[:3, :3] = torch.stack([right, torch.tensor([0.0, 0.0, -1.0]), forward])
        pose[:3, 3] = -pose[:3, :3] @ (forward + torch.tensor([0.0, 0.0, 1.5]))
    return Cameras.pinhole(K.expand(1, count, 3, 3), poses[None], torch.tensor(size_px).expand(1, count, 2))


def ring_batch(
    grid: VoxelGrid, cameras: Cameras, columns: int = 5, classes: int = 18, sweeps: int = 1, seed: int = 0
) -> Batch:
    """A frame of a flat street between walls with everything that surround networks read and learn from.

    Args:
        grid: of the target.
        cameras: of one frame (1, n), all with pictures of one size.
        columns: of a point.
        classes: ids of the target, which is random, as are the masks.
        sweeps: LiDAR scans laid over each other.
        seed: another one is another frame.
    """
    generator = torch.Generator().manual_seed(seed)
    height, width = cameras.size_px[0].max(0).values.tolist()
    blotches = torch.rand(cameras.count, 3, height // 8 + 1, width // 8 + 1, generator=generator)
    images = F.interpolate(blotches, (height, width), mode="bilinear")
    images = images + 0.1 * torch.randn(images.shape, generator=generator)
    points = scans(sweeps, columns, generator)
    return Batch(
        keys=(f"made-up/{seed}",),
        grid=grid,
        cameras=cameras,
        images=(255 * images.clamp(0, 1)).to(torch.uint8)[None],
        points=points,
        point_offsets=torch.tensor([0, len(points)]),
        depth=draw_depth(points[:, :3], cameras[0], border="rounded", range_m=(1.0, 45.0))[None],
        target=torch.randint(0, classes, (1, *grid.shape), generator=generator).to(torch.uint8),
        masks={
            name: torch.rand(1, *grid.shape, generator=generator) < 0.1 for name in ("camera", "lidar", "field_of_view")
        },
        labelled=torch.tensor([True]),
    )


def scans(sweeps: int, columns: int, generator: torch.Generator) -> Float[Tensor, "p c"]:
    """Turns of a 32-beam LiDAR 1.8 m above ground, each a metre behind the last; further columns are random."""
    beams, shots = 32, 1080
    distance = (6 + 30 * torch.rand(72, generator=generator)).repeat_interleave(shots // 72).repeat(beams)
    azimuth = torch.linspace(-math.pi, math.pi, shots).repeat(beams)
    elevation = torch.linspace(-0.53, 0.18, beams).repeat_interleave(shots)
    ground = 1.8 / (-elevation.sin()).clamp(min=1e-3)
    clouds = []
    for sweep in range(sweeps):
        reach = torch.minimum(ground, distance / elevation.cos())
        reach = reach + 0.02 * torch.randn(reach.shape, generator=generator)
        level = reach * elevation.cos()
        x, y, z = level * azimuth.cos() - sweep, level * azimuth.sin(), 1.8 + reach * elevation.sin()
        rest = torch.rand(len(x), columns - 3, generator=generator)
        clouds.append(torch.cat([torch.stack([x, y, z], 1), rest], 1))
    return torch.cat(clouds)
