"""What a network asks of a batch before it computes: the right grid, and images of one size at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from jaxtyping import Shaped
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch

T = TypeVar("T")


def check_grid(batch: Batch, grid: VoxelGrid) -> None:
    """Refuse a batch on another grid.

    Raises:
        InputError: it lies on one.
    """
    if batch.grid != grid:
        raise InputError(
            file=f"batch {', '.join(batch.keys)}",
            field="grid",
            expected=grid,
            found=batch.grid,
            remedy="Build the network with the data's grid.",
        )


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Samples of a batch whose images are of one size."""

    members: tuple[int, ...]
    """Their numbers in the batch, ascending."""
    size_px: tuple[int, int]
    """(height, width) of their images; what lies beyond is padding."""
    of: int
    """Samples in the batch."""

    def cut(self, images: Shaped[Tensor, "b n *c h w"]) -> Shaped[Tensor, "m n *c h2 w2"]:
        """Their images (or whatever has the images' pixels) without padding."""
        height, width = self.size_px
        own = images if len(self.members) == self.of else images[list(self.members)]
        return own[..., :height, :width]

    def cameras(self, cameras: Cameras) -> Cameras:
        """Their cameras (m, n)."""
        return cameras if len(self.members) == self.of else Cameras.stack([cameras[i] for i in self.members])


def by_image_size(cameras: Cameras) -> list[Alike]:
    """Samples of a batch (b, n) in groups whose images are of one size, so that none sees another's padding.

    A sample's size is that of its largest image.
    """
    sizes = [(int(height), int(width)) for height, width in cameras.size_px.amax(1).tolist()]
    groups = {size: tuple(i for i, other in enumerate(sizes) if other == size) for size in sizes}
    return [Alike(members=members, size_px=size, of=len(sizes)) for size, members in groups.items()]


def in_order(groups: Sequence[Alike], results: Sequence[Sequence[T]]) -> list[T]:
    """Results of the groups' members in the order of the batch.

    Args:
        groups: from `by_image_size`.
        results: of each group, one per member.
    """
    placed = {i: value for group, values in zip(groups, results) for i, value in zip(group.members, values)}
    return [placed[i] for i in sorted(placed)]
