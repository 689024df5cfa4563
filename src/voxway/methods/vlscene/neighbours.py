"""Which voxels the convolutions of the sparse U-Net bring together, at its three resolutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from voxway.ops.sparse_conv import Sites, Table, Triple, sparse_conv, strided_table, submanifold_table

Features = Float[Tensor, "_s _c"] | Float[Tensor, "1 _c _s"]
"""Features of voxels: rows of the active ones, or channels of all of them (as an exported network has them)."""
FLAT, TALL, CUBE = (1, 3, 3), (3, 1, 3), (3, 3, 3)
AXES = ((3, 1, 1), (1, 3, 1), (1, 1, 3))
KERNELS = ((FLAT, TALL, *AXES), (FLAT, TALL, CUBE), (CUBE,))
"""Kernels that look at each resolution, fine to coarse."""


@runtime_checkable
class Neighbours(Protocol):
    """Neighbours of voxels under one kernel."""

    def convolve(self, x: Features, weight: Float[Tensor, "kx ky kz c d"]) -> Features:
        """The convolution, at active voxels alone."""
        ...

    def transposed(self) -> Neighbours:
        """Those of the transposed convolution: from the outputs back onto the inputs."""
        ...


Kernels = Mapping[Triple, Neighbours]


@dataclass(frozen=True)
class Levels:
    """Neighbours at three resolutions, fine to coarse.

    Attributes:
        kernels: of each resolution, by kernel (`KERNELS`).
        halvings: from each resolution to the next.
    """

    kernels: tuple[Kernels, Kernels, Kernels]
    halvings: tuple[Neighbours, Neighbours]


@dataclass(frozen=True)
class InTable:
    """Neighbours among active voxels, of which features are rows."""

    table: Table

    def convolve(self, x: Float[Tensor, "i c"], weight: Float[Tensor, "kx ky kz c d"]) -> Float[Tensor, "o d"]:
        """Rows of the outputs."""
        return sparse_conv(x, weight.flatten(0, 2), self.table)

    def transposed(self) -> InTable:
        """Back onto the inputs."""
        return InTable(self.table.transposed())


def levels_of(sites: Sites) -> Levels:
    """Neighbours among active voxels."""
    half, down = strided_table(sites, CUBE, (2, 2, 2), (1, 1, 1))
    quarter, down_again = strided_table(half, CUBE, (2, 2, 2), (1, 1, 1))
    fine, coarse, deep = (
        {kernel: InTable(submanifold_table(own, kernel)) for kernel in kernels}
        for own, kernels in zip((sites, half, quarter), KERNELS)
    )
    return Levels((fine, coarse, deep), (InTable(down), InTable(down_again)))
