"""A street of boxes to look at, and a prediction that is wrong in the usual ways. Ids of SemanticKITTI."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE, Task
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

CAR, TRUCK, PERSON, ROAD, PARKING, SIDEWALK, BUILDING, FENCE, VEGETATION, TRUNK, TERRAIN, POLE, SIGN = (
    SEMANTIC_KITTI.classes.index(name)
    for name in (
        "car", "truck", "person", "road", "parking", "sidewalk", "building", "fence", "vegetation", "trunk", "terrain",
        "pole", "traffic-sign",
    )
)  # fmt: skip


def occupancy(volume: np.ndarray, task: Task = SEMANTIC_KITTI.task, grid: VoxelGrid | None = None) -> Occupancy:
    """Class ids (x, y, z) as an occupancy of a task, on the task's own grid or on another."""
    task = replace(task, grid=grid) if grid else task
    return Occupancy(task=task, classes=torch.from_numpy(np.ascontiguousarray(volume)))


def street(seed: int = 0, shift_m: float = 0.0) -> np.ndarray:
    """Road with kerbs, houses, trees, cars, poles: uint8 (256, 256, 32); `shift_m` moves the ego along the road."""
    rng = np.random.default_rng(seed)
    volume = np.zeros((256, 256, 32), np.uint8)
    x, y = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    off_road = np.abs(y - 128 - 10 * np.sin((x + 5 * shift_m) / 70))
    height = np.where(off_road < 22, 1, 2) + (off_road > 70) * ((off_road - 70) // 25).astype(int)
    kind = np.select([off_road < 22, off_road < 31, off_road < 42], [ROAD, PARKING, SIDEWALK], TERRAIN)
    for z in range(6):
        volume[..., z][(z <= height) & (z >= height - 1)] = kind[(z <= height) & (z >= height - 1)]
    shift = round(5 * shift_m)

    def centre(at: int) -> int:
        return round(128 + 10 * np.sin((at + shift) / 70))

    def box(x0: int, y0: int, z0: int, size: tuple[int, int, int], label: int) -> None:
        volume[max(x0, 0) : max(x0 + size[0], 0), max(y0, 0) : y0 + size[1], z0 : z0 + size[2]] = label

    for side in (-1, 1):
        for start in range(-80, 420, 62):
            begin, depth, tall = start - shift, int(rng.integers(38, 55)), int(rng.integers(16, 27))
            front = centre(begin + 25) + side * 50
            box(begin, front if side > 0 else front - depth, 3, (48, depth, tall), BUILDING)
            box(begin + 50, front - 1, 3, (10, 2, 6), FENCE)
        for start in range(-60, 420, 37):
            trunk_x, trunk_y = start - shift, centre(start - shift) + side * 38
            box(trunk_x, trunk_y, 3, (2, 2, 10), TRUNK)
            ball = np.stack(np.indices((17, 17, 13)) - np.array([8, 8, 6])[:, None, None, None], -1) / (8.5, 8.5, 6.5)
            crown = (np.linalg.norm(ball, axis=-1) < 1) & (rng.random((17, 17, 13)) > 0.25)
            if 8 <= trunk_x <= 247:
                volume[trunk_x - 8 : trunk_x + 9, trunk_y - 8 : trunk_y + 9, 11:24][crown] = VEGETATION
            box(trunk_x + 18, trunk_y, 3, (1, 1, 20), POLE)
            box(trunk_x + 18, trunk_y - 1, 17, (1, 4, 4), SIGN)
        for start in range(-40, 420, 29):
            if rng.random() < 0.75:
                begin = start - shift
                row = centre(begin) + side * 26 - 4
                box(begin, row, 3, (22, 9, 4), CAR)
                box(begin + 5, row + 1, 7, (11, 7, 3), CAR)
    box(150 - shift, centre(150 - shift) - 14, 3, (38, 12, 15), TRUCK)
    box(60 - shift, centre(60 - shift) + 34, 3, (2, 3, 9), PERSON)
    return volume


def truth_of(volume: np.ndarray) -> np.ndarray:
    """The street as a scan would know it: what nobody has seen is 255."""
    truth = volume.copy()
    hidden = np.zeros(volume.shape, bool)
    hidden[:, :40] = hidden[:, 216:] = True
    truth[hidden & (volume == 0)] = IGNORE
    truth[..., 0] = IGNORE
    return truth


def prediction_of(volume: np.ndarray, seed: int = 1) -> np.ndarray:
    """A plausible prediction: worse with distance, holes, smeared surfaces, some classes mixed up."""
    rng = np.random.default_rng(seed)
    predicted = volume.copy()
    block = rng.random((64, 64, 8)).repeat(4, 0).repeat(4, 1).repeat(4, 2)
    far = np.linspace(0.02, 0.3, 256)[:, None, None]
    predicted[(block < far) & (volume != ROAD)] = 0
    smeared = np.roll(volume, (2, 1), (0, 1))
    grown = (block > 1 - far) & (predicted == 0) & (smeared != 0)
    predicted[grown] = smeared[grown]
    mixed = rng.random((32, 32, 1)).repeat(8, 0).repeat(8, 1)
    predicted[(volume == SIDEWALK) & (mixed < 0.15)] = TERRAIN
    predicted[(volume == PARKING) & (mixed < 0.3)] = ROAD
    predicted[(volume == TRUCK)] = CAR
    return predicted


def camera_picture(size: tuple[int, int] = (370, 1226)) -> np.ndarray:
    """Sky, houses and road as flat colour gradients: uint8 (h, w, 3)."""
    height, width = size
    v, u = np.indices(size) / np.array([[[height]], [[width]]])
    sky = np.stack([120 + 90 * v, 160 + 70 * v, 215 + 30 * v], -1)
    ground = np.stack([90 + 30 * v] * 3, -1)
    image = np.where((v < 0.5)[..., None], sky, ground)
    houses = (np.abs(v - 0.5) < 0.45 * np.abs(u - 0.5)) & (v < 0.5 + 0.3 * np.abs(u - 0.5))
    image[houses] = (168, 142, 110)
    return image.clip(0, 255).astype(np.uint8)
