import numpy as np
import pytest
import torch

from tests.oracles.voxelize import voxelize_loop
from voxway.core.grid import VoxelGrid
from voxway.ops.voxelize import voxelize

GRID = VoxelGrid(lower=(-2.0, -1.0, 0.0), cell=(0.5, 0.5, 1.0), shape=(8, 4, 2))


def cloud(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 5, generator=generator) * torch.tensor([5.0, 3, 3, 1, 1]) - torch.tensor(
        [2.5, 1.5, 0.5, 0, 0]
    )


def test_known_values():
    points = torch.tensor([[0.1, 0.1, 0.1, 1], [9, 9, 9, 1], [-2.0, -1.0, 0.0, 2], [0.4, 0.3, 0.9, 3], [2.0, 0, 0, 1]])
    voxels = voxelize(points, torch.tensor([0, 5]), GRID)
    assert voxels.index.tolist() == [[0, 0, 2, 4], [0, 0, 0, 0]]
    assert voxels.counts.tolist() == [2, 1]
    torch.testing.assert_close(voxels.mean, torch.tensor([[0.25, 0.2, 0.5, 2], [-2, -1, 0, 2]]))


@pytest.mark.parametrize(("max_points", "max_voxels"), [(10, None), (3, 20), (1, 7)])
def test_equals_twin(max_points, max_voxels):
    """Two samples, of which the caps hold for each."""
    clouds = [cloud(400, 1), cloud(150, 2)]
    offsets = torch.tensor([0, 400, 550])
    voxels = voxelize(torch.cat(clouds), offsets, GRID, max_points, max_voxels)
    expected = [
        (b, key, kept)
        for b, points in enumerate(clouds)
        for key, kept in voxelize_loop(points, GRID, max_points, max_voxels).items()
    ]
    assert voxels.index.tolist() == [[b, *key] for b, key, _ in expected]
    assert voxels.counts.tolist() == [len(kept) for _, _, kept in expected]
    points = torch.cat(clouds)
    for voxel, (_, _, kept) in enumerate(expected):
        held = points[voxels.rows[voxels.owners == voxel]]
        np.testing.assert_array_equal(held, np.array(kept))  # the earliest first
    assert len(voxels.rows) == int(voxels.counts.sum())
    means = torch.stack([torch.from_numpy(np.array(kept)).mean(0) for _, _, kept in expected])
    torch.testing.assert_close(voxels.mean, means, atol=1e-6, rtol=1e-6)


def test_samples_without_points_and_points_that_are_no_numbers():
    points = torch.tensor([[float("nan"), 0, 0], [0, float("inf"), 0], [0.1, 0.1, 0.1]])
    voxels = voxelize(points, torch.tensor([0, 0, 3, 3]), GRID)
    assert voxels.index.tolist() == [[1, 0, 2, 4]]
    assert voxelize(points[:0], torch.tensor([0, 0]), GRID).mean.shape == (0, 3)
