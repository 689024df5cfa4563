"""A U-Net over volumes whose stages are sequences of voxels (OccMamba, arXiv 2408.09859, its coarse path)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.group_norm import GroupNorm
from voxway.nn.mamba import MambaLayers
from voxway.nn.mamba_fusion import to_sequence, to_space
from voxway.ops.space_filling import Curve, voxel_order
from voxway.ops.trilinear import resize_batch


class MambaUNet(nn.Module):
    """Mamba layers on ever coarser voxels and back, with a shortcut at every size.

    ``x = mix(relu(norm(enter([volume, index])))) + embed(index)``, where index is that of a voxel along x, y and z;
    then ``x <- norm(layers(x))`` at each size, with ``relu(norm(conv(x)))`` of stride 2 on the way down, and
    ``relu(norm(conv([resize(x), shortcut])))`` on the way up. The coarsest size has a stage of each way.

    Args:
        channels: of the volume.
        width: channels inside, and of the output.
        down: Mamba blocks at each size on the way down, fine to coarse.
        up: Mamba blocks at each size on the way up, coarse to fine; as many sizes.
        states: states of each channel.
        curve: the order in which columns are visited.
        groups: groups of the norms behind convolutions.

    Raises:
        ValueError: not as many sizes up as down.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        down: tuple[int, ...],
        up: tuple[int, ...],
        states: int = 16,
        curve: Curve = "h2he",
        groups: int = 16,
    ) -> None:
        super().__init__()
        if len(down) != len(up):
            raise ValueError(f"as many sizes up as down are needed, got {up} and {down}")
        self.curve: Curve = curve
        self.enter = nn.Sequential(
            nn.Conv3d(channels + 3, width, 1, bias=False),
            GroupNorm(groups, width),
            nn.ReLU(),
            nn.Conv3d(width, width, 1, bias=False),
        )
        self.embed = nn.Sequential(nn.Linear(3, width), nn.GELU(), nn.Linear(width, width))
        self.down = nn.ModuleList(MambaLayers(width, count, states) for count in down)
        self.up = nn.ModuleList(MambaLayers(width, count, states) for count in up)
        self.down_norms = nn.ModuleList(nn.LayerNorm(width) for _ in down)
        self.up_norms = nn.ModuleList(nn.LayerNorm(width) for _ in up)
        self.reduce = nn.ModuleList(convolution(width, width, groups, stride=2) for _ in down[1:])
        self.join = nn.ModuleList(convolution(2 * width, width, groups, stride=1) for _ in up[1:])

    def forward(self, volume: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b d x y z"]:
        """Features of the same size."""
        index = torch.stack(torch.meshgrid(*(torch.arange(n) for n in volume.shape[2:]), indexing="ij"))
        index = index.to(volume)
        x = self.enter(torch.cat([volume, index.expand(len(volume), -1, -1, -1, -1)], 1))
        x = x + self.embed(index.movedim(0, -1)).movedim(-1, 0)
        shortcuts = []
        for i, (layers, norm) in enumerate(zip(self.down, self.down_norms)):
            x = self.stage(layers, norm, self.reduce[i - 1](x) if i else x)
            shortcuts.append(x)
        shortcuts.pop()
        for i, (layers, norm) in enumerate(zip(self.up, self.up_norms)):
            if i:
                shortcut = shortcuts.pop()
                size = (shortcut.shape[2], shortcut.shape[3], shortcut.shape[4])
                x = resize_batch(x, size, corners=False)
                x = self.join[i - 1](torch.cat([x, shortcut], 1))
            x = self.stage(layers, norm, x)
        return x

    def stage(self, layers: nn.Module, norm: nn.Module, volume: Float[Tensor, "b d x y z"]) -> Tensor:
        """Mamba layers along the sequence of all voxels, and a norm."""
        x = volume.movedim(1, -1)
        order = voxel_order((x.shape[1], x.shape[2], x.shape[3]), self.curve).to(x.device)
        return to_space(norm(layers(to_sequence(x, order))), order, x.shape).movedim(-1, 1)


def convolution(channels: int, width: int, groups: int, stride: int) -> nn.Sequential:
    """``relu(norm(conv 3 x 3 x 3))``."""
    conv = nn.Conv3d(channels, width, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, GroupNorm(groups, width), nn.ReLU())
