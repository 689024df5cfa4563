import pytest
import torch

from tests.oracles.bev_pool import cell_of, pool_loops
from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.ops.bev_pool import bev_cells, bev_pool, frustum, frustum_points, pool_table

GRID = VoxelGrid(lower=(-2.0, -3.0, -1.0), cell=(1.0, 1.0, 4.0), shape=(4, 6, 1))


def lifted(samples=2, cameras=2, bins=3, size=(2, 3), channels=4, dtype=torch.float32, seed=0):
    """Depth, context and points, of which some lie outside the grid."""
    g = torch.Generator().manual_seed(seed)
    depth = torch.rand(samples, cameras, bins, *size, generator=g, dtype=dtype)
    context = torch.randn(samples, cameras, channels, *size, generator=g, dtype=dtype)
    points = (torch.rand(samples, cameras, bins, *size, 3, generator=g, dtype=dtype) - 0.5) * 10
    return depth, context, points


def test_frustum_reaches_both_ends():
    template = frustum((256, 704), (3, 2), torch.tensor([1.0, 1.5]))
    assert template.shape == (2, 3, 2, 3)
    assert template[0, :, 0, 1].tolist() == [0, 127.5, 255] and template[1, 0, :, 0].tolist() == [0, 703]
    assert template[..., 2].unique().tolist() == [1, 1.5]


def test_frustum_points_project_back():
    K = torch.tensor([[50.0, 0, 30], [0, 55, 20], [0, 0, 1]]).expand(2, 3, 3)
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0.3], [0, 0, -1, 1.5], [1, 0, 0, -0.2], [0, 0, 0, 1]]).expand(2, 4, 4)
    rig = Cameras.pinhole(K, T_cam_ego, torch.tensor([[40, 60]] * 2)).flip().crop(3, 5, (32, 48))
    rig = rig.move_ego(torch.diag(torch.tensor([-1.0, 1, 1, 1])))
    template = frustum((32, 48), (4, 6), torch.tensor([2.0, 8.0]))
    points = frustum_points(rig, template)
    assert points.shape == (2, 2, 4, 6, 3)
    for n in range(2):
        pixels, depth = rig.project(points[n].reshape(-1, 3))
        torch.testing.assert_close(pixels[n], template[..., :2].reshape(-1, 2), atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(depth[n], template[..., 2].flatten(), atol=1e-4, rtol=1e-4)


def test_cells_by_hand():
    """Positions are truncated: down to one cell below the lower bound counts as inside, along z 4 m."""
    points = torch.tensor([[-2.0, -3, -1], [-2.9, -3, -1], [-3.0, -3, -1], [1.9, 2.9, 2.9], [2.0, 0, 0], [0, 0, -4.9]])
    points = torch.cat([points, torch.tensor([[0, 0, -5.0], [float("nan"), 0, 0], [1e30, 0, 0], [0, -1e30, 0]])])
    cells = bev_cells(points[None, None, None, None], GRID)[0, 0, 0, 0]
    assert cells.tolist() == [0, 0, 24, 23, 24, 14, 24, 24, 24, 24]
    for point, cell in zip(points[:7], cells):
        expected = cell_of(point, GRID)
        assert int(cell) == (24 if expected is None else expected[0] * 4 + expected[1])


@pytest.mark.parametrize("seed", range(3))
def test_equals_twin(seed):
    depth, context, points = lifted(seed=seed)
    cells = bev_cells(points, GRID)
    table = pool_table(cells, (6, 4))
    assert 0 < len(table.points) < cells.numel()
    expected = pool_loops(depth, context, points, GRID)
    torch.testing.assert_close(bev_pool(depth, context, table), expected, atol=1e-5, rtol=1e-5)


def test_nothing_inside_gives_zeros():
    depth, context, points = lifted()
    cells = bev_cells(points + 100, GRID)
    found = bev_pool(depth, context, pool_table(cells, (6, 4)))
    assert found.shape == (2, 4, 6, 4) and not found.any()


def test_gradients():
    depth, context, points = lifted(cameras=1, bins=2, channels=2, dtype=torch.float64)
    cells = bev_cells(points, GRID)
    table = pool_table(cells, (6, 4))
    depth, context = depth.requires_grad_(), context.requires_grad_()
    assert torch.autograd.gradcheck(lambda d, c: bev_pool(d, c, table), (depth, context))
