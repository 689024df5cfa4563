"""The sparse encoder of `voxway.methods.effocc.lidar` in layers of spconv (an optional package), to compare with."""

from __future__ import annotations

import spconv.pytorch as spconv
import torch
from spconv.core import ConvAlgo
from torch import nn

from voxway.methods.effocc.lidar import LidarBranch, downsampling
from voxway.ops.voxelize import voxelize

_PLAIN = {"algo": ConvAlgo.Native, "bias": False}  # the one algorithm that runs on a CPU


class Block(spconv.SparseModule):
    """Two convolutions and a shortcut."""

    def __init__(self, width: int, key: str) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            spconv.SubMConv3d(width, width, 3, padding=1, indice_key=key, **_PLAIN) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2))

    def forward(self, x):
        y = self.convs[0](x)
        y = self.convs[1](y.replace_feature(self.norms[0](y.features).relu_()))
        return y.replace_feature((self.norms[1](y.features) + x.features).relu_())


def spconv_encoder(branch: LidarBranch, points: torch.Tensor):
    """A function that computes the dense map of some points, voxelized beforehand; weights are random."""
    config = branch.config
    widths = config.widths
    stem = spconv.SubMConv3d(config.point_features, widths[0], 3, padding=1, indice_key="same0", **_PLAIN)
    layers = [stem, nn.BatchNorm1d(widths[0]), nn.ReLU()]
    steps = downsampling(len(widths))
    for i, (width, wider, (kernel, stride, padding)) in enumerate(zip(widths, [*widths[1:], widths[-1]], steps)):
        down = spconv.SparseConv3d(width, wider, kernel, stride, padding, indice_key=f"down{i}", **_PLAIN)
        layers += [Block(width, f"same{i}"), Block(width, f"same{i}"), down, nn.BatchNorm1d(wider), nn.ReLU()]
    network = spconv.SparseSequential(*layers).eval()
    offsets = torch.tensor([0, len(points)])
    voxels = voxelize(points, offsets, branch.grid, config.max_points, config.voxels)
    return lambda: network(spconv.SparseConvTensor(voxels.mean, voxels.index.int(), branch.shape, 1)).dense()
