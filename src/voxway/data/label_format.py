"""Voxel labels in the files of a benchmark: what a form of files is, and labels made ready for one.

Voxway's own file (`voxway.core.voxel_labels`) says more than most forms can carry; what is lost is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.recorded import Recorded
from voxway.core.task import IGNORE, Task
from voxway.core.voxel_labels import FREE, OCCUPIED, VoxelLabels

EGO = "ego"
"""Name of the frame with x ahead, y left, z up (`VoxelLabels.frame`)."""
_TURN = np.array([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""From x right, y ahead, z up to x ahead, y left, z up."""


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """What a person may choose of how labels are written."""

    unknown: bool = False
    """List voxels of which nothing is known, where a form would otherwise take them for free."""
    classes: Mapping[str, str | None] = field(default_factory=dict)
    """Class name of the labels -> name of the benchmark's, None for occupied without class. Others keep their names."""


@dataclass(frozen=True, kw_only=True)
class FormLabels:
    """Labels in a benchmark's classes, grid and axes."""

    key: str
    classes: UInt8[np.ndarray, "x y z"]
    """Training ids of occupied voxels, 255 for those without a class; the free id elsewhere, in unknown voxels too."""
    state: UInt8[np.ndarray, "x y z"]
    """0 unknown, 1 free, 2 occupied."""
    lidar: Bool[np.ndarray, "x y z"]
    camera: Bool[np.ndarray, "x y z"]
    moving: Bool[np.ndarray, "x y z"]
    T_world_frame: Float64[np.ndarray, "4 4"]
    flow: np.ndarray | None
    """(x, y, z, 3) way to the next frame, in voxels; None where nobody knows."""
    own: Bool[np.ndarray, "x y z"] | None
    """Where the frame's own scans alone have a return; None where nobody knows."""
    until_next_s: float
    """Seconds to the next frame, which `flow` is the way of; 0 where nobody knows."""
    recorded: Recorded
    """What the recording calls the frame, its pictures and things, in the frame that labels were made in."""
    ids: Mapping[str, int]
    """Name of a class of the labels -> training id, 255 for those that have none."""

    @property
    def unknown(self) -> Bool[np.ndarray, "x y z"]:
        """Voxels of which nothing is known."""
        return (self.state != FREE) & (self.state != OCCUPIED)


@runtime_checkable
class LabelFormat(Protocol):
    """Files of one benchmark's labels."""

    @property
    def benchmark(self) -> Benchmark:
        """Whose grid and classes."""
        ...

    @property
    def x_right(self) -> bool:
        """Whether its frame has x to the right and y ahead, as nuScenes' LiDAR; else x is ahead and y to the left."""
        ...

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """The file of a frame; of several, the one that is written last.

        Args:
            folder: where the benchmark's tree begins.
            key: such as ``"drive/000012"``.
            names: that the recording has for it (`Recorded.names`); what they lack is made of the key.
        """
        ...

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """Write a frame's files, atomically."""
        ...

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """What the benchmark's reader reads: training ids, 255 where nothing is known."""
        ...

    def lost(self, options: LabelOptions) -> str:
        """What the files cannot say, as a sentence; empty for nothing."""
        ...


def in_form(labels: VoxelLabels, form: LabelFormat, options: LabelOptions, source: object) -> FormLabels:
    """Labels in a benchmark's classes, grid and axes.

    Labels in the vehicle's frame are turned where the benchmark has x to the right; those in a sensor's frame are taken
    as they are.

    Args:
        labels: as made.
        form: of the files.
        options: chosen by a person.
        source: the labels' file, for errors.

    Raises:
        InputError: they are of another grid, or have classes that the benchmark has not.
    """
    turned = form.x_right and labels.frame == EGO
    grid = _turned_grid(labels.task.grid) if turned else labels.task.grid
    wanted = form.benchmark.task
    if not _same(grid, wanted.grid):
        raise InputError(
            file=source,
            field="grid",
            expected=f"{wanted.grid}, the grid of {wanted.name}{' in axes x right, y ahead' if turned else ''}",
            found=str(grid),
            remedy="Make the labels on that grid, in the frame that the benchmark has.",
        )
    table = class_table(labels.task, wanted, options, source)
    occupied = labels.state == OCCUPIED
    classes = np.where(occupied, table[labels.label], np.uint8(wanted.free))
    found = FormLabels(
        key=labels.key,
        classes=classes,
        state=labels.state,
        lidar=labels.lidar,
        camera=labels.camera,
        moving=labels.moving,
        T_world_frame=labels.T_world_frame,
        flow=labels.flow,
        own=labels.own,
        until_next_s=labels.until_next_s,
        recorded=labels.recorded,
        ids={name: int(table[number]) for number, name in enumerate(labels.task.classes)},
    )
    return _turn(found) if turned else found


def class_table(task: Task, wanted: Task, options: LabelOptions, source: object) -> UInt8[np.ndarray, "256"]:
    """Id of the labels' task -> training id of a benchmark's, 255 for classes that have none there.

    Names are the same if they differ in strokes and capitals alone.

    Raises:
        InputError: a class has no namesake, and nobody said what it is.
    """
    namesakes = {_plain(name): i for i, name in enumerate(wanted.classes)}
    table, strange = np.full(256, IGNORE, np.uint8), []
    for label, name in enumerate(task.classes):
        meant = options.classes.get(name, name)
        if label == task.free:
            table[label] = wanted.free
        elif meant is not None and _plain(meant) not in namesakes:
            strange.append(name if meant == name else f"{name} as {meant}")
        elif meant is not None:
            table[label] = namesakes[_plain(meant)]
    if strange:
        raise InputError(
            file=source,
            field="classes",
            expected=f"classes of {wanted.name}: {', '.join(wanted.classes)}",
            found=f"others: {', '.join(strange)}",
            remedy='Say what they are: a JSON file such as {"car": "vehicle", "thing": null}, null for occupied '
            "without class.",
        )
    return table


def _turn(labels: FormLabels) -> FormLabels:
    """From x ahead, y left to x right, y ahead."""
    names = ("classes", "state", "lidar", "camera", "moving", "own")
    known = {name: volume for name in names if (volume := getattr(labels, name)) is not None}
    volumes = {name: np.ascontiguousarray(volume.transpose(1, 0, 2)[::-1]) for name, volume in known.items()}
    flow = labels.flow
    if flow is not None:
        moved = flow.transpose(1, 0, 2, 3)[::-1]
        flow = np.stack([-moved[..., 1], moved[..., 0], moved[..., 2]], -1)
    return replace(labels, **volumes, flow=flow, T_world_frame=labels.T_world_frame @ _TURN)


def _turned_grid(grid: VoxelGrid) -> VoxelGrid:
    (low_x, _, low_z), (_, high_y, _), (dx, dy, dz), (nx, ny, nz) = grid.lower, grid.upper, grid.cell, grid.shape
    return VoxelGrid(lower=(-high_y, low_x, low_z), cell=(dy, dx, dz), shape=(ny, nx, nz))


def _same(one: VoxelGrid, other: VoxelGrid) -> bool:
    near = np.allclose((*one.lower, *one.cell), (*other.lower, *other.cell), atol=1e-6)
    return one.shape == other.shape and bool(near)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(" ", "-")
