"""Frames made of nothing, shaped like the real ones: to measure networks, and to trace them for export."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.frame_shape import FrameShape
from voxway.core.grid import VoxelGrid
from voxway.core.sample import NEEDS, Batch
from voxway.core.task import Task
from voxway.ops.draw import draw_depth

NO_EXTRAS: Mapping[str, tuple[int, ...]] = MappingProxyType({})


def made_up_batch(
    task: Task,
    needs: Collection[str],
    frame: FrameShape = FrameShape(),  # noqa: B008  # frozen
    *,
    cameras: Cameras | None = None,
    extras: Mapping[str, tuple[int, ...]] = NO_EXTRAS,
    seed: int = 0,
) -> Batch:
    """One frame of a flat street between walls, with what a method reads and learns from; labels are random.

    What a field holds depends neither on the other fields that are asked for nor on the method.

    Args:
        task: of the target: ``config.task``.
        needs: fields to make: ``network.inputs | network.targets``.
        frame: how much there is of everything.
        cameras: of one frame (1, n), all with images of one size; None makes a rig of ``frame.cameras``.
        extras: shapes of needs that are no fields of a sample, without the axis of samples; normally distributed.
        seed: another one is another frame.

    Raises:
        InputError: a need is neither a field of a sample nor among the extras.
    """
    unknown = sorted(set(needs) - NEEDS - extras.keys() - {"cameras", "T_rect_ego"})
    if unknown:
        raise InputError(
            file="made-up frame",
            field="needs",
            expected=f"fields of a sample ({', '.join(sorted(NEEDS))}), or extras whose shapes are known",
            found=", ".join(unknown),
            remedy="Give the network an attribute `extras`: {name: shape of one sample}.",
        )
    paired = "T_rect_ego" in needs
    rig = cameras or (pair(frame.image_px) if paired else camera_rig(frame.cameras, frame.image_px))
    # Points and labels follow images in the order of random numbers, whether or not they are asked for.
    generator = torch.Generator().manual_seed(seed)
    images = blotches(rig, generator)
    points = scans(frame.sweeps, frame.columns, generator)
    made = {"images": images, "points": points, "pose": torch.eye(4, dtype=torch.float64)[None]}
    made["point_labels"] = random_classes(task, (len(points),), torch.Generator().manual_seed(seed))
    if "depth" in needs:
        made["depth"] = draw_depth(points[:, :3], rig[0], border="rounded", range_m=(1.0, 45.0))[None]
    made["target"] = random_classes(task, (1, *task.grid.shape), generator)
    masks = {name: torch.rand(1, *task.grid.shape, generator=generator) < 0.1 for name in frame.masks}
    made["semantics_2d"] = random_classes(task, (1, rig.count, *images.shape[-2:]), generator)
    made["pseudo_labels"] = random_classes(task, made["semantics_2d"].shape, torch.Generator().manual_seed(seed))
    made["evidence"] = torch.randint(0, 3, (1, *task.grid.shape), generator=torch.Generator().manual_seed(seed)).byte()
    made |= occupied_voxels(task.grid, frame.proposals, seed)
    made = {name: tensor for name, tensor in made.items() if name in needs}
    point_offsets = torch.tensor([0, len(points)]) if "points" in needs else None
    before = Batch(
        keys=("made-up/earlier",),
        grid=task.grid,
        cameras=rig,
        images=made.get("images"),
        points=made.get("points"),
        point_offsets=point_offsets,
        pose=made.get("pose"),
    )
    labelled = "target" in needs
    others = {name: torch.randn(1, *shape, generator=generator) for name, shape in extras.items() if name in needs}
    if paired:
        others["T_rect_ego"] = rig.T_cam_ego[:, 0]
    return Batch(
        keys=(f"made-up/{seed}",),
        grid=task.grid,
        cameras=rig,
        **made,
        point_offsets=point_offsets,
        masks=masks if labelled else {},
        labelled=torch.tensor([True]) if labelled else None,
        earlier=(before,) * frame.earlier,
        extras=others,
    )


def camera_rig(count: int, size_px: tuple[int, int]) -> Cameras:
    """Cameras (1, n): one that looks ahead, or several all around."""
    return ahead(size_px) if count == 1 else ring(count, size_px)


def ahead(size_px: tuple[int, int]) -> Cameras:
    """One camera (1, 1) that looks ahead, placed in the ego frame as KITTI's left colour camera, 82 degrees wide."""
    height, width = size_px
    K = torch.tensor([[0.5767 * width, 0, 0.491 * width], [0, 0.5767 * width, 0.495 * height], [0, 0, 1]])
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1]])
    return Cameras.pinhole(K[None, None], T_cam_ego[None, None], torch.tensor([[size_px]]))


def pair(size_px: tuple[int, int]) -> Cameras:
    """A rectified pair (1, 2): the one that looks ahead, and another 0.54 m to its right."""
    left = ahead(size_px)
    T_right = left.T_cam_ego.clone()
    T_right[..., 0, 3] -= 0.54
    same = {name: torch.cat([getattr(left, name)] * 2, 1) for name in ("K", "size_px", "T_image")}
    return Cameras(T_cam_ego=torch.cat([left.T_cam_ego, T_right], 1), **same)


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


def blotches(cameras: Cameras, generator: torch.Generator) -> UInt8[Tensor, "1 n 3 h w"]:
    """Images of blurred colours with some noise."""
    height, width = cameras.size_px[0].max(0).values.tolist()
    coarse = torch.rand(cameras.count, 3, height // 8 + 1, width // 8 + 1, generator=generator)
    images = F.interpolate(coarse, (height, width), mode="bilinear")
    images = images + 0.1 * torch.randn(images.shape, generator=generator)
    return (255 * images.clamp(0, 1)).to(torch.uint8)[None]


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


def random_classes(task: Task, shape: tuple[int, ...], generator: torch.Generator) -> UInt8[Tensor, "..."]:
    """Ids of a task's classes, each equally likely."""
    return torch.randint(0, len(task.classes), shape, generator=generator).to(torch.uint8)


def occupied_voxels(grid: VoxelGrid, count: int, seed: int) -> dict[str, Bool[Tensor, "1 _x _y _z"]]:
    """Random voxels as ``proposals``, on the grid of half the resolution, and as ``pseudo`` points, on the grid itself.

    Args:
        grid: of the target. One that has an odd number of cells along an axis gets proposals at its own resolution.
        count: of proposals, at most a quarter of the voxels.
        seed: another one is another frame.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = grid if any(cells % 2 for cells in grid.shape) else grid.coarsen(2)
    proposals = torch.zeros(coarse.count, dtype=torch.bool)
    proposals[torch.randperm(coarse.count, generator=generator)[: min(count, coarse.count // 4)]] = True
    pseudo = torch.rand(1, *grid.shape, generator=generator) < count / grid.count
    return {"proposals": proposals.view(1, *coarse.shape), "pseudo": pseudo}
