"""Image backbones: feature maps, what is frozen, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from voxway.nn.backbone import ImageBackbone, build_backbone


def test_maps_of_several_levels():
    network = ImageBackbone("resnet18", (8, 32))
    assert network.channels == [128, 512]
    assert [tuple(m.shape) for m in network(torch.randn(1, 3, 50, 70))] == [(1, 128, 7, 9), (1, 512, 2, 3)]
    assert all(p.requires_grad for p in network.parameters())


def test_deeper_stages_are_not_built():
    assert not any("layer4" in name for name in ImageBackbone("resnet18", (8, 16)).state_dict())


def test_norms():
    grouped = ImageBackbone("resnet18", (8,), norm="group")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in grouped.modules())
    frozen = ImageBackbone("resnet18", (8,), norm="frozen-batch").train()
    norms = [m for m in frozen.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms and not any(m.training or m.weight.requires_grad for m in norms)
    assert frozen.network.layer1[0].conv1.weight.requires_grad


@pytest.mark.parametrize(
    "name",
    ["resnet18", "tf_efficientnet_lite0", "efficientnet_b0", "mobilenetv3_small_050", "regnety_002", "repvit_m0_9"],
)
def test_group_norms_in_any_network(name):
    """What is replaced keeps its scales and its activation: a norm whose groups are single channels of one image tells
    what a batch norm over that image tells."""
    torch.manual_seed(3)
    batch = ImageBackbone(name, (16,), norm="batch").train()
    torch.manual_seed(3)
    group = ImageBackbone(name, (16,), norm="group").train()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in group.modules())
    theirs, ours = dict(batch.named_parameters()), dict(group.named_parameters())
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
    for module in group.modules():
        if isinstance(module, nn.GroupNorm):
            assert module.num_channels % module.num_groups == 0
            module.num_groups = module.num_channels
    image = torch.rand(1, 3, 64, 96)
    torch.testing.assert_close(group(image)[0], batch(image)[0], rtol=1e-3, atol=1e-4)


FROZEN = [
    ("resnet18", 0, ("conv1", "bn1")),
    ("resnet18", 1, ("conv1", "bn1", "layer1")),
    ("convnext_atto", 0, ("stem_0", "stem_1")),
    ("convnext_atto", 2, ("stem_0", "stem_1", "stages_0", "stages_1")),
    ("mobilenetv3_small_050", 0, ("conv_stem", "bn1")),
    ("mobilenetv3_small_050", 1, ("conv_stem", "bn1", "blocks.0")),
]


@pytest.mark.parametrize(("name", "stages", "frozen"), FROZEN)
def test_freezing(name, stages, frozen):
    network = ImageBackbone(name, (16,), frozen_stages=stages)
    for part, parameter in network.network.named_parameters():
        assert parameter.requires_grad != part.startswith(tuple(f"{prefix}." for prefix in frozen)), part
    assert any(p.requires_grad for p in network.parameters())
    assert all(p.requires_grad for p in ImageBackbone(name, (16,)).parameters())


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"resnet18 has feature maps of reductions .* not \(64,\)"):
        ImageBackbone("resnet18", (64,))
    with pytest.raises(ValueError, match="resnet18 has 3 stages up to its last feature map, 4 cannot be frozen"):
        ImageBackbone("resnet18", (16,), frozen_stages=4)
    with pytest.raises(ValueError, match=r"vit_tiny_patch16_224 has 0 stages .* -1 to train all"):
        ImageBackbone("vit_tiny_patch16_224", (16,), frozen_stages=1)


def test_one_map_for_a_method_that_wants_one():
    network = build_backbone("resnet18", 16, "group", -1, False)
    assert network.channels == [256] and [m.shape[1] for m in network(torch.randn(1, 3, 32, 48))] == [256]
