"""QPN, the query proposal network: stage 1 of VoxFormer (arXiv 2302.12251) and MonoOcc (arXiv 2403.08766).

The idea in five lines. Voxels that hold points of recent depth maps are a noisy, incomplete occupancy grid. A flat
U-Net (LMSCNet, arXiv 2008.10559) reads it with height as channels, so its convolutions are 2D and cheap. From every
scale of the decoder a small 3D head says free or occupied. The prediction at half resolution proposes the voxels at
which the second stage asks the image; the coarser ones are supervised only.

===========  ========  ====================  ================================================================
name         symbol    shape                 meaning
===========  ========  ====================  ================================================================
pseudo       -         b x y z               voxels that hold pseudo points (points made from depth maps)
skips        -         b c x y               encoder features at 1, 1/2, 1/4 and 1/8 of the grid
volumes      -         b z x y               decoder outputs at 1/2, 1/4 and 1/8, whose channels are height again
levels       -         b 2 x y z             scores of free and occupied at 1/2, 1/4 and 1/8
===========  ========  ====================  ================================================================

Kept because released weights depend on it: a last ReLU on the scores, so that both may be exactly 0, which means free.
Put right: the coarser heads are optional, since VoxFormer's network has only the one at half resolution; frames
without labels predict like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE, Task
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.valid import valid_log_probs
from voxway.methods.shared.batches import check_grid

_SCALES = {"half": 2, "quarter": 4, "eighth": 8}
_HEAD_WIDTH = 8
_CLASSES = ("free", "occupied")
_DILATIONS = (1, 2, 3)
_MOSTLY_FREE = 0.95


@dataclass(frozen=True, kw_only=True)
class QPNConfig:
    """The network of MonoOcc; with one level weight, that of VoxFormer.

    Raises:
        ValueError: the grid's counts are not multiples of 8, or there are no weights or more than three.
    """

    task: Task
    """Grid of the pseudo points and of the targets, and the targets' classes. Predicted voxels are twice as large, and
    free or occupied: see `predicted`."""
    level_weights: tuple[float, ...] = (1.0, 0.9, 0.81)
    """Weights of the losses at 1/2, 1/4 and 1/8 of the grid; there is a head for each."""
    occupied_weight: float = 0.54
    """Weight of occupied voxels in the cross-entropy (alpha); free ones have the rest to 1."""

    def __post_init__(self) -> None:
        self.task.grid.coarsen(max(_SCALES.values()))
        if not 1 <= len(self.level_weights) <= len(_SCALES):
            raise ValueError(f"level_weights must be 1 to {len(_SCALES)} numbers, got {self.level_weights}")

    @property
    def predicted(self) -> Task:
        """What the network says: free or occupied, at half the resolution."""
        return Task(name="occupancy", grid=self.task.grid.coarsen(2), classes=_CLASSES, free=_CLASSES.index("free"))

    def build(self) -> QPN:
        """The network, freshly initialised."""
        return QPN(self)


def occupancy_target(target: UInt8[Tensor, "b x y z"], factor: int, free: int) -> UInt8[Tensor, "b x2 y2 z2"]:
    """Free (0), occupied (1) or unknown (255) of blocks of voxels.

    The rule of the published preprocessing, of which only occupancy is left: a block with more than 95 % free or
    unknown voxels is free if free ones are in the majority, else unknown; any other block is occupied.

    Args:
        target: training ids, 255 for no truth.
        factor: voxels per block along each axis.
        free: training id of free space.
    """
    blocks = target.unflatten(3, (-1, factor)).unflatten(2, (-1, factor)).unflatten(1, (-1, factor))
    known_free, unknown = ((blocks == value).sum((2, 4, 6)) for value in (free, IGNORE))
    result = (known_free <= unknown).to(torch.uint8) * IGNORE
    result[known_free + unknown <= _MOSTLY_FREE * factor**3] = 1
    return result


class EncoderBlock(nn.Module):
    """relu(conv(relu(conv(x)))), 3 x 3."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c x y"]) -> Float[Tensor, "b d x y"]:
        """A map of the same size."""
        return F.relu(self.second(F.relu(self.first(x))))


