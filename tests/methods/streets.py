"""Two small streets of whole blocks, as a camera and a LiDAR at one place see them; everything in them agrees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.methods.tiny import GRID
from voxway.core.camera import Cameras
from voxway.core.sample import EVIDENCE_FREE, EVIDENCE_OCCUPIED, Sample
from voxway.core.task import IGNORE, SKY

SIZE_PX = (64, 96)
_STEP_M, _FAR_M = 0.05, 16.0
_ROAD, _SIDEWALK, _BUILDING, _CAR, _TREE = 9, 11, 13, 1, 15
_COLOURS = torch.randint(0, 256, (256, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


@dataclass(frozen=True)
class Seen:
    """A scene, and what the camera sees of it."""

    sample: Sample
    hit: Tensor
    """Voxels (x, y, z) in which lines of sight end."""
    passed: Tensor
    """Voxels that they pass before."""


def blocks(number: int) -> Tensor:
    """Ground, a sidewalk with a building, and boxes that stand elsewhere in each street."""
    target = torch.zeros(GRID.shape, dtype=torch.uint8)
    target[:, :, :2] = _ROAD
    left = number % 2 == 0
    target[:, 26 : 30 if left else 32, :2] = _SIDEWALK
    target[:, 28:, 2:] = _BUILDING
    for label, (x, y), height in ((_CAR, (12, 18 if left else 8), 6), (_TREE, (22, 6 if left else 18), 8)):
        target[x : x + 6, y : y + 4, 2:height] = label
    return target


def street(number: int) -> Seen:
    """The street, seen from its lower edge along x."""
    target, (height, width) = blocks(number), SIZE_PX
    K = torch.tensor([[50.0, 0, (width - 1) / 2], [0, 50, (height - 1) / 2], [0, 0, 1]])
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    across, down = (column - K[0, 2]) / K[0, 0], (row - K[1, 2]) / K[1, 1]
    rays = torch.stack([torch.ones_like(across), -across, -down], -1).flatten(0, 1)
    rays = rays / rays.norm(dim=1, keepdim=True)
    places = rays[:, None] * torch.arange(_STEP_M, _FAR_M, _STEP_M)[:, None]
    voxels = ((places - torch.tensor(GRID.lower)) / GRID.cell[0]).floor().long()
    inside = ((voxels >= 0) & (voxels < torch.tensor(GRID.shape))).all(-1)
    found = torch.where(inside, target[tuple(voxels.clamp(min=0).minimum(torch.tensor(GRID.shape) - 1).unbind(-1))], 0)
    hits = (found > 0).any(1)
    first = (found > 0).int().argmax(1)
    before = inside & ((torch.arange(found.shape[1]) < first[:, None]) | ~hits[:, None])
    passed, hit = torch.zeros_like(target, dtype=torch.bool), torch.zeros_like(target, dtype=torch.bool)
    passed[tuple(voxels[before].unbind(-1))] = True
    hit[tuple(voxels[hits, first[hits]].unbind(-1))] = True
    labels = torch.where(hits, found.gather(1, first[:, None])[:, 0], torch.where(rays[:, 2] > 0, SKY, IGNORE))
    labels = labels.to(torch.uint8).view(1, height, width)
    points = places[hits, first[hits]]
    evidence = passed * EVIDENCE_FREE
    evidence[hit] = EVIDENCE_OCCUPIED
    scene = Sample(
        key=f"street/{number:06d}",
        grid=GRID,
        cameras=Cameras.pinhole(K[None], T_cam_ego[None], torch.tensor([SIZE_PX])),
        images=_COLOURS[labels.long()].movedim(-1, 1).contiguous(),
        points=torch.cat([points, torch.full((len(points), 2), 0.5)], 1),
        target=target,
        pseudo_labels=labels,
        evidence=evidence.to(torch.uint8),
    )
    return Seen(scene, hit, passed & ~hit)
