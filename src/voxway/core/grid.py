"""VoxelGrid: where voxels are. The only place that turns indices into metres and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Triple = tuple[float, float, float]
Counts = tuple[int, int, int]


@dataclass(frozen=True)
class VoxelGrid:
    """A regular grid of voxels in the ego frame. Voxel tensors are always (..., x, y, z), C order.

    Attributes:
        lower: low corner (x, y, z) in metres.
        cell: size of a voxel per axis in metres.
        shape: number of voxels per axis.

    Raises:
        ValueError: a cell or a count is not positive.
    """

    lower: Triple
    cell: Triple
    shape: Counts

    def __post_init__(self) -> None:
        if min(self.cell) <= 0:
            raise ValueError(f"voxel size must be positive along every axis, got {self.cell} m")
        if min(self.shape) < 1:
            raise ValueError(f"a grid needs at least one voxel along every axis, got {self.shape}")

    def __str__(self) -> str:
        spans = ", ".join(f"{low:g}..{high:g}" for low, high in zip(self.lower, self.upper))
        return f"{'x'.join(map(str, self.shape))} voxels over {spans} m"

    @property
    def upper(self) -> Triple:
        """High corner in metres; points on it lie outside."""
        x, y, z = (round(low + step * count, 9) for low, step, count in zip(self.lower, self.cell, self.shape))
        return x, y, z

    @property
    def count(self) -> int:
        """Number of voxels."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def index(self, points: Float[Tensor, "*b 3"]) -> Int[Tensor, "*b 3"]:
        """Voxel index (x, y, z) of each point (metres); indices of points outside lie outside the counts too."""
        return torch.floor((points - points.new_tensor(self.lower)) / points.new_tensor(self.cell)).long()

    def contains(self, points: Float[Tensor, "*b 3"]) -> Bool[Tensor, "*b"]:
        """Whether each point (metres) falls into a voxel. Half-open: the lower bound is inside, the upper is not."""
        return self.holds(self.index(points))

    def holds(self, index: Int[Tensor, "*b 3"]) -> Bool[Tensor, "*b"]:
        """Whether each voxel index lies within the counts."""
        return ((index >= 0) & (index < index.new_tensor(self.shape))).all(-1)

    def flat(self, index: Int[Tensor, "*b 3"]) -> Int[Tensor, "*b"]:
        """Position in the flattened C-order volume: ``(x * ny + y) * nz + z``."""
        return (index[..., 0] * self.shape[1] + index[..., 1]) * self.shape[2] + index[..., 2]

    def centre(self, index: Int[Tensor, "*b 3"], dtype: torch.dtype = torch.float32) -> Float[Tensor, "*b 3"]:
        """Centre of each voxel in metres. Computed in float64, then cast."""
        lower = torch.tensor(self.lower, dtype=torch.float64, device=index.device)
        cell = torch.tensor(self.cell, dtype=torch.float64, device=index.device)
        return (lower + (index + 0.5) * cell).to(dtype)

    def centres(
        self, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
    ) -> Float[Tensor, "x y z 3"]:
        """Centres of all voxels in metres."""
        axes = [torch.arange(count, device=device) for count in self.shape]
        return self.centre(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1), dtype)

    def coarsen(self, factor: int | Counts) -> VoxelGrid:
        """The grid of voxels `factor` times larger, along all axes or along each, over the same space.

        Raises:
            ValueError: the counts are not multiples of `factor`.
        """
        fx, fy, fz = factors = factor if isinstance(factor, tuple) else (factor,) * 3
        if min(factors) < 1 or any(count % times for count, times in zip(self.shape, factors)):
            raise ValueError(f"a grid of {self.shape} voxels cannot be coarsened by {factor}: counts must be multiples")
        x, y, z = self.shape
        dx, dy, dz = self.cell
        return replace(
            self,
            cell=(dx * fx, dy * fy, dz * fz),
            shape=(x // fx, y // fy, z // fz),
        )

    def refine(self, factor: int) -> VoxelGrid:
        """The grid of voxels `factor` times smaller along every axis, over the same space.

        Raises:
            ValueError: a factor that is not positive.
        """
        if factor < 1:
            raise ValueError(f"a grid is refined by a positive whole factor, got {factor}")
        (dx, dy, dz), (x, y, z) = self.cell, self.shape
        return replace(self, cell=(dx / factor, dy / factor, dz / factor), shape=(x * factor, y * factor, z * factor))

    def crop(self, start: Counts, shape: Counts) -> VoxelGrid:
        """The part of the grid that begins at voxel `start` and counts `shape` voxels.

        Raises:
            ValueError: the part reaches outside the grid.
        """
        if any(s < 0 or n < 1 or s + n > whole for s, n, whole in zip(start, shape, self.shape)):
            raise ValueError(f"a crop of {shape} voxels from {start} does not fit a grid of {self.shape}")
        x, y, z = (low + step * s for low, step, s in zip(self.lower, self.cell, start))
        return replace(self, lower=(x, y, z), shape=shape)

    def flip(self, volume: Tensor, axis: Literal["x", "y", "z"], beyond: int = 0) -> Tensor:
        """A voxel tensor (..., x, y, z) of this space, coarse or fine, after the scene was mirrored along an axis.

        It is mirrored about the ego frame's origin; the grid's middle may lie elsewhere.

        Args:
            volume: what lies in the voxels.
            axis: whose two sides change places.
            beyond: what is in voxels that would show what the grid does not hold.

        Raises:
            ValueError: mirrored voxels would lie between the grid's own.
        """
        number = "xyz".index(axis)
        low, high, dim, count = self.lower[number], self.upper[number], number - 3, volume.shape[number - 3]
        moved = (low + high) / (high - low) * count
        if abs(moved - round(moved)) > 1e-6:
            raise ValueError(f"mirrored along {axis}, {count} voxels over {low:g}..{high:g} m would lie between others")
        moved = max(-count, min(round(moved), count))
        mirrored = torch.full_like(volume, beyond)
        kept = volume.flip(dim).narrow(dim, max(moved, 0), count - abs(moved))
        mirrored.narrow(dim, max(-moved, 0), count - abs(moved)).copy_(kept)
        return mirrored
