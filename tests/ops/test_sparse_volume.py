"""Rows of sites written into volumes."""

from __future__ import annotations

import torch

from tests.oracles.sparse_conv import dense
from voxway.ops.sparse_conv import Sites
from voxway.ops.sparse_volume import to_volume

SHAPE = (3, 4, 5)


def test_equals_twin_and_passes_gradients():
    index = (torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0)) < 0.3).nonzero()
    rows = torch.randn(len(index), 6, requires_grad=True)
    volume = to_volume(rows, Sites(index, SHAPE, 2))
    assert torch.equal(volume, dense(rows, index, SHAPE, 2)) and volume.is_contiguous()
    (volume * 2).sum().backward()
    assert (rows.grad == 2).all()


def test_no_sites():
    volume = to_volume(torch.zeros(0, 6), Sites(torch.zeros(0, 4, dtype=torch.long), SHAPE, 1))
    assert volume.shape == (1, 6, *SHAPE) and not volume.any()
