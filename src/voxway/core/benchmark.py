"""Benchmark: everything that a published benchmark fixes, and the five that voxway knows, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from voxway.core.errors import InputError, nearest
from voxway.core.grid import VoxelGrid

IGNORE = 255
"""Id of voxels that carry no truth, in every benchmark and every loss."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One part of a benchmark: its sequences (or scenes) and how many annotated frames it must have."""

    sequences: tuple[str, ...] = ()
    """Names of the sequences; empty where the benchmark lists thousands of scenes in files of its own."""
    frames: int | None = None
    """Annotated frames in all; None where no reliable count is published."""
    scenes: int | None = None
    """Sequences or scenes in all, where they are not named here."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark's constants. Class ids are its published training ids, never shifted."""

    name: str
    grid: VoxelGrid
    classes: tuple[str, ...]
    """Names by training id, the free class included."""
    palette: tuple[Colour, ...]
    """RGB (0..255) by training id."""
    free: int
    """Training id of free space. Nothing in the code may assume 0."""
    evaluated: tuple[int, ...]
    """Training ids that enter mIoU."""
    masks: tuple[str, ...] = ()
    """Named masks that its protocol applies to the voxels it scores, all of them together."""
    raw_to_train: MappingProxyType[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Ids on disk -> training ids; empty where files already hold training ids."""
    train_to_raw: tuple[int, ...] = ()
    """Training id -> id on disk, for submissions."""
    splits: MappingProxyType[str, Split] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if len(self.palette) != len(self.classes):
            raise ValueError(f"{self.name}: {len(self.classes)} classes need as many colours, got {len(self.palette)}")
        if not 0 <= self.free < len(self.classes) or self.free in self.evaluated:
            raise ValueError(f"{self.name}: free id {self.free} must be a class and must not be evaluated")

    @property
    def occupied(self) -> tuple[int, ...]:
        """Training ids of everything but free space."""
        return tuple(i for i in range(len(self.classes)) if i != self.free)

    def class_id(self, name: str) -> int:
        """Training id of a class name.

        Raises:
            InputError: no class has that name.
        """
        if name not in self.classes:
            raise nearest(name, self.classes, f"class of {self.name}")
        return self.classes.index(name)

    def to_train(self, raw: np.ndarray, source: object) -> np.ndarray:
        """Map ids on disk to training ids (uint8).

        Args:
            raw: integer ids of any shape.
            source: the file they came from, for the error.

        Raises:
            InputError: an id has no entry in the label map.
        """
        pairs = self.raw_to_train or {i: i for i in (*range(len(self.classes)), IGNORE)}
        unknown = 254
        # Two more rows than ids: what lies below or above them all must not be taken for the nearest.
        table = np.full(max(pairs) + 3, unknown, np.uint8)
        table[[raw_id + 1 for raw_id in pairs]] = list(pairs.values())
        trained = table[np.clip(raw, -1, len(table) - 2, dtype=np.int64, casting="unsafe") + 1]
        if (trained == unknown).any():
            ids = np.unique(np.asarray(raw)[trained == unknown])[:5].tolist()
            raise InputError(
                file=source,
                field="label ids",
                expected=f"ids of {self.name}'s label map ({min(pairs)}..{max(pairs)})",
                found=f"ids {ids}",
                remedy="The file is damaged or belongs to another benchmark.",
            )
        return trained

    def to_raw(self, trained: np.ndarray) -> np.ndarray:
        """Map training ids to ids on disk (uint16), as submissions need them."""
        if not self.train_to_raw:
            return trained.astype(np.uint16)
        return np.asarray(self.train_to_raw, np.uint16)[trained]


_KITTI_VOLUME = VoxelGrid(lower=(0.0, -25.6, -2.0), cell=(0.2, 0.2, 0.2), shape=(256, 256, 32))

# fmt: off
SEMANTIC_KITTI = Benchmark(
    name="semantickitti",
    grid=_KITTI_VOLUME,
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
    evaluated=tuple(range(1, 20)),
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
        # 3992 is the count usually quoted; no public list confirms it, so it is not asserted.
        "test": Split(sequences=tuple(str(i) for i in range(11, 22))),
    }),
)

SSCBENCH_KITTI360 = Benchmark(
    name="sscbench-kitti360",
    grid=_KITTI_VOLUME,
    classes=(
        "empty", "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "road", "parking", "sidewalk",
        "other-ground", "building", "fence", "vegetation", "terrain", "pole", "traffic-sign", "other-structure",
        "other-object",
    ),
    palette=(
        (255, 255, 255), (100, 150, 245), (100, 230, 245), (30, 60, 150), (80, 30, 180), (100, 80, 250), (255, 30, 30),
        (255, 0, 255), (255, 150, 255), (75, 0, 75), (175, 0, 75), (255, 200, 0), (255, 120, 50), (0, 175, 0),
        (150, 240, 80), (255, 240, 150), (255, 0, 0), (255, 150, 0), (50, 255, 255),
    ),
    free=0,
    evaluated=tuple(range(1, 19)),
    splits=MappingProxyType({
        name: Split(sequences=tuple(f"2013_05_28_drive_{n:04d}_sync" for n in numbers), frames=frames)
        for name, numbers, frames in (
            ("train", (0, 2, 3, 4, 5, 7, 10), 8487),
            ("val", (6,), 1812),
            ("test", (9,), 2566),
        )
    }),
)

_NUSCENES_CLASSES = (
    "barrier", "bicycle", "bus", "car", "construction_vehicle", "motorcycle", "pedestrian", "traffic_cone", "trailer",
    "truck", "driveable_surface", "other_flat", "sidewalk", "terrain", "manmade", "vegetation",
)
_NUSCENES_PALETTE = (
    (255, 120, 50), (255, 192, 203), (255, 255, 0), (0, 150, 245), (0, 255, 255), (200, 180, 0), (255, 0, 0),
    (255, 240, 150), (135, 60, 0), (160, 32, 240), (255, 0, 255), (139, 137, 137), (75, 0, 75), (150, 240, 80),
    (230, 230, 250), (0, 175, 0),
)
_OCC3D_VOLUME = VoxelGrid(lower=(-40.0, -40.0, -1.0), cell=(0.4, 0.4, 0.4), shape=(200, 200, 16))

OCC3D_NUSCENES = Benchmark(
    name="occ3d-nuscenes",
    grid=_OCC3D_VOLUME,
    classes=("others", *_NUSCENES_CLASSES, "free"),
    palette=((90, 90, 90), *_NUSCENES_PALETTE, (255, 255, 255)),
    free=17,
    evaluated=tuple(range(17)),
    masks=("camera",),
    splits=MappingProxyType({
        "train": Split(frames=28130, scenes=700),
        "val": Split(frames=6019, scenes=150),
    }),
)

OCC3D_WAYMO = Benchmark(
    name="occ3d-waymo",
    grid=_OCC3D_VOLUME,
    classes=(
        "general_object", "vehicle", "bicyclist", "pedestrian", "sign", "traffic_light", "pole", "construction_cone",
        "bicycle", "motorcycle", "building", "vegetation", "tree_trunk", "road", "walkable", "free",
    ),
    palette=(
        (90, 90, 90), (100, 150, 245), (255, 40, 200), (255, 30, 30), (255, 0, 0), (255, 170, 0), (255, 240, 150),
        (255, 120, 50), (100, 230, 245), (30, 60, 150), (255, 200, 0), (0, 175, 0), (135, 60, 0), (255, 0, 255),
        (75, 0, 75), (255, 255, 255),
    ),
    free=15,
    evaluated=tuple(range(15)),
    # The ray-cast camera mask is not limited to the five cameras; the field-of-view mask is.
    masks=("camera", "field_of_view"),
    raw_to_train=MappingProxyType({**{i: i for i in range(15)}, 23: 15}),
    train_to_raw=(*range(15), 23),
    splits=MappingProxyType({"train": Split(scenes=798), "val": Split(scenes=202)}),
)

OPENOCCUPANCY_NUSCENES = Benchmark(
    name="openoccupancy-nuscenes",
    grid=VoxelGrid(lower=(-51.2, -51.2, -5.0), cell=(0.2, 0.2, 0.2), shape=(512, 512, 40)),
    classes=("free", *_NUSCENES_CLASSES),
    palette=((255, 255, 255), *_NUSCENES_PALETTE),
    free=0,
    evaluated=tuple(range(1, 17)),
    # On disk only occupied voxels are listed, and 0 there means noise; absent voxels are free.
    raw_to_train=MappingProxyType({0: IGNORE, **{i: i for i in range(1, 17)}}),
    splits=MappingProxyType({"train": Split(frames=28130, scenes=700), "val": Split(frames=6019, scenes=150)}),
)
# fmt: on

BENCHMARKS = MappingProxyType(
    {
        benchmark.name: benchmark
        for benchmark in (SEMANTIC_KITTI, SSCBENCH_KITTI360, OCC3D_NUSCENES, OCC3D_WAYMO, OPENOCCUPANCY_NUSCENES)
    }
)


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        InputError: unknown name; lists the known ones and the nearest.
    """
    if name not in BENCHMARKS:
        raise nearest(name, list(BENCHMARKS), "benchmark")
    return BENCHMARKS[name]
