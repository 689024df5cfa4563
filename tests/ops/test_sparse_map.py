"""Convolutions of sparse maps are those of the dense ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from voxway.ops.sparse_conv import sort_sites
from voxway.ops.sparse_map import SparseMap


def sparse_map(count: int, channels: int = 3, shape: tuple[int, int, int] = (2, 5, 7), samples: int = 2) -> SparseMap:
    """Random voxels, those in corners among them."""
    torch.manual_seed(count)
    cells = torch.cartesian_prod(*(torch.arange(n) for n in (samples, *shape)))
    middle = 1 + torch.randperm(len(cells) - 2)[: max(count - 2, 0)]
    chosen = torch.tensor([0, *middle.tolist(), len(cells) - 1][:count], dtype=torch.long)
    sites, _ = sort_sites(cells[chosen], shape, samples)
    return SparseMap(torch.randn(count, channels), sites)


def test_dense_by_hand():
    sites, _ = sort_sites(torch.tensor([[0, 1, 0, 2], [0, 0, 1, 0]]), (2, 2, 3), 1)
    dense = SparseMap(torch.tensor([[1.0, 2], [3, 4]]), sites).dense()
    assert dense.shape == (1, 4, 2, 3) and dense.count_nonzero() == 4
    assert dense[0, :, 1, 0].tolist() == [1, 0, 2, 0]  # z = 0: channels c * 2
    assert dense[0, :, 0, 2].tolist() == [0, 3, 0, 4]  # z = 1


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("count", "kernel"), [(0, 3), (2, 3), (9, 1), (40, 3), (140, 5)])
def test_convolution_and_gradients(count, kernel, layout):
    sparse = sparse_map(count)
    features = sparse.features.requires_grad_()
    weight = torch.randn(4, 6, kernel, kernel, requires_grad=True)
    onto = torch.randn(2, 4, 5, 7).to(memory_format=layout)
    found = sparse.convolve_onto(onto, weight)
    expected = onto + F.conv2d(sparse.dense(), weight, padding=kernel // 2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    toward = torch.randn_like(expected)
    grads = [torch.autograd.grad(y, (features, weight), toward, retain_graph=True) for y in (found, expected)]
    for ours, theirs in zip(*grads):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
