"""A spinning LiDAR: beams at fixed elevations, and what range, angle and material do to the echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt32

from voxway.world.sensors.scene import Scene
from voxway.world.shapes.materials import REMISSION, Material


@dataclass(frozen=True, kw_only=True)
class Lidar:
    """A LiDAR on a vehicle, all beams turning together."""

    elevation: Float[np.ndarray, "beams"]
    """Radians above the horizontal, from the top beam down."""
    columns: int
    """Shots of each beam per turn."""
    T_vehicle_lidar: Float[np.ndarray, "4 4"]
    """Metres; beams turn about its z."""
    reach: float = 80.0
    """Metres beyond which there are no echoes."""
    noise: float = 0.015
    """Standard deviation of ranges, metres."""

    def directions(self) -> Float32[np.ndarray, "p 3"]:
        """Unit directions in the LiDAR frame: beam by beam, counter-clockwise from straight ahead."""
        azimuth = np.arange(self.columns) * 2 * np.pi / self.columns
        cos, sin = np.cos(self.elevation)[:, None], np.sin(self.elevation)[:, None]
        unit = np.stack([cos * np.cos(azimuth), cos * np.sin(azimuth), sin * np.ones(self.columns)], -1)
        return unit.reshape(-1, 3).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One turn of a LiDAR.

    Attributes:
        points: x, y, z in the LiDAR frame, metres; remission 0..1.
        labels: raw semantic id in the low 16 bits, instance in the high 16.
    """

    points: Float32[np.ndarray, "p 4"]
    labels: UInt32[np.ndarray, "p"]


def scan(scene: Scene, lidar: Lidar, T_world_vehicle: Float[np.ndarray, "4 4"], rng: np.random.Generator) -> Scan:
    """Take a scan; the turn is instantaneous, as in scans that are already motion-compensated.

    Args:
        scene: what stands where at that moment.
        T_world_vehicle: where the vehicle is, metres.
        rng: draws range noise, remission's, and which echoes get lost.
    """
    local = lidar.directions()
    T_world_lidar = T_world_vehicle @ lidar.T_vehicle_lidar
    directions = (local @ T_world_lidar[:3, :3].T).astype(np.float32)
    origins = np.tile(T_world_lidar[:3, 3].astype(np.float32), (len(directions), 1))
    hits = scene.cast(origins, directions, reach=lidar.reach, textured=False)
    cosine = np.abs((hits.normal * directions[hits.ray]).sum(1))
    remission = REMISSION[hits.material] * (0.35 + 0.65 * cosine) * (0.6 + 0.8 * hits.colour.mean(1))
    remission *= rng.normal(1, 0.08, len(remission))
    # Faint echoes get lost: far away, at grazing angles, on dark lacquer, and mostly on glass.
    lost = 0.01 + 0.25 * (hits.distance / lidar.reach) ** 2 + 0.3 * np.exp(-cosine / 0.03)
    lost += np.where(hits.material == Material.GLASS, 0.55, 0) + np.where(remission < 0.05, 0.1, 0)
    kept = rng.random(len(lost)) >= lost
    distance = hits.distance + rng.normal(0, lidar.noise, len(lost))
    points = local[hits.ray] * distance[:, None]
    cloud = np.concatenate([points, np.clip(remission, 0, 1)[:, None]], 1)[kept]
    labels = hits.label.astype(np.uint32) | hits.instance.astype(np.uint32) << np.uint32(16)
    return Scan(points=cloud.astype(np.float32), labels=labels[kept])