class DilatedBranch(nn.Module):
    """norm(conv(relu(norm(conv(x))))), 3 x 3 x 3 with one dilation."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.first_norm = nn.BatchNorm3d(width)
        self.second = nn.Conv3d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.second_norm = nn.BatchNorm3d(width)

    def forward(self, x: Float[Tensor, "b c z x y"]) -> Float[Tensor, "b c z x y"]:
        """A volume of the same size."""
        return self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))


class OccupancyHead(nn.Module):
    """A volume of one channel to scores: ``a = relu(conv(x))``, ``relu(conv(relu(a + sum over d of branch_d(a))))``."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Conv3d(1, _HEAD_WIDTH, 3, padding=1)
        self.branches = nn.ModuleList(DilatedBranch(_HEAD_WIDTH, dilation) for dilation in _DILATIONS)
        self.classify = nn.Conv3d(_HEAD_WIDTH, len(_CLASSES), 3, padding=1)

    def forward(self, volume: Float[Tensor, "b z x y"]) -> Float[Tensor, "b 2 x y z"]:
        """Scores of free and occupied, none below 0."""
        lifted = F.relu(self.lift(volume[:, None]))
        context = torch.stack([branch(lifted) for branch in self.branches]).sum(0)
        return F.relu(self.classify(F.relu(lifted + context))).permute(0, 1, 3, 4, 2)


class QPN(nn.Module):
    """Occupied voxels of depth maps to voxels that are probably occupied, at half resolution."""

    class_weights: Tensor

    def __init__(self, config: QPNConfig) -> None:
        super().__init__()
        self.config = config
        self.training_masks: tuple[str, ...] = ()
        self.task = config.predicted
        self.inputs = frozenset({"pseudo"})
        self.targets = frozenset({"target"})
        heights = config.task.grid.shape[2]
        half, quarter, eighth = (heights // factor for factor in _SCALES.values())
        # Channels of the encoder's scales: 1, 1.5, 2 and 2.5 times the number of height layers.
        widths = [heights * step // 2 for step in (2, 3, 4, 5)]
        self.encoder = nn.ModuleList(EncoderBlock(c, d) for c, d in zip([heights, *widths], widths))
        self.output_eighth = nn.Conv2d(widths[3], eighth, 3, padding=1)
        self.eighth_to_quarter = nn.ConvTranspose2d(eighth, eighth, 6, stride=2, padding=2)
        self.eighth_to_half = nn.ConvTranspose2d(eighth, eighth, 4, stride=4)
        self.merge_quarter = nn.Conv2d(eighth + widths[2], widths[2], 3, padding=1)
        self.output_quarter = nn.Conv2d(widths[2], quarter, 3, padding=1)
        self.quarter_to_half = nn.ConvTranspose2d(quarter, quarter, 6, stride=2, padding=2)
        self.merge_half = nn.Conv2d(quarter + widths[1] + eighth, widths[1], 3, padding=1)
        self.output_half = nn.Conv2d(widths[1], half, 3, padding=1)
        self.heads = nn.ModuleList(OccupancyHead() for _ in config.level_weights)
        weights = torch.tensor([1 - config.occupied_weight, config.occupied_weight])
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, batch: Batch) -> Prediction:
        """Predict free or occupied from voxels with pseudo points.

        Intermediates: ``"half"``, ``"quarter"`` and ``"eighth"``, the scores at 1/2, 1/4 and 1/8 of the grid, as far as
        there are heads.

        Raises:
            InputError: the batch lacks pseudo points or lies on another grid.
        """
        pseudo = batch.need("pseudo")
        check_grid(batch, self.config.task.grid)
        levels = [head(volume) for head, volume in zip(self.heads, self.decode(pseudo))]
        return Prediction(logits=levels[0], intermediates=dict(zip(_SCALES, levels)))

    def decode(self, pseudo: Bool[Tensor, "b x y z"]) -> tuple[Tensor, Tensor, Tensor]:
        """Volumes (b, z, x, y) at 1/2, 1/4 and 1/8 of the grid."""
        x = pseudo.permute(0, 3, 1, 2).to(self.class_weights.dtype)
        skips = []
        for block in self.encoder:
            x = block(F.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        eighth = self.output_eighth(skips[3])
        merged = torch.cat([self.eighth_to_quarter(eighth), skips[2]], 1)
        quarter = self.output_quarter(F.relu(self.merge_quarter(merged)))
        merged = torch.cat([self.quarter_to_half(quarter), skips[1], self.eighth_to_half(eighth)], 1)
        return self.output_half(F.relu(self.merge_half(merged))), quarter, eighth

    def loss(self, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
        """Weighted cross-entropy at every level that has a head."""
        target = batch.need("target")
        scales = dict(list(_SCALES.items())[: len(self.heads)])
        targets = [occupancy_target(target, factor, self.config.task.free) for factor in scales.values()]
        return self.level_losses([prediction.need(name) for name in scales], targets)

    def level_losses(
        self, levels: Sequence[Float[Tensor, "b 2 _x _y _z"]], targets: Sequence[UInt8[Tensor, "b _x _y _z"]]
    ) -> dict[str, Tensor]:
        """Means over known voxels of ``-w[y] log p_y`` at each level, weighted; targets are 0, 1 and 255."""
        return {
            name: weight * cross_entropy(*valid_log_probs(scores, target), self.class_weights)
            for name, weight, scores, target in zip(_SCALES, self.config.level_weights, levels, targets)
        }
