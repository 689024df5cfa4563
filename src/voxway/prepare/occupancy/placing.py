"""Scans in the world: corrected for the vehicle's motion, the vehicle itself known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from voxway.core.errors import InputError
from voxway.data.recordings import Drive, Scan, ScanName
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.truth.moving.deskew import placed, spin_times
from voxway.truth.moving.ego_body import EgoBody
from voxway.truth.moving.evidence import usable


@dataclass(frozen=True, kw_only=True)
class Returns:
    """All returns of a scan, in the order of its file.

    Attributes:
        points: in the world, metres.
        origins: where the sensor was when it saw each of them, metres.
        own: which are the vehicle itself.
        used: which are compared with others: not the vehicle, neither too near nor too far.
        labels: their classes, 255 for none; None where nobody labelled them.
    """

    points: Float64[np.ndarray, "p 3"]
    origins: Float64[np.ndarray, "p 3"]
    own: Bool[np.ndarray, "p"]
    used: Bool[np.ndarray, "p"]
    labels: UInt8[np.ndarray, "p"] | None


@dataclass(frozen=True)
class Placing:
    """Places scans of a drive.

    Attributes:
        drive: the recording.
        settings: ranges, and what is known of times within a scan.
        bodies: the vehicle around each LiDAR.
    """

    drive: Drive
    settings: OccupancySettings
    bodies: Mapping[str, EgoBody]

    def read(self, name: ScanName) -> Returns:
        """Read and place a scan.

        Raises:
            InputError: it is missing or damaged, or times of points are not finite.
        """
        scan = self.drive.read(name)
        T_ego_sensor = self.drive.T_ego_sensor(name.sensor)
        points, origins = placed(
            scan.points, self._after_s(scan, name), name.time_s, lambda times: self.drive.track.at(times) @ T_ego_sensor
        )
        own = self.bodies[name.sensor].covers(scan.points @ T_ego_sensor[:3, :3].T)
        used = usable(points, origins, self.settings.moving) & ~own
        return Returns(points=points, origins=origins, own=own, used=used, labels=scan.labels)

    def _after_s(self, scan: Scan, name: ScanName) -> np.ndarray | None:
        if scan.after_s is None:
            turn_s = self.settings.turn_s
            return None if turn_s is None else spin_times(scan.points, turn_s, self.settings.stamp)
        wrong = ~np.isfinite(scan.after_s) | (np.abs(scan.after_s) > 1)
        if wrong.any():
            raise InputError(
                file=self.drive.files(name)[0],
                field="times of points",
                expected="seconds from the scan's time, less than 1",
                found=f"{int(wrong.sum())} others, such as {float(scan.after_s[wrong][0]):g}",
                remedy="Write times in seconds after the scan's stamp, or leave their column out.",
            )
        return scan.after_s
