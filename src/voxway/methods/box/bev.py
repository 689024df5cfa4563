"""The map's encoder, from the finest level to the coarsest and back, and the head that reads voxels from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.box.blocks import ConvGroup, Residual, norm
from voxway.methods.box.sight import SIGHTS


class MapEncoder(nn.Module):
    """``x_l = down_l(x_(l-1))``, then ``x_(l-1) += up(side(x_l))`` from the coarsest back; a map as large as given."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.levels, self.sides = nn.ModuleList(), nn.ModuleList()
        for number, width in enumerate(widths):
            first = Residual(channels, width, 1 if number == 0 else 2)
            self.levels.append(first if number == 0 else nn.Sequential(first, Residual(width, width)))
            if number:
                self.sides.append(nn.Conv2d(width, channels, 1))
            channels = width
        self.output = ConvGroup(widths[0], widths[0])

    def forward(self, bev: Float[Tensor, "b c y x"]) -> Float[Tensor, "b d y x"]:
        """The encoded map."""
        maps = [bev]
        for level in self.levels:
            maps.append(level(maps[-1]))
        x = maps[-1]
        for side, finer in zip(reversed(self.sides), reversed(maps[1:-1])):
            x = finer + F.interpolate(side(x), finer.shape[-2:], mode="bilinear", align_corners=False)
        return self.output(x)


class Around(nn.Module):
    """What is known of a voxel and of those around it as one number, by the same rule at all heights and places.

    Where nothing is known, that is exactly 0.

    Args:
        channels: known of each voxel.
        width: channels in between.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        # A voxel's layer with those below and above, as channels: all layers at once are a batch of planes.
        self.first = nn.Conv2d(3 * channels, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, 1, 1, bias=False)

    def forward(self, known: Float[Tensor, "b c z y x"]) -> Float[Tensor, "b z y x"]:
        """One number for each voxel."""
        padded = F.pad(known, (0, 0, 0, 0, 1, 1))
        layers = torch.cat([padded[:, :, :-2], padded[:, :, 1:-1], padded[:, :, 2:]], 1).transpose(1, 2)
        return self.second(F.relu(self.first(layers.flatten(0, 1)))).view(len(known), *known.shape[2:])


class ColumnHead(nn.Module):
    """Every cell of the map to the columns of voxels in it, each of which is read as scores by height.

    From the score of free is taken what points, and what pixels see in a voxel and around it, say (`Around`): the map
    is too coarse for that.

    Args:
        channels: of the map.
        width: channels of a column.
        measured: channels in between, of a voxel with its neighbours.
        factor: columns along each side of a cell.
        heights: voxels in a column.
        classes: scores per voxel.
        free: which of them is that of free space.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        measured: int,
        *,
        factor: int,
        heights: int,
        classes: int,
        free: int,
    ) -> None:
        super().__init__()
        self.heights, self.free = heights, free
        self.expand = nn.Conv2d(channels, width * factor**2, 1)
        self.shuffle = nn.PixelShuffle(factor)
        self.norm = norm(width)
        self.classify = nn.Conv2d(width, heights * classes, 1)
        self.hit, self.seen = Around(1, measured), Around(SIGHTS, measured)

    def forward(
        self, bev: Float[Tensor, "b c y x"], counts: Float[Tensor, "b z y2 x2"], sight: Float[Tensor, "b 2 z y x"]
    ) -> Float[Tensor, "b k x2 y2 z"]:
        """Scores.

        Args:
            bev: the map.
            counts: points in each voxel.
            sight: what pixels see in the middle of each cell's layers.
        """
        scores = self.classify(F.relu(self.norm(self.shuffle(self.expand(bev))))).unflatten(1, (self.heights, -1))
        there = self.hit(counts.log1p()[:, None]) + F.interpolate(self.seen(sight), counts.shape[-2:])
        before, free, after = scores.split([self.free, 1, scores.shape[2] - self.free - 1], 2)
        return torch.cat([before, free - there[:, :, None], after], 2).permute(0, 2, 4, 3, 1)
