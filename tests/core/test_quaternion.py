"""Rotations between two others: the shorter way, at an even pace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxway.core.quaternion import quaternion, quaternion_rotation, slerp


def unit(seed: int, count: int = 6) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, 4))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_half_of_a_quarter_turn() -> None:
    quarter = np.array([[np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)]])
    eighth = [np.cos(np.pi / 8), 0, 0, np.sin(np.pi / 8)]
    for sign in (1, -1):  # both stand for one rotation
        found = slerp(np.array([[1.0, 0, 0, 0]]), sign * quarter, np.array([0.5]))
        np.testing.assert_allclose(found[0], eighth, atol=1e-15)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_it_is_that_of_scipy(seed: int, share: float) -> None:
    rotation = pytest.importorskip("scipy.spatial.transform")
    before, after = unit(seed), unit(seed + 1)
    found = slerp(before, after, np.full(len(before), share))
    for one, two, between in zip(before, after, found):
        ends = rotation.Rotation.from_quat(np.roll([one, two], -1, axis=1))
        expected = rotation.Slerp([0, 1], ends)([share]).as_matrix()[0]
        np.testing.assert_allclose(quaternion_rotation(between), expected, atol=1e-7)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-7, 1e-5])
def test_between_rotations_that_hardly_differ(angle: float) -> None:
    after = np.array([[np.cos(angle / 2), np.sin(angle / 2), 0, 0]])
    found = slerp(np.array([[1.0, 0, 0, 0]]), after, np.array([0.25]))
    np.testing.assert_allclose(found[0], [np.cos(angle / 8), np.sin(angle / 8), 0, 0], atol=1e-15)


def test_ends_are_ends() -> None:
    before, after = unit(1), unit(2)
    for share, expected in ((0.0, before), (1.0, after)):
        found = slerp(before, after, np.full(len(before), share))
        np.testing.assert_allclose(np.abs((found * expected).sum(1)), 1, atol=1e-12)


def test_a_rotation_becomes_a_quaternion_and_one_again() -> None:
    for vector in unit(3, 50):
        rotation = quaternion_rotation(vector)
        np.testing.assert_allclose(quaternion_rotation(quaternion(rotation)), rotation, atol=1e-12)
