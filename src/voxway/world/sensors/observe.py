"""Labelled scans of a drive laid into a key frame, for ground truth.

Benchmarks move the points of a moving thing with its annotated box. Here each thing's motion is known, so its points
are moved by that; points of things that are not there at the key frame are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from voxway.truth.scan import PlacedScan
from voxway.world.sensors.lidar import Lidar, Scan, scan
from voxway.world.sensors.scene import Caster, Scene
from voxway.world.street.moment import actor_at, pose_at, present_at
from voxway.world.street.street import Street


class Observer:
    """Takes the scans of a drive, each once, and keeps the latest.

    Args:
        street: where the drive is.
        static: its static part.
        lidar: what scans.
        time: seconds from the start of the drive to a turn of the LiDAR.
        noise: random numbers of a turn.
        kept: how many scans to remember.
    """

    def __init__(
        self,
        street: Street,
        static: Caster,
        lidar: Lidar,
        time: Callable[[int], float],
        noise: Callable[[int], np.random.Generator],
        kept: int,
    ) -> None:
        self.street, self._static = street, static
        self._lidar, self._time, self._noise, self._kept = lidar, time, noise, kept
        self._scans: dict[int, Scan] = {}
        self._actors = {int(actor.mesh.instance[0]): actor for actor in self.street.actors if len(actor.mesh.faces)}

    def pose(self, time: float) -> Float[np.ndarray, "4 4"]:
        """`T_world_vehicle` (metres) at a time (seconds from the start of the drive)."""
        return pose_at(self.street.drive.T_world_vehicle, time)

    def scene(self, time: float) -> Scene:
        """All that rays can meet at a time (seconds from the start of the drive)."""
        return Scene(self._static, present_at(self.street.actors, time, self.pose(time)), self.street.ground)

    def scan(self, turn: int) -> Scan:
        """A turn of the LiDAR: the same whenever and by whichever process it is taken."""
        if turn not in self._scans:
            while len(self._scans) >= self._kept:
                self._scans.pop(min(self._scans))
            time = self._time(turn)
            self._scans[turn] = scan(self.scene(time), self._lidar, self.pose(time), self._noise(turn))
        return self._scans[turn]

    def placed(
        self,
        turns: Sequence[int],
        key: int,
        T_grid_world: Float[np.ndarray, "4 4"],
        classes: UInt8[np.ndarray, "r"],
    ) -> list[PlacedScan]:
        """Scans as they would lie at turn `key`.

        Args:
            T_grid_world: world to the frame of the grid, metres.
            classes: class id by raw id.
        """
        return [self._place(turn, key, T_grid_world, classes) for turn in turns]

    def _place(self, turn: int, key: int, T_grid_world: np.ndarray, classes: np.ndarray) -> PlacedScan:
        taken = self.scan(turn)
        T_world_lidar = self.pose(self._time(turn)) @ self._lidar.T_vehicle_lidar
        world = taken.points[:, :3].astype(np.float64) @ T_world_lidar[:3, :3].T + T_world_lidar[:3, 3]
        instance = taken.labels >> 16
        moving = np.isin(instance, list(self._actors))
        there = np.ones(len(world), bool)
        if turn != key:
            for thing in np.unique(instance[moving]):
                points = instance == thing
                then, now = (actor_at(self._actors[int(thing)], self._time(t)) for t in (turn, key))
                world[points] = _carried(world[points], then, now)
                there[points] = np.isfinite(now).all()
        grid = world[there] @ T_grid_world[:3, :3].T + T_grid_world[:3, 3]
        straight = ~moving[there] if turn != key else np.ones(len(grid), bool)
        return PlacedScan(
            points=grid.astype(np.float32),
            labels=classes[(taken.labels & 0xFFFF)[there]],
            origin=T_grid_world[:3, :3] @ T_world_lidar[:3, 3] + T_grid_world[:3, 3],
            straight=straight,
        )


def _carried(points: Float[np.ndarray, "p 3"], then: np.ndarray, now: np.ndarray) -> Float[np.ndarray, "p 3"]:
    """Points on a thing that stood at `then` (x, y, z, yaw), when it stands at `now`."""
    turn = now[3] - then[3]
    cos, sin = np.cos(turn), np.sin(turn)
    return (points - then[:3]) @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) + now[:3]
