"""Layers of sparse convolutions: folding changes nothing, and rows may be none."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from voxway.nn.sparse import RowNorm, SparseBlock, SparseConvNorm, convolve
from voxway.ops.sparse_conv import Sites, submanifold_table

SHAPE = (4, 5, 6)


def sites(share=0.3):
    index = (torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)) < share).nonzero()
    return Sites(index, SHAPE, 1)


def settled(module):
    for norm in module.modules():
        if isinstance(norm, RowNorm):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            norm.weight.data.uniform_(0.5, 2)
            norm.bias.data.normal_()
    return module.eval()


@torch.no_grad()
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("kernel", [(3, 3, 3), (1, 3, 1)])
def test_folded_equals_unfolded(relu, kernel):
    torch.manual_seed(0)
    layer, table = settled(SparseConvNorm(3, 5, kernel, relu=relu)), submanifold_table(sites(), kernel)
    x = torch.randn(len(sites()), 3)
    expected = layer.norm(convolve(x, layer.weight, table))
    expected = expected.relu() if relu else expected
    torch.testing.assert_close(layer(x, table), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(layer(x, table.neighbours()), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_block_adds_what_enters():
    torch.manual_seed(0)
    block, table, x = settled(SparseBlock(4)), submanifold_table(sites()), torch.randn(len(sites()), 4)
    expected = (x + block.second(block.first(x, table), table)).relu()
    torch.testing.assert_close(block(x, table), expected)


def test_norm_of_rows_is_that_of_a_batch():
    x = 3 + 2 * torch.randn(50, 4)
    ours, theirs = RowNorm(4).train(), nn.BatchNorm1d(4, eps=1e-3, momentum=0.01).train()
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)


@pytest.mark.parametrize("count", [0, 1])
def test_norm_of_too_few_rows_takes_what_it_has_learnt(count):
    norm = settled(RowNorm(4)).train()
    before, x = norm.running_mean.clone(), torch.randn(count, 4, requires_grad=True)
    found = norm(x)
    expected = (x - norm.running_mean) / (norm.running_var + 1e-3).sqrt() * norm.weight + norm.bias
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    assert norm.weight.grad is not None and torch.equal(norm.running_mean, before)
