"""How the semantic and the geometric volume become one.

The paper names a Dual Mamba; what it is made of could not be read. What stands here is our own design, with the cross
and concat blocks of Sigma (arXiv 2404.04256) for two streams and an order of voxels after OccMamba (arXiv 2408.09859).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.mamba_fusion import ConcatMamba, CrossMamba
from voxway.ops.space_filling import Curve, voxel_order


@dataclass(frozen=True, kw_only=True)
class FusionConfig:
    """Our choices throughout, none of them the paper's.

    Raises:
        ValueError: a number below 1, or an even kernel.
    """

    kind: Literal["mamba", "conv", "none"] = "mamba"
    """Sequence models, what is left of the network without them, or the mean of both volumes."""
    order: Curve = "hilbert"
    """How columns of voxels become a sequence: a Hilbert curve, or OccMamba's order."""
    rounds: int = 2
    """Cross and concat blocks, one of each per round."""
    stride: int = 2
    """Size of a sequence's voxel in voxels of the volumes."""
    tokens: int = 128
    """Channels of the sequences."""
    inner: int = 256
    """Channels inside the blocks."""
    states: int = 16
    """States of each of these."""
    rank: int = 8
    """Channels from which the scans' steps are predicted."""
    squeeze: int = 16
    """Channels inside the gates of the concat blocks."""
    kernel: int = 3
    """Voxels along each axis under the blocks' depthwise convolutions."""

    def __post_init__(self) -> None:
        for name in ("rounds", "stride", "tokens", "inner", "states", "rank", "squeeze", "kernel"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {self.kernel}")

    def build(self, width: int) -> Fusion:
        """The module for volumes of `width` channels, freshly initialised."""
        return {"mamba": DualMamba, "conv": ConvFusion, "none": MeanFusion}[self.kind](self, width)


class Fusion(nn.Module):
    """Any kind of fusion."""

    def __init__(self, config: FusionConfig, width: int) -> None:
        super().__init__()

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        """One volume from two of the same size."""
        raise NotImplementedError


class MeanFusion(Fusion):
    """``(semantic + geometric) / 2``."""

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        return (semantic + geometric) / 2


class ConvFusion(Fusion):
    """``conv([semantic, geometric])``."""

    def __init__(self, config: FusionConfig, width: int) -> None:
        super().__init__(config, width)
        self.join = nn.Conv3d(2 * width, width, 3, padding=1)

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        return self.join(torch.cat([semantic, geometric], 1))


class DualMamba(Fusion):
    """Both volumes as sequences of coarser voxels, which meet in scans: ``conv([up(fused), semantic, geometric])``.

    A round is ``s, g = cross(s, g); fused = concat(s, g)``; the next one starts from ``fused + s`` and ``fused + g``.
    Sequences visit one column of voxels after the other, upwards in each.
    """

    def __init__(self, config: FusionConfig, width: int) -> None:
        super().__init__(config, width)
        self.order = config.order
        sizes = (config.tokens, config.inner, config.states, config.rank, 3)
        self.reduce = nn.ModuleList(
            nn.Conv3d(width, config.tokens, 3, stride=config.stride, padding=1) for _ in range(2)
        )
        self.cross = nn.ModuleList(CrossMamba(*sizes, kernel=config.kernel) for _ in range(config.rounds))
        self.concat = nn.ModuleList(
            ConcatMamba(*sizes, squeeze=config.squeeze, kernel=config.kernel) for _ in range(config.rounds)
        )
        self.join = nn.Conv3d(config.tokens + 2 * width, width, 3, padding=1)

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        s, g = (reduce(x).movedim(1, -1) for reduce, x in zip(self.reduce, (semantic, geometric)))
        x, y, z = s.shape[1:4]
        order = voxel_order((x, y, z), self.order).to(s.device)
        fused = torch.zeros_like(s)
        for cross, concat in zip(self.cross, self.concat):
            s, g = cross(fused + s, fused + g, order)
            fused = concat(s, g, order)
        fine = F.interpolate(fused.movedim(-1, 1), semantic.shape[2:], mode="trilinear", align_corners=False)
        return self.join(torch.cat([fine, semantic, geometric], 1))
