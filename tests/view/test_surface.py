"""Which faces can be seen, and how open their corners are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from tests.view.toy import occupancy
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.view.surface import CORNERS, DIRECTIONS, exposed_faces


def test_one_voxel_shows_six_open_faces() -> None:
    solid = np.zeros((3, 3, 3), bool)
    solid[1, 2, 0] = True
    faces = exposed_faces(solid)
    assert faces.direction.tolist() == [0, 1, 2, 3, 4, 5]
    assert (faces.index == [1, 2, 0]).all()
    assert (faces.light == 1).all()


def test_touching_voxels_hide_the_faces_between_them() -> None:
    solid = np.zeros((2, 1, 1), bool)
    solid[:] = True
    assert len(exposed_faces(solid)) == 10


def test_a_step_darkens_the_two_corners_at_its_foot() -> None:
    # A floor of three voxels along y, and one voxel standing on the middle one's far neighbour.
    solid = np.zeros((1, 2, 2), bool)
    solid[0, :, 0] = True
    solid[0, 1, 1] = True
    faces = exposed_faces(solid)
    top = (faces.direction == 5) & (faces.index == [0, 0, 0]).all(1)
    # The other axes of z are x, then y: corners 2 and 3 lie towards y + 1, where the side is solid.
    np.testing.assert_allclose(faces.light[top][0], [1, 1, 2 / 3, 2 / 3])


def test_nothing_and_everything() -> None:
    assert len(exposed_faces(np.zeros((2, 3, 4), bool))) == 0
    assert len(exposed_faces(np.ones((2, 3, 4), bool))) == 2 * (6 + 8 + 12)


@given(arrays(bool, (3, 4, 3)))
def test_agrees_with_loops(solid: np.ndarray) -> None:
    def at(index: np.ndarray) -> bool:
        return bool((index >= 0).all() and (index < solid.shape).all() and solid[tuple(index)])

    expected = {}
    for direction, normal in enumerate(DIRECTIONS):
        for index in np.argwhere(solid):
            if at(index + normal):
                continue
            turns = [np.roll(np.eye(3, dtype=int)[direction // 2], turn) for turn in (1, 2)]
            light = []
            for i, j in CORNERS:
                one, two = (2 * i - 1) * turns[0], (2 * j - 1) * turns[1]
                sides = [at(index + normal + one), at(index + normal + two)]
                light.append(0 if all(sides) else (3 - sum(sides) - at(index + normal + one + two)) / 3)
            expected[direction, *index.tolist()] = light
    faces = exposed_faces(solid)
    found = {(int(d), *i.tolist()): light for d, i, light in zip(faces.direction, faces.index, faces.light)}
    assert found.keys() == expected.keys()
    for key, light in expected.items():
        np.testing.assert_allclose(found[key], light, atol=1e-6)


def test_free_is_what_the_benchmark_says() -> None:
    volume, grid = np.array([[[0, 17, IGNORE]]], np.uint8), VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1, 1, 3))
    assert occupancy(volume, OCC3D_NUSCENES.task, grid).occupied.tolist() == [[[True, False, False]]]
    assert occupancy(volume % 17, SEMANTIC_KITTI.task, grid).occupied.tolist() == [[[False, False, False]]]
