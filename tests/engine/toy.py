"""A method of one's own, so small that a step takes milliseconds: a colour per voxel, learnt from positions.

It stands outside the package, has dropout, parts that learn at rates of their own, and follows any teacher's logits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from tests.methods.tiny import sample
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Prediction
from voxway.engine.teaching.foundation import FoundationTeacher
from voxway.methods import registry

GRID = VoxelGrid(lower=(0.0, -1.6, 0.0), cell=(0.4, 0.4, 0.4), shape=(8, 8, 4))


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    width: int = 8
    dropout: float = 0.2
    classes: int = 20

    def build(self) -> nn.Module:
        return Toy(self)


class Toy(nn.Module):
    inputs = frozenset({"images"})
    targets = frozenset({"target"})

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config, self.grid = config, GRID
        self.backbone = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(config.dropout))
        self.neck = nn.Linear(8, config.width)
        self.head = nn.Linear(config.width, config.classes)

    def forward(self, batch):
        colour = batch.images.float().mean((1, 3, 4)) / 255  # (b, 3)
        axes = [torch.linspace(0, 1, n) for n in GRID.shape]
        place = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)  # (x, y, z, 3)
        both = [place.expand(len(batch), *place.shape), colour[:, None, None, None].expand(-1, *place.shape)]
        features = self.neck(self.backbone(torch.cat(both, -1)))
        logits = self.head(features.relu()).movedim(-1, 1)
        return Prediction(logits=logits, intermediates={"voxels": features.movedim(-1, 1), "steps": [1, 2]})

    def loss(self, prediction, batch):
        known = batch.labelled[:, None, None, None] & (batch.target != 255)
        target = torch.where(known, batch.target, 255).long()
        total = nn.functional.cross_entropy(prediction.logits, target, ignore_index=255, reduction="sum")
        return {"voxel": total / known.sum().clamp(min=1)}

    def follow(self, prediction, said, batch):
        terms = {}
        if "logits" in said:
            terms["agree"] = (prediction.logits.softmax(1) - said["logits"].softmax(1)).square().mean() * 50
        if "colours" in said:
            mine = prediction.intermediates["voxels"].mean((2, 3, 4))[:, :3]
            terms["colours"] = (mine - said["colours"]).abs().mean()
        return terms


registry.register("toy", registry.Entry(config=ToyConfig))


def toy_sample(index: int, brightness: int = 0):
    """A tiny scene whose images are as bright as told: (1, 3, 6, 8) px."""
    scene = sample(index, size=(6, 8), grid=GRID.__class__(lower=(0.0, -6.4, -2.0), cell=(0.4,) * 3, shape=(32, 32, 8)))
    images = torch.full((1, 3, 6, 8), 20 * index + brightness, dtype=torch.uint8)
    return replace(
        scene,
        key=f"toy/{index:06d}",
        grid=GRID,
        images=images,
        target=scene.target[::4, ::4, ::2].contiguous(),
        masks={},
        proposals=None,
        pseudo=None,
        evidence=None,
        points=None,
        labelled=Plain.labelled[index],
    )


class Plain:
    """Five scenes, two of them without labels."""

    keys = tuple(f"toy/{i:06d}" for i in range(5))
    labelled = tuple(i % 2 == 0 for i in range(5))

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index):
        return toy_sample(index)


class TwoViews(Plain):
    """The same, bright for the student and plain for its teacher."""

    def views(self, index, seed):
        return toy_sample(index, brightness=50 + seed % 100), toy_sample(index)


@dataclass(frozen=True, kw_only=True)
class ColoursConfig:
    """A user's own configuration of a foundation network."""

    scale: float = 1.0

    def build(self, device="cpu"):
        return FoundationTeacher(Colours(self.scale), facts={"colours": self.scale}, device=device)


class Colours(nn.Module):
    """Mean colours of a batch's images (b, 3)."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, batch):
        return {"colours": self.scale * batch.images.float().mean((1, 3, 4)) / 255}
