"""How the semantic and the geometric volume become one.

The paper names a Dual Mamba; what it is made of could not be read. What stands here is our own design, with the cross
and concat blocks of Sigma (arXiv 2404.04256) for two streams and an order of voxels after OccMamba (arXiv 2408.09859).
Other kinds are there to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.occle.concat import ConcatFusion
from voxway.nn.mamba_fusion import ConcatMamba, CrossMamba
from voxway.nn.mamba_unet import MambaUNet
from voxway.ops.space_filling import Curve, voxel_order
from voxway.ops.trilinear import resize_batch


@dataclass(frozen=True, kw_only=True)
class FusionConfig:
    """Our choices throughout, none of them the paper's.

    Raises:
        ValueError: a number below 1, an even kernel, or a U-Net's width that does not split into its groups.
    """

    kind: Literal["dual", "unet", "conv", "none"] = "dual"
    """Two streams that meet in scans; one stream through OccMamba's U-Net; a convolution; or a mean."""
    order: Curve = "hilbert"
    """How columns of voxels become a sequence: a Hilbert curve, or OccMamba's order."""
    stride: int = 2
    """Size of a sequence's voxel in voxels of the volumes."""
    tokens: int = 128
    """Channels of the sequences."""
    states: int = 16
    """States of each channel in a scan."""
    rounds: int = 2
    """Dual: cross and concat blocks, one of each per round."""
    inner: int = 256
    """Dual: channels inside the blocks."""
    rank: int = 8
    """Dual: channels from which the scans' steps are predicted."""
    squeeze: int = 16
    """Dual: channels inside the gates of the concat blocks."""
    kernel: int = 3
    """Dual: voxels along each axis under the blocks' depthwise convolutions."""
    depths: tuple[int, ...] = (1, 1)
    """U-Net: Mamba blocks at each size on either way, fine to coarse."""

    def __post_init__(self) -> None:
        for name in ("stride", "tokens", "states", "rounds", "inner", "rank", "squeeze", "kernel"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if min(self.depths, default=0) < 1:
            raise ValueError(f"depths must be at least one number, none below 1, got {self.depths}")
        if self.kind == "unet" and self.tokens % 16:
            raise ValueError(f"tokens of a U-Net must be a multiple of 16, got {self.tokens}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {self.kernel}")

    def build(self, width: int) -> nn.Module:
        """The module, freshly initialised: of two volumes (b, c, x, y, z) of `width` channels it makes one."""
        if self.kind == "none":
            return MeanFusion()
        return ConcatFusion(width) if self.kind == "conv" else SequenceFusion(self, width)


class MeanFusion(nn.Module):
    """``(semantic + geometric) / 2``."""

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        return (semantic + geometric) / 2


class SequenceFusion(nn.Module):
    """Both volumes reduced to coarser voxels, which meet in scans: ``conv([up(meet(s, g)), semantic, geometric])``."""

    def __init__(self, config: FusionConfig, width: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(
            nn.Conv3d(width, config.tokens, 3, stride=config.stride, padding=1) for _ in range(2)
        )
        self.meet = DualMamba(config) if config.kind == "dual" else SingleStream(config)
        self.join = nn.Conv3d(config.tokens + 2 * width, width, 3, padding=1)

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        coarse = self.meet(*(reduce(x) for reduce, x in zip(self.reduce, (semantic, geometric))))
        x, y, z = semantic.shape[2:]
        fine = resize_batch(coarse, (x, y, z), corners=False)
        return self.join(torch.cat([fine, semantic, geometric], 1))


class DualMamba(nn.Module):
    """Two sequences that read with each other and are then scanned end to end, several times.

    A round is ``s, g = cross(s, g); fused = concat(s, g)``; the next one starts from ``fused + s`` and ``fused + g``.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.order: Curve = config.order
        sizes = (config.tokens, config.inner, config.states, config.rank, 3)
        self.cross = nn.ModuleList(CrossMamba(*sizes, kernel=config.kernel) for _ in range(config.rounds))
        self.concat = nn.ModuleList(
            ConcatMamba(*sizes, squeeze=config.squeeze, kernel=config.kernel) for _ in range(config.rounds)
        )

    def forward(self, s: Float[Tensor, "b c x y z"], g: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
        """One volume from two of the same size."""
        s, g = s.movedim(1, -1), g.movedim(1, -1)
        order = voxel_order((s.shape[1], s.shape[2], s.shape[3]), self.order).to(s.device)
        fused = torch.zeros_like(s)
        for cross, concat in zip(self.cross, self.concat):
            s, g = cross(fused + s, fused + g, order)
            fused = concat(s, g, order)
        return fused.movedim(-1, 1)


class SingleStream(nn.Module):
    """OccMamba's U-Net on both volumes as one."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        depths = config.depths
        self.net = MambaUNet(2 * config.tokens, config.tokens, depths, depths[::-1], config.states, config.order)

    def forward(self, s: Float[Tensor, "b c x y z"], g: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
        """One volume from two of the same size."""
        return self.net(torch.cat([s, g], 1))
