"""Tiny networks whose predictions vary from voxel to voxel, as trained ones' do, and frames for them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from tests.methods.test_monoocc_frames import CONFIG as FRAMES
from tests.methods.test_monoocc_frames import drive
from tests.methods.tiny import TINY, sample, sample_for
from voxway.core.sample import Batch, collate
from voxway.methods import registry
from voxway.methods.contract import Exporter
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
MONO = replace(TINY["monoocc"], seed_layers=2, completion_layers=1, image_layers=1)
STEREO = TINY["vlscene"]
CONFIGS = {
    "fusion": FUSION,
    "camera": CAMERA,
    "lidar": LIDAR,
    "mono": MONO,
    "frames": replace(FRAMES, frames=2, seed_layers=1, completion_layers=1, image_layers=1),
    "stereo": STEREO,
    "stereo-intended": replace(STEREO, gate="intended", stereo_bins="intended", propagation=1),
    "stereo-dense": replace(STEREO, interaction=False),
}


def lively(name: str) -> nn.Module:
    """A network whose norms fit the frames, as after training, in which nothing is zero, and whose head is loud."""
    torch.manual_seed(0)
    network = CONFIGS[name].build()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                module.momentum = 0.9
                module.weight.uniform_(0.8, 1.2)
                module.bias.normal_(std=0.3)
        for parameter in network.parameters():
            if not parameter.any() and parameter.ndim > 1:
                parameter.normal_(std=0.1)
        network.train()(frame(8, name))
        network(frame(9, name))
        network.eval()
        classify = network.head.classify
        classify.weight.mul_(50)
        classify.bias.zero_()
        usual = network(frame(9, name)).logits.mean((0, 2, 3)).T  # what differs from it decides
        # EFFOcc's head has a bias for every class and height.
        classify.bias.sub_(usual.flatten() if len(classify.bias) == usual.numel() else usual.mean(0))
    return network


def frame(seed: int = 0, name: str = "camera", size: tuple[int, int] = (48, 80)) -> Batch:
    """A batch of one, as a network sees it."""
    if name.startswith("stereo"):
        return collate([sample_for("vlscene", seed, size)])
    return collate([drive(seed) if name == "frames" else sample(seed, size)])


def exporter(network: nn.Module) -> Exporter:
    """What makes graphs of the network."""
    return registry.exporter(registry.config_name(network.config))
