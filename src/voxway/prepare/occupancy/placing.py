"""Scans in the world: corrected for the vehicle's motion, the vehicle itself known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, UInt8

from voxway.core.errors import InputError
from voxway.data.recordings import Drive, Scan, ScanName, Scans
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
        after_s = times_within(self.drive, scan, name, self.settings)
        points, origins = placed(
            scan.points, after_s, name.time_s, lambda times: self.drive.track.at(times) @ T_ego_sensor
        )
        own = self.bodies[name.sensor].covers(scan.points @ T_ego_sensor[:3, :3].T)
        used = usable(points, origins, self.settings.moving) & ~own
        return Returns(points=points, origins=origins, own=own, used=used, labels=scan.labels)


def times_within(
    drive: Scans, scan: Scan, name: ScanName, settings: OccupancySettings
) -> Float[np.ndarray, "p"] | None:
    """Seconds from a scan's time to each of its returns: as recorded, else from directions if settings say so; None
    where all count as seen at once.

    Raises:
        InputError: times are not finite, or farther than a second from the scan's.
    """
    if scan.after_s is None:
        turn_s = settings.turn_s
        return None if turn_s is None else spin_times(scan.points, turn_s, settings.stamp)
    wrong = ~np.isfinite(scan.after_s) | (np.abs(scan.after_s) > 1)
    if wrong.any():
        raise InputError(
            file=drive.files(name)[0],
            field="times of points",
            expected="seconds from the scan's time, less than 1",
            found=f"{int(wrong.sum())} others, such as {float(scan.after_s[wrong][0]):g}",
            remedy="Write times in seconds after the scan's stamp, or leave their column out.",
        )
    return scan.after_s
