"""Folding a norm into its convolution changes nothing; necks have the documented shapes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from voxway.nn.conv_norm import ConvNorm
from voxway.nn.necks import ConcatenateNeck, TopDownNeck


def settled(module):
    """Statistics and scales that are not those of a fresh norm."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and "norm" in name:
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return module.eval()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["plain", "strided", "transposed", "of volumes"])
def test_folded_equals_unfolded(kind, bias, relu, slope):
    torch.manual_seed(0)
    conv = {
        "plain": nn.Conv2d(3, 4, 3, padding=1, bias=bias),
        "strided": nn.Conv2d(3, 4, 5, stride=2, padding=2, bias=bias),
        "transposed": nn.ConvTranspose2d(3, 4, 2, stride=2, bias=bias),
        "of volumes": nn.Conv3d(3, 4, 3, stride=2, padding=1, bias=bias),
    }[kind]
    module = settled(ConvNorm(conv, eps=1e-3, relu=relu, slope=slope))
    x = torch.randn(2, 3, 6, 7, *([5] if kind == "of volumes" else []))
    expected = module.norm(conv(x))
    expected = nn.functional.leaky_relu(expected, slope) if relu else expected
    torch.testing.assert_close(module(x), expected, atol=1e-5, rtol=1e-5)


def test_training_uses_the_batch():
    module = ConvNorm(nn.Conv2d(3, 4, 1), relu=False).train()
    found = module(torch.randn(4, 3, 8, 8) * 5 + 3)
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    assert module.norm.num_batches_tracked == 1


def test_necks():
    maps = [torch.randn(2, c, *size) for c, size in ((4, (9, 12)), (6, (5, 6)), (8, (3, 3)))]
    neck = TopDownNeck((4, 6, 8), 5).eval()
    assert neck(maps).shape == (2, 5, 9, 12)
    top = neck.lateral[2](maps[2])
    middle = neck.lateral[1](maps[1]) + nn.functional.interpolate(top, (5, 6))
    expected = neck.output(neck.lateral[0](maps[0]) + nn.functional.interpolate(middle, (9, 12)))
    torch.testing.assert_close(neck(maps), expected)
    assert ConcatenateNeck((4, 8), 5).eval()([maps[0], maps[2]]).shape == (2, 5, 9, 12)
