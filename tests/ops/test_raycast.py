"""Visibility: hand-worked scenes, properties, errors, and agreement with exact traversal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import raycast as oracle
from voxway.core.grid import VoxelGrid
from voxway.ops.raycast import visible_from

UNIT = VoxelGrid(lower=(0.0, 0.0, 0.0), cell=(1.0, 1.0, 1.0), shape=(24, 20, 8))


def empty() -> np.ndarray:
    return np.zeros(UNIT.shape, bool)


def street(seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Ground two voxels high, boxes and thin posts, open sky."""
    rng = np.random.default_rng(seed)
    occupied = np.zeros(shape, bool)
    occupied[:, :, 1] = True
    for _ in range(8):
        x, y = rng.integers(0, shape[0] - 4), rng.integers(0, shape[1] - 4)
        length, width, height = rng.integers(1, 4, 3)
        occupied[x : x + length, y : y + width, 2 : 2 + height] = True
    return occupied


def test_empty_space_is_seen_entirely() -> None:
    origins = np.array([[3.2, 7.7, 4.1]])
    assert visible_from(empty(), origins, UNIT).all()


@pytest.mark.parametrize(
    "origin",
    [
        (-5.0, 10.0, 4.0),
        (30.0, 10.0, 4.0),
        (12.0, -40.0, 4.0),
        (12.0, 10.0, 30.0),
        (9e3, -7e3, 20.0),
        (24.0, 0.0, 8.0),
        (3.0, 3.0, 2e-313),
    ],
)
def test_origins_outside_see_empty_space_too(origin: tuple[float, float, float]) -> None:
    assert visible_from(empty(), np.array([origin]), UNIT).all()


def test_a_wall_hides_what_lies_behind() -> None:
    occupied = empty()
    occupied[10, :, :] = True
    seen = visible_from(occupied, np.array([[2.5, 10.5, 4.5]]), UNIT)
    assert seen[:10].all()
    assert seen[10, 8:13].all(), "the wall itself is seen"
    assert not seen[11:].any()


def test_a_second_origin_looks_behind_the_wall() -> None:
    occupied = empty()
    occupied[10, :, :] = True
    assert visible_from(occupied, np.array([[2.5, 10.5, 4.5], [20.5, 10.5, 4.5]]), UNIT).all()


def test_one_voxel_hides_the_line_behind_it() -> None:
    occupied = empty()
    occupied[5, 10, 4] = True
    seen = visible_from(occupied, np.array([[0.5, 10.5, 4.5]]), UNIT)
    assert seen[5, 10, 4]
    assert not seen[6:, 10, 4].any()
    assert seen[:, :7].all(), "the shadow is 4.6 voxels wide at the far end"


def test_a_roof_over_the_origin_hides_the_column_above() -> None:
    occupied = empty()
    occupied[8, 8, 6] = True
    seen = visible_from(occupied, np.array([[8.5, 8.5, 3.5]]), UNIT)
    assert seen[8, 8, :7].all()
    assert not seen[8, 8, 7]


def test_the_voxel_around_the_origin_does_not_block() -> None:
    occupied = empty()
    occupied[8, 8, 3] = True
    assert visible_from(occupied, np.array([[8.4, 8.6, 3.5]]), UNIT).all()


def test_metres_and_lower_corner_are_respected() -> None:
    grid = VoxelGrid(lower=(-2.0, 1.0, -1.0), cell=(0.2, 0.5, 0.1), shape=UNIT.shape)
    occupied = street(1, UNIT.shape)
    origin = np.array([[3.3, 9.1, 5.2]])
    in_metres = origin * grid.cell + grid.lower
    np.testing.assert_array_equal(visible_from(occupied, in_metres, grid), visible_from(occupied, origin, UNIT))


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_exact_traversal(seed: int) -> None:
    occupied = street(seed, UNIT.shape)
    origins = np.array([[2.3, 9.6, 5.1], [21.7, 3.2, 4.4]])
    for chosen in (origins[:1], origins):
        exact = oracle.visible_from(occupied, chosen)
        for fineness, least in ((2, 0.98), (4, 0.985), (8, 0.993)):
            agreement = (visible_from(occupied, chosen, UNIT, fineness) == exact).mean()
            assert agreement > least


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.tuples(*[st.floats(-4, 30)] * 3))
def test_more_obstacles_never_show_more(seed: int, origin: tuple[float, float, float]) -> None:
    fewer, extra = street(seed, UNIT.shape), street(seed + 1, UNIT.shape)
    at = np.array([origin])
    assert not (visible_from(fewer | extra, at, UNIT) & ~visible_from(fewer, at, UNIT)).any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.tuples(*[st.floats(-4, 30)] * 3), min_size=2, max_size=4))
def test_many_origins_see_what_any_of_them_sees(seed: int, places: list[tuple[float, float, float]]) -> None:
    occupied, origins = street(seed, UNIT.shape), np.array(places)
    alone = [visible_from(occupied, origins[i : i + 1], UNIT) for i in range(len(origins))]
    np.testing.assert_array_equal(visible_from(occupied, origins, UNIT), np.any(alone, axis=0))


def test_errors_say_what_was_wrong() -> None:
    with pytest.raises(ValueError, match="grid's shape"):
        visible_from(np.zeros((2, 2, 2), bool), np.zeros((1, 3)), UNIT)
    with pytest.raises(ValueError, match="origins must be finite"):
        visible_from(empty(), np.array([[0.0, np.nan, 0.0]]), UNIT)
