"""Tables by gathers and comparisons are those of the operators."""

from __future__ import annotations

import pytest
import torch

from voxway.methods.effocc.export.sparse_tables import (
    lower_bound,
    neighbours,
    scatter_columns,
    sorted_sites,
    strided_sites,
)
from voxway.methods.effocc.lidar import downsampling
from voxway.ops.sparse_conv import sort_sites, strided_table, submanifold_table

SAME = ((3, 3, 3), (1, 1, 1), (1, 1, 1))


def sites(share, shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    index = (torch.rand(shape, generator=generator) < share).nonzero()
    return index[torch.randperm(len(index), generator=generator)]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9])
def test_search_equals_the_library(count):
    keys = torch.cat([3 * torch.arange(count), torch.tensor([10**9])])
    wanted = torch.arange(-2, 3 * count + 3)
    for most in (count, count + 5, 100):
        if most:
            assert torch.equal(lower_bound(keys, wanted, most), torch.searchsorted(keys[:-1], wanted))


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(11, 6, 7), (12, 9, 8)])
def test_tables_equal_those_of_the_operators(share, shape):
    """Through all levels of an encoder; an even height has a layer that no kernel touches."""
    index = sites(share, shape)
    mine, order = sorted_sites(index, shape, len(index))
    theirs, expected = sort_sites(torch.nn.functional.pad(index, (1, 0)), shape, 1)
    assert torch.equal(order, expected)
    for step in downsampling(3):
        assert torch.equal(neighbours(mine, mine.index, *SAME), submanifold_table(theirs).neighbours())
        coarser = strided_sites(mine, *step)
        theirs, table = strided_table(theirs, *step)
        assert coarser.shape == theirs.shape and torch.equal(coarser.index, theirs.index[:, 1:])
        assert torch.equal(neighbours(mine, coarser.index, *step), table.neighbours())
        assert len(coarser.index) <= coarser.most
        mine = coarser


def test_columns_by_hand():
    """Channel c of height z is channel c * heights + z."""
    index = torch.tensor([[0, 0, 1], [1, 1, 0]])
    found = scatter_columns(torch.tensor([[1.0, 2], [3, 4]]), sorted_sites(index, (2, 2, 2), 2)[0])
    expected = torch.zeros(1, 4, 2, 2)
    expected[0, 0, 0, 1], expected[0, 2, 0, 1], expected[0, 1, 1, 0], expected[0, 3, 1, 0] = 1, 2, 3, 4
    assert torch.equal(found, expected)
