"""Parts of graphs that several methods share are those of the networks."""

from __future__ import annotations

import pytest
import torch

from voxway.core.grid import VoxelGrid
from voxway.measure.made_up import ring
from voxway.methods.shared.export.pool import ScatterPool
from voxway.methods.shared.export.voxel_head import VoxelHeadGraph
from voxway.methods.shared.voxel_head import VoxelHead
from voxway.ops.bev_pool import bev_pool, frustum, frustum_points, pool_table, volume_cells


@pytest.mark.parametrize("factor", [(2, 2, 2), (4, 4, 4), (1, 2, 3)])
@torch.no_grad()
def test_head_equals_that_of_the_network(factor):
    torch.manual_seed(0)
    head, voxels = VoxelHead(12, 5, factor), 3 + torch.randn(6, 5, 3, 12)
    for parameter in head.parameters():
        parameter.normal_()
    graph = VoxelHeadGraph(head, (6, 5, 3))
    torch.testing.assert_close(graph(voxels)[0], head(voxels), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("fixed", [False, True], ids=["free", "fixed"])
def test_scattered_sums_equal_the_pool(fixed):
    torch.manual_seed(0)
    grid = VoxelGrid(lower=(-8.0, -8.0, -1.0), cell=(1.0, 1.0, 1.0), shape=(16, 16, 4))
    cameras = ring(3, (32, 64))
    cells = volume_cells(frustum_points(cameras, frustum((32, 64), (4, 8), torch.arange(1.0, 12))), grid)
    depth, context = torch.rand(1, 3, 11, 4, 8), torch.randn(1, 3, 6, 4, 8)
    expected = bev_pool(depth, context, pool_table(cells, grid.shape))
    assert (cells == grid.count).any() and (expected == 0).all(1).any()
    pool = ScatterPool(grid.count, cells if fixed else None)
    found = pool(depth, context) if fixed else pool(depth, context, cells)
    torch.testing.assert_close(found.view(1, *grid.shape, 6).permute(0, 4, 1, 2, 3), expected)
