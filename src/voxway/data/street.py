"""The street task: classes and a grid into which those of every dataset go, so that one network serves any rig.

Its classes are the coarsest that still tell apart what any of the datasets tells apart: each of theirs is a union of
these, as far as it names something. Its ego frame stands on the ground. Its grid holds the volumes that all of them
score: ahead as far as the benchmarks with one front camera look (0..51.2 m, 25.6 m to either side, 0.27 m below to
6.13 m above a road that is 1.73 m below their LiDAR), and 40 m all round, 1 m below to 5.4 m above the ground, as the
benchmarks with surround cameras do. A square of 51.2 m all round would have 41 % more cells, none of which is scored.
Cells are 0.4 m: those of 0.2 m are eight times as many, and a CPU has no time for them. Along x and y there are
multiples of 8 of them, so that maps can be halved three times. It is called ``own``, as the dataset whose labels have
it where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from voxway.core.grid import VoxelGrid
from voxway.core.resample import ClassTable
from voxway.core.sample import Sample
from voxway.core.task import Task
from voxway.data import registry

# fmt: off
STREET = Task(
    name="own",
    grid=VoxelGrid(lower=(-41.6, -40.0, -1.0), cell=(0.4, 0.4, 0.4), shape=(232, 200, 18)),
    classes=(
        "free", "car", "truck", "bus", "trailer", "construction-vehicle", "bicycle", "motorcycle", "person",
        "bicyclist", "motorcyclist", "road", "parking", "sidewalk", "other-ground", "terrain", "building", "fence",
        "vegetation", "trunk", "pole", "traffic-sign", "traffic-light", "traffic-cone", "barrier", "object",
    ),
    palette=(
        (255, 255, 255), (100, 150, 245), (80, 30, 180), (255, 255, 0), (100, 80, 250), (0, 255, 255), (100, 230, 245),
        (30, 60, 150), (255, 30, 30), (255, 40, 200), (150, 30, 90), (255, 0, 255), (255, 150, 255), (75, 0, 75),
        (175, 0, 75), (150, 240, 80), (255, 200, 0), (255, 120, 50), (0, 175, 0), (135, 60, 0), (255, 240, 150),
        (255, 0, 0), (255, 170, 0), (250, 100, 0), (200, 180, 0), (90, 90, 90),
    ),
    free=0,
    foreground=tuple(range(1, 11)),
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class StreetNames:
    """What a dataset calls the classes of the street, and which of them its own classes are; free is free in both."""

    said: Mapping[str, str | None]
    """Street class -> the dataset's; None where it has none for it."""
    meant: Mapping[str, str | None]
    """The dataset's class -> street class: where it stands for several, the one that most of its voxels are; None
    where that is anybody's guess."""


def from_street(dataset: str) -> ClassTable:
    """Street classes as a dataset's, for its own scorer; what it has no class for is free there: a prediction leaves
    no voxel open, and no scorer takes a wrong thing for a lesser mistake than none.

    Raises:
        InputError: no dataset has that name, or its entry does not say.
    """
    names, task = registry.street_names(dataset), registry.benchmark(dataset).task
    free = task.classes[task.free]
    return ClassTable.of(STREET, task, {"free": free, **{name: said or free for name, said in names.said.items()}})


def to_street(dataset: str) -> ClassTable:
    """A dataset's classes as the street's, for labels to learn from.

    Raises:
        InputError: no dataset has that name, or its entry does not say.
    """
    names, task = registry.street_names(dataset), registry.benchmark(dataset).task
    return ClassTable.of(task, STREET, {**names.meant, task.classes[task.free]: "free"})


def rise_m(dataset: str) -> float:
    """How far a dataset's ego frame lies above the street's.

    Raises:
        InputError: no dataset has that name.
    """
    return registry.benchmark(dataset).ego_height_m


def in_street(sample: Sample, dataset: str) -> Sample:
    """A dataset's sample as one of the street: on its grid, with points and cameras in its ego frame.

    Targets and what else lies in voxels is left behind; predictions go back by `resampled` with `from_street`.

    Raises:
        InputError: no dataset has that name.
    """
    lift = torch.eye(4, dtype=torch.float64)
    lift[2, 3] = rise_m(dataset)
    points = sample.points
    if points is not None:
        points = points.clone()
        points[:, 2] += lift[2, 3].to(points)
    return Sample(
        key=sample.key,
        grid=STREET.grid,
        images=sample.images,
        cameras=None if sample.cameras is None else sample.cameras.move_ego(lift),
        points=points,
        depth=sample.depth,
        pose=None if sample.pose is None else sample.pose @ torch.linalg.inv(lift),
    )
