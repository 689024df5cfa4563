"""The vote of a voxel's points: by hand, against its slow twin, and as each ground truth uses it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles import vote as oracle
from voxway.truth.vote import majority

TINY = (2, 2, 2)


def test_by_hand() -> None:
    """Voxel 0: 4 wins by two to one. Voxel 3: a tie, the smaller id. Voxel 5: id 0 is a vote. The rest is empty."""
    voxel = np.array([0, 3, 0, 5, 0, 3, 5, 5])
    label = np.array([4, 9, 4, 0, 1, 2, 7, 0], np.uint8)
    winner, hit = majority(voxel, label, TINY, empty=17)
    assert winner.ravel().tolist() == [4, 17, 17, 2, 17, 0, 17, 17]
    assert hit.ravel().tolist() == [True, False, False, True, False, True, False, False]
    assert winner.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("empty", [0, 17, 255])
@pytest.mark.parametrize("classes", [1, 2, 18, 250])
def test_equals_the_twin(dtype: type, empty: int, classes: int) -> None:
    rng = np.random.default_rng(classes + empty)
    shape = (5, 4, 3)
    ids = rng.choice(np.iinfo(dtype).max + 1, classes, replace=False).astype(dtype)
    for points in (0, 1, 40, 3000):
        voxel, label = rng.integers(0, 60, points), rng.choice(ids, points)
        for found, expected in zip(majority(voxel, label, shape, empty), oracle.majority(voxel, label, shape, empty)):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_large_volumes_of_many_classes_need_more_than_32_bits() -> None:
    """512 x 512 x 40 voxels of 500 classes: (voxel, class) pairs pass 2^32."""
    rng = np.random.default_rng(0)
    shape = (512, 512, 40)
    voxel = rng.choice(np.array([0, 1, 777, 10_485_758, 10_485_759]), 20_000)
    label = rng.integers(0, 500, 20_000).astype(np.uint16)
    winner, hit = majority(voxel, label, shape, 0)
    assert np.flatnonzero(hit).tolist() == [0, 1, 777, 10_485_758, 10_485_759]
    for where in np.flatnonzero(hit):
        assert winner.flat[where] == np.bincount(label[voxel == where]).argmax()


def test_the_order_of_points_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    voxel, label = rng.integers(0, 8, 500), rng.integers(0, 4, 500).astype(np.uint8)
    order = rng.permutation(500)
    for one, other in zip(majority(voxel, label, TINY, 0), majority(voxel[order], label[order], TINY, 0)):
        np.testing.assert_array_equal(one, other)


def test_errors_say_what_came() -> None:
    with pytest.raises(ValueError, match=r"0\.\.7, got -1\.\.3"):
        majority(np.array([-1, 3]), np.zeros(2, np.uint8), TINY, 0)
    with pytest.raises(ValueError, match=r"0\.\.7, got 8\.\.8"):
        majority(np.array([8]), np.zeros(1, np.uint8), TINY, 0)
