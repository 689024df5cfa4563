"""What SemanticKITTI scene completion fixes (semantic-kitti.yaml of its API, and its completion benchmark)."""

from __future__ import annotations

from types import MappingProxyType

from voxway.core.benchmark import Benchmark, Split
from voxway.core.grid import VoxelGrid
from voxway.core.rays import ray_rules_of_ours
from voxway.core.task import IGNORE, Task

# fmt: off
SEMANTIC_KITTI = Benchmark(
    task=Task(
        name="semantickitti",
        grid=VoxelGrid(lower=(0.0, -25.6, -2.0), cell=(0.2, 0.2, 0.2), shape=(256, 256, 32)),
        classes=(
            "empty", "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist", "motorcyclist",
            "road", "parking", "sidewalk", "other-ground", "building", "fence", "vegetation", "trunk", "terrain", "pole",
            "traffic-sign",
        ),
        palette=(
            (255, 255, 255), (100, 150, 245), (100, 230, 245), (30, 60, 150), (80, 30, 180), (100, 80, 250), (255, 30, 30),
            (255, 40, 200), (150, 30, 90), (255, 0, 255), (255, 150, 255), (75, 0, 75), (175, 0, 75), (255, 200, 0),
            (255, 120, 50), (0, 175, 0), (135, 60, 0), (150, 240, 80), (255, 240, 150), (255, 0, 0),
        ),
        free=0,
        foreground=tuple(range(1, 9)),
    ),
    near_ranges_m=(25.6, 12.8),
    ego_height_m=1.73,
    rays=ray_rules_of_ours(range(1, 9)),
    # Raw 1, 52 and 99 have no training class; raw 0 means empty (semantic-kitti.yaml, learning_map).
    raw_to_train=MappingProxyType({
        0: 0, 1: IGNORE, 10: 1, 11: 2, 13: 5, 15: 3, 16: 5, 18: 4, 20: 5, 30: 6, 31: 7, 32: 8, 40: 9, 44: 10, 48: 11,
        49: 12, 50: 13, 51: 14, 52: IGNORE, 60: 9, 70: 15, 71: 16, 72: 17, 80: 18, 81: 19, 99: IGNORE, 252: 1, 253: 7,
        254: 6, 255: 8, 256: 5, 257: 5, 258: 4, 259: 5,
    }),
    train_to_raw=(0, 10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81),
    splits=MappingProxyType({
        "train": Split(sequences=("00", "01", "02", "03", "04", "05", "06", "07", "09", "10"), frames=3834),
        "val": Split(sequences=("08",), frames=815),
        # 3992 is the count that the dataset's paper gives; every fifth of all recordings would be 4079.
        "test": Split(sequences=tuple(str(i) for i in range(11, 22)), least=3992, recordings=MappingProxyType({
            "11": 921, "12": 1061, "13": 3281, "14": 631, "15": 1901, "16": 1731, "17": 491, "18": 1801, "19": 4981,
            "20": 831, "21": 2721,
        })),
    }),
)
# fmt: on
