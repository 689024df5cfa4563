"""A rig drawn at random: how many cameras, where they stand and look, how they see, and with which LiDAR if any.

Ranges are those of what people bolt to cars: a phone on the dashboard, a front camera, a stereo pair, cameras to the
sides, a ring; LiDARs of 16 to 128 beams on the roof. Angles in degrees, metres in the vehicle frame, which stands on
the ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from voxway.world.sensors.camera import Camera
from voxway.world.sensors.lidar import Lidar
from voxway.world.sensors.rig import mounted

_KINDS = ("front", "pair", "sides", "ring")
_SHARES = (0.35, 0.15, 0.2, 0.3)
_ASPECTS = (0.3, 0.5625, 0.625, 0.75)
"""Height over width: cropped as in driving data sets, 16:9, 16:10, 4:3."""
_BEAMS = ((16, 15.0, -15.0), (32, 10.0, -30.0), (64, 3.0, -25.0), (128, 15.0, -25.0))
"""Beams of a LiDAR, and the elevations of the first and the last."""
_NO_LIDAR = 0.4
_TRUTH_BEAMS, _TRUTH_COLUMNS = 96, 900


@dataclass(frozen=True, kw_only=True)
class Response:
    """What chip and file make of what a rig's cameras see."""

    exposure: float
    """Factor on the automatic exposure."""
    noise: float
    """Standard deviation of further noise, grey levels."""
    quality: int
    """JPEG quality of the files."""


@dataclass(frozen=True, kw_only=True)
class RandomRig:
    """What a drive's car carries, by name."""

    cameras: Mapping[str, Camera]
    response: Response
    lidar: Lidar | None
    truth: Lidar
    """Finer than any LiDAR of its day, on the roof of every car: what labels are built from."""


def draw_rig(random: np.random.Generator, width_px: int, columns: int) -> RandomRig:
    """Draw a rig.

    Args:
        random: of the drive.
        width_px: of pictures in the middle.
        columns: LiDAR shots of each beam per turn.
    """
    # In this order always: what comes later must not change what came before.
    yaws = _yaws(random)
    height, ahead = random.uniform(1.2, 2.2), random.uniform(0.2, 1.9)
    width = round(width_px * random.uniform(0.75, 4 / 3))
    size_px = (round(width * float(random.choice(_ASPECTS))), width)
    # A ring must close; single cameras may be anything from a long lens to a wide one.
    low, high = (65.0, 110.0) if len(yaws) > 2 else (40.0, 100.0)
    across_deg = random.uniform(low, high)
    apart = random.uniform(0.1, 0.6)
    cameras = {}
    for number, yaw in enumerate(yaws):
        aside = (0.5 - number) * apart if len(yaws) == 2 else 0.45 * np.sin(np.radians(yaw))
        place = (ahead * np.cos(np.radians(yaw)), aside, height + random.uniform(-0.05, 0.05))
        cameras[f"camera{number}"] = _camera(random, yaw, place, across_deg, size_px)
    response = Response(
        exposure=float(np.exp(random.uniform(-0.5, 0.5))),
        noise=float(random.uniform(0, 1) ** 2 * 6),
        quality=int(random.integers(60, 96)),
    )
    lidar = _lidar(random, columns)
    return RandomRig(cameras=cameras, response=response, lidar=lidar, truth=_truth(columns))


def _yaws(random: np.random.Generator) -> list[float]:
    """Where the cameras look, counter-clockwise from straight ahead."""
    kind = str(random.choice(_KINDS, p=_SHARES))
    side, count = random.uniform(50, 95), int(random.integers(4, 7))
    return {
        "front": [0.0],
        "pair": [0.0, 0.0],
        "sides": [0.0, side, -side],
        "ring": [360.0 * number / count for number in range(count)],
    }[kind]


def _camera(
    random: np.random.Generator,
    yaw: float,
    place: tuple[float, float, float],
    across_deg: float,
    size_px: tuple[int, int],
) -> Camera:
    height, width = size_px
    focal = width / 2 / np.tan(np.radians(across_deg * random.uniform(0.95, 1.05)) / 2)
    centre = (
        (width - 1) / 2 + width * random.uniform(-0.02, 0.02),
        (height - 1) / 2 + height * random.uniform(-0.03, 0.03),
    )
    roll = np.radians(random.uniform(-2.5, 2.5))
    T_cam_turned = np.eye(4)
    T_cam_turned[:2, :2] = [[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]
    return Camera(
        K=np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]),
        T_vehicle_cam=mounted(yaw + random.uniform(-3, 3), random.uniform(-5, 4), place) @ T_cam_turned,
        size_px=size_px,
    )


def _lidar(random: np.random.Generator, columns: int) -> Lidar | None:
    beams, top, bottom = _BEAMS[int(random.integers(len(_BEAMS)))]
    place = (random.uniform(-0.2, 1.2), random.uniform(-0.1, 0.1), random.uniform(1.6, 2.4))
    return None if random.random() < _NO_LIDAR else _level(beams, top, bottom, columns, place)


def _truth(columns: int) -> Lidar:
    return _level(_TRUTH_BEAMS, 20.0, -30.0, min(columns * 2, _TRUTH_COLUMNS), (0.6, 0.0, 2.1))


def _level(beams: int, top: float, bottom: float, columns: int, place: tuple[float, float, float]) -> Lidar:
    T_vehicle_lidar: Float[np.ndarray, "4 4"] = np.eye(4)
    T_vehicle_lidar[:3, 3] = place
    elevation = np.radians(np.linspace(top, bottom, beams))
    return Lidar(elevation=elevation, columns=columns, T_vehicle_lidar=T_vehicle_lidar, reach=80.0)
