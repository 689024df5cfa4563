"""VoxelGrid: index and metres are each other's inverse, the upper bound is outside, parts keep their place."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from voxway.core.grid import VoxelGrid
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

KITTI = SEMANTIC_KITTI.grid
TWO = VoxelGrid((0.0, -1.0, 0.5), (1.0, 1.0, 0.5), (2, 2, 2))

sides = st.integers(1, 12)
grids = st.builds(
    VoxelGrid,
    st.tuples(*[st.sampled_from([-51.2, -40.0, -2.0, 0.0, 3.7])] * 3),
    st.tuples(*[st.sampled_from([0.1, 0.2, 0.4, 0.5, 1.6])] * 3),
    st.tuples(sides, sides, sides),
)


@given(grids)
def test_a_centre_has_its_own_index(grid: VoxelGrid) -> None:
    index = grid.index(grid.centres())
    expected = torch.stack(torch.meshgrid(*(torch.arange(n) for n in grid.shape), indexing="ij"), -1)
    assert (index == expected).all()
    assert grid.contains(grid.centres()).all()


@given(grids)
def test_flat_counts_in_c_order(grid: VoxelGrid) -> None:
    index = grid.index(grid.centres())
    assert (grid.flat(index).flatten() == torch.arange(grid.count)).all()
    volume = torch.arange(grid.count).reshape(grid.shape)
    assert (volume[tuple(index.reshape(-1, 3).T)] == grid.flat(index).flatten()).all()


def test_known_values() -> None:
    assert TWO.upper == (2.0, 1.0, 1.5)
    assert TWO.count == 8
    assert TWO.centre(torch.tensor([1, 0, 1])).tolist() == [1.5, -0.5, 1.25]
    assert TWO.index(torch.tensor([1.99, -1.0, 1.0])).tolist() == [1, 0, 1]
    assert str(KITTI) == "256x256x32 voxels over 0..51.2, -25.6..25.6, -2..4.4 m"


def test_the_lower_bound_is_inside_and_the_upper_is_not() -> None:
    assert TWO.contains(torch.tensor([0.0, -1.0, 0.5]))
    for axis in range(3):
        point = torch.tensor([0.0, -1.0, 0.5], dtype=torch.float64)
        point[axis] = TWO.upper[axis]
        assert not TWO.contains(point)
        assert TWO.index(point)[axis] == TWO.shape[axis]
    assert not TWO.contains(torch.tensor([-0.01, 0.0, 1.0]))
    assert not TWO.holds(torch.tensor([0, 0, -1]))


@given(grids, st.sampled_from([1, 2, 4]))
def test_a_refined_grid_coarsens_back(grid: VoxelGrid, factor: int) -> None:
    fine = grid.refine(factor)
    assert fine.shape == tuple(factor * n for n in grid.shape) and fine.upper == grid.upper
    assert fine.coarsen(factor) == grid
    with pytest.raises(ValueError, match="positive whole factor"):
        grid.refine(0)


@given(st.sampled_from([1, 2, 4]), st.tuples(sides, sides, sides))
def test_a_coarser_grid_covers_the_same_space(factor: int, shape: tuple[int, int, int]) -> None:
    fine = VoxelGrid((-1.0, 2.0, 0.0), (0.2, 0.4, 0.1), tuple(n * factor for n in shape))
    coarse = fine.coarsen(factor)
    assert (coarse.shape, coarse.lower) == (shape, fine.lower)
    assert coarse.upper == pytest.approx(fine.upper)
    assert (coarse.index(fine.centres()) == fine.index(fine.centres()) // factor).all()


def test_what_cannot_be_coarsened_says_so() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 2\) voxels cannot be coarsened by 3"):
        TWO.coarsen(3)
    with pytest.raises(ValueError, match="by 0"):
        TWO.coarsen(0)


@given(st.data(), grids)
def test_a_crop_keeps_the_centres(data: st.DataObject, grid: VoxelGrid) -> None:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in grid.shape)
    shape = tuple(data.draw(st.integers(1, n - s)) for n, s in zip(grid.shape, start))
    crop = grid.crop(start, shape)
    x, y, z = (slice(s, s + n) for s, n in zip(start, shape))
    torch.testing.assert_close(crop.centres(), grid.centres()[x, y, z])


@pytest.mark.parametrize(("start", "shape"), [((0, 0, 1), (2, 2, 2)), ((-1, 0, 0), (1, 1, 1)), ((0, 0, 0), (0, 1, 1))])
def test_a_crop_that_reaches_outside_is_refused(start: tuple[int, int, int], shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        TWO.crop(start, shape)


@given(st.sampled_from("xyz"))
def test_flipping_twice_changes_nothing(axis: str) -> None:
    volume = torch.arange(5 * 2 * 3 * 4).reshape(5, 2, 3, 4)
    grid = VoxelGrid((-1.0, -1.5, -2.0), (1.0, 1.0, 1.0), (2, 3, 4))
    once = grid.flip(volume, axis)
    assert (once != volume).any()
    assert (grid.flip(once, axis) == volume).all()
    first = [slice(None)] * 4
    first[1 + "xyz".index(axis)] = 0
    last = [i if i != 0 else -1 for i in first]
    assert (once[tuple(first)] == volume[tuple(last)]).all()


@given(st.integers(-9, 4), st.sampled_from([0.4, 0.5, 1.0]))
def test_flipping_mirrors_about_the_origin_wherever_the_grid_lies(start: int, cell: float) -> None:
    """A voxel shows what lay at minus its place; beyond the grid nobody knows. So does one of a coarser volume."""
    grid = VoxelGrid((start * cell, 0.0, 0.0), (cell, cell, cell), (6, 1, 1))
    there = {round(x / cell, 1): number for number, x in enumerate(grid.centres()[:, 0, 0, 0].tolist())}
    expected = [there.get(-place, 255) for place in there]
    found = grid.flip(torch.arange(6)[:, None, None], "x", beyond=255)
    assert found.flatten().tolist() == expected
    if start % 2 == 0:
        halves = grid.coarsen((2, 1, 1))
        coarse = torch.arange(3)[:, None, None]
        assert torch.equal(grid.flip(coarse, "x", beyond=9), halves.flip(coarse, "x", beyond=9))


def test_a_mirror_between_voxels_is_refused() -> None:
    grid = VoxelGrid((-1.25, 0.0, 0.0), (0.5, 0.5, 0.5), (5, 1, 1))
    assert grid.flip(torch.arange(5)[:, None, None], "x").flatten().tolist() == [4, 3, 2, 1, 0]
    with pytest.raises(ValueError, match=r"5 voxels over -1.1..1.4 m would lie between others"):
        replace(grid, lower=(-1.1, 0.0, 0.0)).flip(torch.arange(5)[:, None, None], "x")


@pytest.mark.parametrize(("cell", "shape"), [((0.2, 0.0, 0.2), (1, 1, 1)), ((0.2, 0.2, 0.2), (1, 0, 1))])
def test_empty_grids_are_refused(cell: tuple[float, float, float], shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"positive along every axis|at least one voxel"):
        VoxelGrid((0.0, 0.0, 0.0), cell, shape)


def test_centres_far_from_the_origin_are_exact_to_float32() -> None:
    far = KITTI.centre(torch.tensor([255, 255, 31]), torch.float64)
    assert far.tolist() == pytest.approx([51.1, 25.5, 4.3], abs=1e-12)
