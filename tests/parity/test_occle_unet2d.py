"""The 2D U-Net against the public one's tensors, with an EfficientNet-B7."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import load_reference
from tests.parity.occle_case import compare, fill, weights
from voxway.methods.occle.unet2d import UNet2D
from voxway.recipes.networks.occle import EFFB7_IMAGE

REDUCTIONS = (1, 2, 4, 8, 16)


@pytest.fixture(scope="module")
def reference(request):
    return load_reference(request.config, "occle", "unet2d")


@pytest.fixture(scope="module")
def network(reference, device):
    given = weights(reference, "unet2d")
    names = {
        "backbone.network": "encoder.original_model",
        "head": "encoder.original_model.conv_head",
        "enter": "decoder.conv2",
        **{f"leave.{i}": f"decoder.resize_output_1_{reduction}" for i, reduction in enumerate(REDUCTIONS)},
    }
    for i, reduction in enumerate(reversed(REDUCTIONS)):
        for layer, (conv, norm) in {"first": (0, 1), "second": (3, 4)}.items():
            names[f"steps.{i}.{layer}.conv"] = f"decoder.up{reduction}._net.{conv}"
            names[f"steps.{i}.{layer}.norm"] = f"decoder.up{reduction}._net.{norm}"
    network = UNet2D(EFFB7_IMAGE, REDUCTIONS)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(132.7e6, rel=1e-3)
    return fill(network, given, names).to(device)


@torch.no_grad()
def test_all_maps(reference, network, device, close):
    images = reference.image((1, 3, 96, 320)).to(device)
    for tap, found in zip((4, 5, 6, 8, 11), network.encode(images), strict=True):
        compare(reference, f"unet2d.encoder.{tap}", found, close)
    for reduction, found in zip(REDUCTIONS, network(images), strict=True):
        assert list(found.shape) == reference[f"unet2d.out.1_{reduction}.shape"].tolist()
        compare(reference, f"unet2d.out.1_{reduction}", found, close)
