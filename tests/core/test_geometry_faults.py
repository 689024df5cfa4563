"""Calibrations and poses in other units, axes and conventions; that those of a car are never refused."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.core import geometry_faults as faults
from voxway.core.faults import Fault

LOOK = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""Camera to car, of a camera that looks ahead."""


def turned(yaw: float, pitch: float = 0.0) -> np.ndarray:
    """Camera to car of one that looks aside and up or down, 1.5 m above the origin."""
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]])
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = about_z @ about_y @ LOOK, (1.5, 0.2, 1.5)
    return T


@pytest.mark.parametrize("yaw", np.linspace(-np.pi, np.pi, 9))
@pytest.mark.parametrize("pitch", [-0.4, 0.0, 0.4])
def test_cameras_of_a_car_are_taken(yaw: float, pitch: float) -> None:
    T = turned(float(yaw), pitch)
    assert faults.rigid_fault(T) is None
    assert faults.view_fault(T) is None
    assert faults.offset_fault(T[:3, 3]) is None


VIEWS = {
    "inverted": (np.linalg.inv(turned(0)), "inverted"),
    "inverted, to the left": (np.linalg.inv(turned(np.pi / 2)), "inverted"),
    "axes of the car": (np.eye(4), "x ahead, z up"),
    "into the sky": (turned(0, -1.2), "axis rises by 69"),
    "on its head": (turned(0) @ np.diag([-1.0, -1, 1, 1]), "points down"),
    "on its side": (turned(0) @ np.array([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "points aside"),
}


@pytest.mark.parametrize("name", VIEWS)
def test_cameras_that_cannot_be(name: str) -> None:
    T, said = VIEWS[name]
    assert said in told(faults.view_fault(T))


def told(fault: Fault | None) -> str:
    assert fault is not None
    return fault.found


def test_units_of_offsets() -> None:
    for factor, unit in ((1000, "millimetres"), (100, "centimetres")):
        assert unit in told(faults.offset_fault(factor * np.array([0.05, -0.08, 0.27])))
    assert faults.offset_fault(np.array([3.9, 0, 0])) is None
    assert "5 m" in told(faults.offset_fault(np.array([5.0, 0, 0])))


K = np.array([[700.0, 0, 600], [0, 700, 180], [0, 0, 1]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda K: K.T, "transposed"),
        (lambda K: -K, "-700"),
        (lambda K: K * 2, "[0.0, 0.0, 2.0]"),
        (lambda K: K + np.array([[0, 300, 0], [0, 0, 0], [0, 0, 0]]), "300"),
        (lambda K: K @ np.diag([10.0, 1, 1]), "7000 and 700"),
    ],
)
def test_intrinsics_that_cannot_be(change, said: str) -> None:
    assert faults.intrinsics_fault(K) is None
    assert said in told(faults.intrinsics_fault(change(K)))


def drive(step: tuple[float, float, float], count: int = 30) -> np.ndarray:
    """Poses of a car that moves the same way from scan to scan."""
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, 3] = np.arange(count)[:, None] * np.array(step)
    return poses


def test_drives() -> None:
    curve = drive((1.0, 0, 0))
    for number, pose in enumerate(curve):
        angle = 0.02 * number
        pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        pose[:2, 3] = 50 * np.sin(angle), 50 * (1 - np.cos(angle))
    still, jump = drive((0.0, 0, 0)), drive((1.0, 0, 0))
    jump[12:, 1, 3] += 30
    for sound in (curve, still, jump, drive((2.5, 0, 0)), drive((-0.5, 0, 0), 9), drive((1.0, 0, 0), 1)):
        assert faults.drive_fault(sound) is None
    assert "sideways" in told(faults.drive_fault(drive((0.0, 1, 0))))
    assert "upwards" in told(faults.drive_fault(drive((0.0, 0, 1))))
    assert "millimetres" in told(faults.drive_fault(drive((1000.0, 0, 0))))
    assert "backwards" in told(faults.drive_fault(np.linalg.inv(drive((1.0, 0, 0)))))


def test_times() -> None:
    seconds = np.arange(20) * 0.1037
    assert faults.times_fault(seconds) is None
    assert faults.times_fault(np.zeros(1)) is None
    for factor, unit in ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        assert unit in told(faults.times_fault(seconds * factor))
    assert "after" in told(faults.times_fault(seconds[::-1]))
    clock = 1_532_402_927_647_951
    assert faults.microseconds_fault(clock) is None
    for factor, unit in ((1e-6, "seconds"), (1e-3, "milliseconds"), (1e3, "nanoseconds")):
        assert unit in told(faults.microseconds_fault(clock * factor))


def test_cars_stand_upright() -> None:
    assert faults.upright_fault(np.eye(4), "a car") is None
    assert "x y z w" in told(faults.upright_fault(np.diag([1.0, -1, -1, 1]), "a car"))
