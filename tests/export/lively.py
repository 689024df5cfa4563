"""Tiny networks whose predictions vary from voxel to voxel, as trained ones' do, and frames for them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from tests.methods.tiny import TINY, sample
from voxway.core.sample import Batch, collate
from voxway.methods.effocc import EffOcc, EffOccConfig
from voxway.methods.effocc.bev import ResidualConfig

FUSION = TINY["effocc"]
# Few levels and voxels make short graphs, which are exported sooner.
FUSION = replace(FUSION, lidar=replace(FUSION.lidar, cell=(0.4, 0.4, 0.4), widths=(8, 16), voxels=2000))
CAMERA = replace(
    FUSION,
    camera=replace(FUSION.camera, lidar_depth=False),
    lidar=None,
    second=None,
    residual=ResidualConfig(widths=(8, 8, 8), channels=16),
)
LIDAR = replace(FUSION, camera=None)
CONFIGS = {"fusion": FUSION, "camera": CAMERA, "lidar": LIDAR}


@torch.no_grad()
def lively(config: EffOccConfig) -> EffOcc:
    """A network whose norms fit the frames, as after training, and whose head is loud."""
    torch.manual_seed(0)
    network = config.build()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 0.9
            module.weight.uniform_(0.8, 1.2)
            module.bias.normal_(std=0.3)
    network.train()(frame(8))
    network(frame(9))
    network.eval().head.classify.weight.mul_(50)
    network.head.classify.bias.zero_()
    usual = network(frame(9)).logits.mean((0, 2, 3))  # of every class and height; what differs from it decides
    network.head.classify.bias.sub_(usual.T.flatten())
    return network


def frame(seed: int = 0, size: tuple[int, int] = (48, 80)) -> Batch:
    """A batch of one."""
    return collate([sample(seed, size)])
