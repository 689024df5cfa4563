"""Task: what is to be said about every voxel: which grid, which classes, which of them is free space."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from voxway.core.errors import nearest
from voxway.core.grid import VoxelGrid

IGNORE = 255
"""Id of voxels that carry no truth, in every task, benchmark and loss."""
SKY = 254
"""Id of pixels that pseudo-labels know to show the sky: no class of any task, but free space all along their rays."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A grid and the classes of its voxels. A benchmark has one, a network is built for one, a user may define one.

    Raises:
        ValueError: fewer than two classes or more than 255, repeated names, or an id or a colour that fits no class.
    """

    name: str
    grid: VoxelGrid
    """Where the voxels are, in the ego frame."""
    classes: tuple[str, ...]
    """Names by id, the free class included."""
    free: int
    """Id of free space. Nothing in the code may assume 0."""
    palette: tuple[Colour, ...] = ()
    """RGB (0..255) by id; empty draws colours that are easily told apart, white for free."""
    foreground: tuple[int, ...] = ()
    """Ids of things that can be counted (cars, people); what is neither these nor free is background."""
    evaluated: tuple[int, ...] = ()
    """Ids that enter mean scores; empty means all but free."""

    def __post_init__(self) -> None:
        count = len(self.classes)
        if not 2 <= count < IGNORE:
            raise ValueError(f"{self.name}: a task has 2 to {IGNORE - 1} classes, got {count}")
        if len(set(self.classes)) < count:
            raise ValueError(f"{self.name}: each class needs a name of its own, got {self.classes}")
        if not 0 <= self.free < count:
            raise ValueError(f"{self.name}: free id {self.free} must be one of the {count} classes")
        object.__setattr__(self, "evaluated", self.evaluated or self.occupied)
        object.__setattr__(self, "palette", self.palette or _distinct(count, self.free))
        if len(self.palette) != count:
            raise ValueError(f"{self.name}: {count} classes need as many colours, got {len(self.palette)}")
        for name in ("foreground", "evaluated"):
            ids = getattr(self, name)
            if self.free in ids or not set(ids) <= set(range(count)):
                raise ValueError(f"{self.name}: {name} must be ids of classes other than free ({self.free}), got {ids}")

    @property
    def occupied(self) -> tuple[int, ...]:
        """Ids of everything but free space."""
        return tuple(i for i in range(len(self.classes)) if i != self.free)

    def class_id(self, name: str) -> int:
        """Id of a class name.

        Raises:
            InputError: no class has that name.
        """
        if name not in self.classes:
            raise nearest(name, self.classes, f"class of {self.name}")
        return self.classes.index(name)

    def regions(self, ids: UInt8[Tensor, "*b x y z"]) -> dict[str, Bool[Tensor, "*b x y z"]]:
        """Masks ``foreground``, ``background`` and ``empty`` of voxels by class; 255 counts as background."""
        table = torch.zeros(256, dtype=torch.bool, device=ids.device)
        table[list(self.foreground)] = True
        foreground, empty = table[ids.long()], ids == self.free
        return {"foreground": foreground, "background": ~(foreground | empty), "empty": empty}

    def coarsen(self, factor: int | tuple[int, int, int]) -> Task:
        """The same classes on a coarser grid; see `VoxelGrid.coarsen`."""
        return replace(self, grid=self.grid.coarsen(factor))


def _distinct(count: int, free: int) -> tuple[Colour, ...]:
    """Hues a golden angle apart; white for free space."""
    colours = []
    for number in range(count):
        shade = colorsys.hsv_to_rgb(number * 0.618034 % 1, 0.75, 0.95 if number % 2 else 0.75)
        red, green, blue = (round(255 * value) for value in ((1, 1, 1) if number == free else shade))
        colours.append((red, green, blue))
    return tuple(colours)
