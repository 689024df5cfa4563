"""Resampling: what is known on one grid, in one task's classes, said on another grid, in another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE, Task


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """Which class of one task is which of another.

    Raises:
        InputError: not an id for every class, or an id that is none.
    """

    source: Task
    target: Task
    ids: tuple[int, ...]
    """Target id by source id; 255 where there is none."""

    def __post_init__(self) -> None:
        known = {*range(len(self.target.classes)), IGNORE}
        if len(self.ids) != len(self.source.classes) or not set(self.ids) <= known:
            expected = f"{len(self.source.classes)} ids of {self.target.name}, one for each class of {self.source.name}"
            raise _wrong(self, "ids", expected, self.ids)

    @classmethod
    def of(cls, source: Task, target: Task, names: Mapping[str, str | None]) -> ClassTable:
        """From names: source class -> target class, or None where there is none.

        Raises:
            InputError: a class that the mapping leaves out, or a name that is no class.
        """
        for name in names:
            source.class_id(name)
        absent = [name for name in source.classes if name not in names]
        if absent:
            raise InputError(
                file=f"classes of {source.name} for {target.name}",
                field="names",
                expected="all classes of the source",
                found=f"none for {', '.join(absent)}",
                remedy="Name a class of the target for each, or None.",
            )
        chosen = [names[name] for name in source.classes]
        ids = tuple(IGNORE if name is None else target.class_id(name) for name in chosen)
        return cls(source=source, target=target, ids=ids)

    def __call__(self, classes: Shaped[Tensor, "*s"]) -> Shaped[Tensor, "*s"]:
        """Target ids (uint8) of source ids; 255 stays 255."""
        table = torch.full((256,), IGNORE, dtype=torch.uint8, device=classes.device)
        table[: len(self.ids)] = torch.tensor(self.ids, dtype=torch.uint8, device=classes.device)
        return table[classes.long()]


def resampled(occupancy: Occupancy, table: ClassTable, rise_m: float = 0.0) -> Occupancy:
    """An occupancy on the grid, and in the classes, of a table's target.

    Each voxel takes what is at its centre: the class of the source's voxel that holds it, whose centre is the nearest.
    A centre on the border of two takes the one farther along the axis. Beyond the source's grid nothing is known (255),
    and no mask counts. Scores are left behind: they have no meaning among other classes.

    Args:
        occupancy: of the table's source.
        table: from its classes to the target's.
        rise_m: how far the target's ego frame lies above the source's, along z, metres.

    Raises:
        InputError: the occupancy is of another task.
    """
    if occupancy.task != table.source:
        raise _wrong(table, "task", f"an occupancy of {table.source.name}", occupancy.task.name)
    grid = table.target.grid

    def taken(volume: Shaped[Tensor, "x y z"]) -> Shaped[Tensor, "x2 y2 z2"]:
        return at_centres(volume, occupancy.task.grid, grid, rise_m)[0]

    classes, here = at_centres(occupancy.classes, occupancy.task.grid, grid, rise_m)
    pose = occupancy.pose
    if pose is not None:
        pose = pose.clone()
        pose[:3, 3] += rise_m * pose[:3, 2]
    return Occupancy(
        task=table.target,
        classes=torch.where(here, table(classes), IGNORE),
        masks={name: taken(mask) & here for name, mask in occupancy.masks.items()},
        pose=pose,
        labelled=occupancy.labelled,
        key=occupancy.key,
    )


def at_centres(
    values: Shaped[Tensor, "*c x y z"], source: VoxelGrid, target: VoxelGrid, rise_m: float = 0.0
) -> tuple[Shaped[Tensor, "*c x2 y2 z2"], Bool[Tensor, "x2 y2 z2"]]:
    """What a volume on one grid holds at the centres of another's voxels, and where it holds anything; see `resampled`.

    Args:
        values: on the source's grid.
        source: their grid.
        target: the other one.
        rise_m: how far the target's frame lies above the source's, along z, metres.
    """
    device = values.device
    index, inside = zip(*(_along(source, target, axis, rise_m, device) for axis in range(3)))
    for axis in range(3):
        values = values.index_select(axis - 3, index[axis])
    return values, inside[0][:, None, None] & inside[1][:, None] & inside[2]


def _along(
    theirs: VoxelGrid, mine: VoxelGrid, axis: int, rise_m: float, device: torch.device
) -> tuple[Int[Tensor, "n"], Bool[Tensor, "n"]]:
    """Source cell of each of the target's along an axis, and whether there is one."""
    centre = mine.lower[axis] + (torch.arange(mine.shape[axis], dtype=torch.float64) + 0.5) * mine.cell[axis]
    centre += rise_m if axis == 2 else 0.0
    # To a millionth of a cell, so that a centre on a border falls to one side whatever its rounding.
    cell = ((centre - theirs.lower[axis]) / theirs.cell[axis]).mul(1e6).round().div(1e6).floor().long()
    inside = (cell >= 0) & (cell < theirs.shape[axis])
    return cell.clamp(0, theirs.shape[axis] - 1).to(device), inside.to(device)


def _wrong(table: ClassTable, field: str, expected: object, found: object) -> InputError:
    return InputError(
        file=f"classes of {table.source.name} for {table.target.name}",
        field=field,
        expected=expected,
        found=found,
        remedy="Make a table from the occupancy's own task.",
    )
