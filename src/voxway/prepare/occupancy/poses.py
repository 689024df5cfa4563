"""Poses that were made from scans, as a file: made once, and again when a scan has changed.

::

    OUT/DRIVE/poses.txt     time, x, y, z and a quaternion x y z w of the vehicle, a line for each scan (TUM): metres in
                            the vehicle's own frame at the first scan, seconds by the recording's clock
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voxway.core.files import write_bytes
from voxway.data.own.sources import read_tum
from voxway.data.prepared.made import Origin
from voxway.data.recordings import FoundPoses, PosesFrom, Scans
from voxway.data.track import Track
from voxway.prepare.occupancy.odometry import odometry
from voxway.prepare.occupancy.passes import Pass
from voxway.prepare.occupancy.settings import OccupancySettings

VERSION = 1
"""Raised whenever the same scans come to give other poses."""


def poses_from_scans(out: Path, settings: OccupancySettings, show: bool = True) -> PosesFrom:
    """Makes poses of drives by KISS-ICP, and keeps them.

    Args:
        out: folder of all drives.
        settings: with which labels are made.
        show: say how far it is.

    Raises (when called with a drive):
        InputError: scans that are damaged, or a file of poses that is.
        MissingExtra: kiss-icp is not installed, and no poses are there.
    """

    def found(drive: Scans) -> FoundPoses:
        folder = out / drive.name
        path = folder / "poses.txt"
        one = Pass(
            what=f"{drive.name}: poses",
            keys=("poses",),
            targets=lambda key: [path],
            make=lambda key: _write(path, odometry(drive, settings, show=show)),
            origin=Origin(
                folder=folder,
                name="poses",
                maker="poses from scans",
                version=VERSION,
                settings=settings.recorded("turn_s", "stamp"),
                root=drive.root,
                sources=lambda key: list(dict.fromkeys(file for scan in drive.scans for file in drive.files(scan))),
            ),
        )
        one.run((0, 1), show=False)
        times, poses = read_tum(path)
        return FoundPoses(Track.of("world", drive.frame, times, poses), path)

    return found


def _write(path: Path, track: Track) -> None:
    rows = np.column_stack([track.times_s, track.places, np.roll(track.turns, -1, axis=1)])
    write_bytes(path, "".join(" ".join(map(repr, row)) + "\n" for row in rows.tolist()).encode())
