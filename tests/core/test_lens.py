"""Lenses draw as OpenCV and the papers' formulas say, and nothing beyond where their polynomials grow."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.core.lens import KannalaBrandt, Mei, Pinhole

K = np.array([[420.0, 0, 400], [0, 415, 300], [0, 0, 1]])
PLUMB_BOB = (-0.31, 0.12, 0.0011, -0.0007, -0.021)
RATIONAL = (0.42, -0.11, 0.0004, 0.0009, 0.008, 0.77, -0.05, 0.01)
FISHEYE = (0.021, -0.0093, 0.0041, -0.0008)
MEI = (0.0168, 1.65, 0.0004, -0.0003)


def rays(steepest: float, count: int = 500) -> np.ndarray:
    """Directions up to an angle (degrees) from the axis, of many lengths."""
    random = np.random.default_rng(0)
    angle, turn = np.radians(steepest) * random.random(count), 2 * np.pi * random.random(count)
    across = np.sin(angle)[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    return np.concatenate([across, np.cos(angle)[:, None]], 1) * random.uniform(0.1, 50, (count, 1))


@pytest.mark.parametrize("distortion", [(), PLUMB_BOB[:4], PLUMB_BOB, RATIONAL])
def test_pinhole_draws_as_opencv(distortion: tuple[float, ...]) -> None:
    cv2 = pytest.importorskip("cv2")
    directions = rays(38)
    pixels, seen = Pinhole(K=K, distortion=distortion).project(directions)
    expected, _ = cv2.projectPoints(directions, np.zeros(3), np.zeros(3), K, np.array(distortion))
    assert seen.all()
    np.testing.assert_allclose(pixels, expected[:, 0], atol=1e-9)


def test_fisheye_draws_as_opencv() -> None:
    cv2 = pytest.importorskip("cv2")
    directions = rays(85)
    pixels, seen = KannalaBrandt(K=K, distortion=FISHEYE).project(directions)
    expected, _ = cv2.fisheye.projectPoints(directions[:, None], np.zeros(3), np.zeros(3), K, np.array(FISHEYE))
    assert seen.all()
    np.testing.assert_allclose(pixels, expected[:, 0], atol=1e-9)


def test_fisheye_sees_behind_itself() -> None:
    lens = KannalaBrandt(K=K)
    pixels, seen = lens.project(np.array([[1.0, 0, -0.2], [0, 0, 1], [0, 0, -1]]))
    assert seen.tolist() == [True, True, False]
    np.testing.assert_allclose(pixels[:2], [[400 + 420 * (np.pi / 2 + np.arctan(0.2)), 300], [400, 300]])


def test_mei_by_hand() -> None:
    """The formula, a number at a time."""
    xi, (k1, k2, p1, p2) = 2.2, MEI
    for X, Y, Z in rays(100, 50):
        length = (X * X + Y * Y + Z * Z) ** 0.5
        x, y = X / length / (Z / length + xi), Y / length / (Z / length + xi)
        s = x * x + y * y
        radial = 1 + k1 * s + k2 * s * s
        u = 420 * (x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x)) + 400
        v = 415 * (y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y) + 300
        pixels, seen = Mei(K=K, xi=xi, distortion=MEI).project(np.array([[X, Y, Z]]))
        assert seen.all() and np.allclose(pixels, [(u, v)], atol=1e-9)


def test_mei_without_a_sphere_is_a_pinhole() -> None:
    directions = rays(60)
    found, _ = Mei(K=K, xi=0.0, distortion=PLUMB_BOB[:4]).project(directions)
    expected, _ = Pinhole(K=K, distortion=PLUMB_BOB[:4]).project(directions)
    np.testing.assert_allclose(found, expected)


def test_mei_sees_as_far_as_its_sphere() -> None:
    for xi, edge in ((0.8, np.arccos(-0.8)), (2.0, np.arccos(-0.5))):
        angles = edge + np.array([-0.02, 0.02])
        _, seen = Mei(K=K, xi=xi).project(np.stack([np.sin(angles), 0 * angles, np.cos(angles)], -1))
        assert seen.tolist() == [True, False]


def test_nothing_is_drawn_beyond_where_a_polynomial_grows() -> None:
    """r (1 - 0.3 r^2) is greatest at r = 1 / sqrt(0.9); t (1 - 0.1 t^2) at t = sqrt(1 / 0.3)."""
    turn = 1 / np.sqrt(0.9)
    slopes = np.array([turn - 0.01, turn + 0.01, 5.0])
    _, seen = Pinhole(K=K, distortion=(-0.3, 0.0, 0.0, 0.0)).project(np.stack([slopes, 0 * slopes, 1 + 0 * slopes], -1))
    assert seen.tolist() == [True, False, False]
    angles = np.sqrt(1 / 0.3) + np.array([-0.01, 0.01])
    lens = KannalaBrandt(K=K, distortion=(-0.1, 0.0, 0.0, 0.0))
    _, seen = lens.project(np.stack([np.sin(angles), 0 * angles, np.cos(angles)], -1))
    assert seen.tolist() == [True, False]
    _, seen = Pinhole(K=K).project(np.array([[0.0, 0, -1], [0, 0, 0], [1, 1, 0]]))
    assert not seen.any()


def test_what_no_lens_has() -> None:
    with pytest.raises(ValueError, match="0, 4, 5 or 8 numbers"):
        Pinhole(K=K, distortion=(0.1,))
    with pytest.raises(ValueError, match="xi is 0 or more"):
        Mei(K=K, xi=-1.0)
