"""How lenses draw a scene: pinhole with distortion, Kannala-Brandt's fisheye, Mei's unified model.

Camera axes: x right, y down, z ahead. Pixel centres lie at whole numbers. Every lens draws rays only as far as its
polynomial grows: beyond that, calibrated numbers mean nothing, and a point far outside the view would fall into the
picture again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64

Rays = Float64[np.ndarray, "m *n 3"]
Pixels = Float64[np.ndarray, "m *n 2"]
_STEPS = 20_000
_STEEPEST = np.tan(np.radians(89.0))
"""Beyond this slope no flat picture has pixels."""


@runtime_checkable
class Lens(Protocol):
    """Where a camera draws what lies in a direction."""

    def project(self, rays: Rays) -> tuple[Pixels, Bool[np.ndarray, "m *n"]]:
        """Pixel (u, v) of every ray, and whether the lens draws it at all; pixels of others mean nothing.

        Args:
            rays: directions in the camera's frame, of any length.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Pinhole:
    """A pinhole camera whose lens may distort: OpenCV's models of 5 and 8 numbers (ROS: plumb_bob,
    rational_polynomial). On the plane z = 1, with ``r^2 = x^2 + y^2``::

        x' = x (1 + k1 r^2 + k2 r^4 + k3 r^6) / (1 + k4 r^2 + k5 r^4 + k6 r^6) + 2 p1 x y + p2 (r^2 + 2 x^2)
        y' = y (...)                                                           + p1 (r^2 + 2 y^2) + 2 p2 x y

    Raises:
        ValueError: distortion of another length than 0, 4, 5 or 8.
    """

    K: Float64[np.ndarray, "3 3"]
    """Intrinsics, pixels."""
    distortion: tuple[float, ...] = ()
    """k1, k2, p1, p2, k3, k4, k5, k6 as OpenCV orders them; none, the first 4, 5, or all 8."""

    def __post_init__(self) -> None:
        if len(self.distortion) not in (0, 4, 5, 8):
            raise ValueError(f"distortion has 0, 4, 5 or 8 numbers (k1 k2 p1 p2 k3 k4 k5 k6), got {self.distortion}")

    def project(self, rays: Rays) -> tuple[Pixels, Bool[np.ndarray, "m *n"]]:
        """See `Lens`."""
        ahead = rays[..., 2] > 0
        plane = rays[..., :2] / np.where(ahead, rays[..., 2], 1.0)[..., None]
        seen = ahead & (np.hypot(plane[..., 0], plane[..., 1]) < self._widest)
        numbers = (*self.distortion, *[0.0] * (8 - len(self.distortion)))
        bent = plane * self._factor(np.hypot(plane[..., 0], plane[..., 1]))[..., None] + _shift(plane, *numbers[2:4])
        return _drawn(self.K, bent), seen

    def _factor(self, r: Float64[np.ndarray, "m *n"]) -> Float64[np.ndarray, "m *n"]:
        k1, k2, _, _, k3, k4, k5, k6 = (*self.distortion, *[0.0] * (8 - len(self.distortion)))
        s = r * r
        return (1 + s * (k1 + s * (k2 + s * k3))) / (1 + s * (k4 + s * (k5 + s * k6)))

    @cached_property
    def _widest(self) -> float:
        return _grows_until(lambda r: r * self._factor(r), _STEEPEST)


@dataclass(frozen=True, kw_only=True)
class KannalaBrandt:
    """A fisheye lens (Kannala and Brandt 2006, in OpenCV's form): a ray at the angle t to the axis is drawn at the
    distance ``t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8)`` from the centre."""

    K: Float64[np.ndarray, "3 3"]
    """Intrinsics, pixels."""
    distortion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """k1 to k4."""

    def project(self, rays: Rays) -> tuple[Pixels, Bool[np.ndarray, "m *n"]]:
        """See `Lens`."""
        across = np.hypot(rays[..., 0], rays[..., 1])
        angle = np.arctan2(across, rays[..., 2])
        scale = self._distance(angle) / np.where(across > 0, across, 1.0)
        return _drawn(self.K, rays[..., :2] * scale[..., None]), angle < self._widest

    def _distance(self, angle: Float64[np.ndarray, "m *n"]) -> Float64[np.ndarray, "m *n"]:
        k1, k2, k3, k4 = self.distortion
        s = angle * angle
        return angle * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4))))

    @cached_property
    def _widest(self) -> float:
        return _grows_until(self._distance, np.pi)


@dataclass(frozen=True, kw_only=True)
class Mei:
    """The unified model (Mei and Rives 2007), as KITTI-360 gives it for its side cameras: a ray meets the unit sphere,
    is drawn from a point `xi` behind its centre onto a plane, and bent there by k1, k2, p1, p2.

    Raises:
        ValueError: a negative `xi`.
    """

    K: Float64[np.ndarray, "3 3"]
    """Intrinsics, pixels; the focal lengths are the model's gamma1 and gamma2."""
    xi: float
    """How far behind the sphere's centre the picture is drawn from, in radii."""
    distortion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2."""

    def __post_init__(self) -> None:
        if self.xi < 0:
            raise ValueError(f"xi is 0 or more, got {self.xi}")

    def project(self, rays: Rays) -> tuple[Pixels, Bool[np.ndarray, "m *n"]]:
        """See `Lens`."""
        sphere = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        seen = sphere[..., 2] > (-self.xi if self.xi <= 1 else -1 / self.xi)
        plane = sphere[..., :2] / np.where(seen, sphere[..., 2] + self.xi, 1.0)[..., None]
        r = np.hypot(plane[..., 0], plane[..., 1])
        k1, k2, p1, p2 = self.distortion
        bent = plane * (1 + k1 * r**2 + k2 * r**4)[..., None] + _shift(plane, p1, p2)
        return _drawn(self.K, bent), seen & (r < self._widest)

    @cached_property
    def _widest(self) -> float:
        k1, k2, _, _ = self.distortion
        return _grows_until(lambda r: r * (1 + k1 * r**2 + k2 * r**4), _STEEPEST)


def _shift(plane: Float64[np.ndarray, "m *n 2"], p1: float, p2: float) -> Float64[np.ndarray, "m *n 2"]:
    """What a lens that stands askew adds."""
    x, y = plane[..., 0], plane[..., 1]
    s = x * x + y * y
    return np.stack([2 * p1 * x * y + p2 * (s + 2 * x * x), p1 * (s + 2 * y * y) + 2 * p2 * x * y], -1)


def _drawn(K: Float64[np.ndarray, "3 3"], plane: Float64[np.ndarray, "m *n 2"]) -> Pixels:
    return plane @ K[:2, :2].T + K[:2, 2]


def _grows_until(distance: Callable[[Float64[np.ndarray, "s"]], Float64[np.ndarray, "s"]], upto: float) -> float:
    """Where a distance from the centre, 0 at 0, stops growing."""
    at = np.linspace(0, upto, _STEPS)
    stops = np.diff(distance(at)) <= 0
    return float(at[stops.argmax()]) if stops.any() else upto
