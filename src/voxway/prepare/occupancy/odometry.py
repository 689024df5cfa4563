"""Where a vehicle was, from the scans of one of its LiDARs alone, by KISS-ICP.

Scans are corrected for the vehicle's motion here, to the scan's own time, as if it went on as between the two before,
and given to the registration as rigid. So poses are of the scans' times, whatever a version of the package takes them
to be of when it corrects scans itself (the middle of a turn before 2025, its end since), and turns need not be whole.

Source: I. Vizzo et al., "KISS-ICP: In Defense of Point-to-Point ICP", RA-L 2023; the package `kiss-icp` is called.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float64

from voxway.core.errors import InputError, MissingExtra
from voxway.core.progress import progress_bar
from voxway.core.quaternion import quaternion, quaternion_rotation, slerp
from voxway.data.recordings import ScanName, Scans
from voxway.data.track import Track
from voxway.prepare.occupancy.placing import times_within
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.truth.moving.deskew import placed

_FARTHEST_M = 80.0
_VOXEL_M = 0.8
"""Of the map that scans are laid on: a hundredth of the range, as the package has it."""
_AFTER_S = 0.1
"""Poses reach so far beyond the first and last scan: the time of a turn, in which returns may have been seen."""

Register = Callable[[Float64[np.ndarray, "p 3"]], Float64[np.ndarray, "4 4"]]
"""From the next scan to the pose of its sensor in the world of the first one, metres."""


def odometry(drive: Scans, settings: OccupancySettings, register: Register | None = None, show: bool = True) -> Track:
    """Poses of a vehicle at the scans of the LiDAR that sees most; the world is its frame at the first of them.

    Args:
        drive: its scans.
        settings: ranges, and what is known of times within a scan.
        register: lays scans on those before; None: KISS-ICP.
        show: say how far it is.

    Raises:
        InputError: fewer than two scans, or nothing in one of them.
        MissingExtra: kiss-icp is not installed.
    """
    register = register or kiss_icp(settings)
    sensor = _sees_most(drive)
    scans = [scan for scan in drive.scans if scan.sensor == sensor]
    T_ego_sensor = drive.T_ego_sensor(sensor)
    poses: list[Float64[np.ndarray, "4 4"]] = []
    with progress_bar(f"{drive.name}: poses", len(scans), show=show) as bar:
        for number, scan in enumerate(scans):
            before = scans[max(number - 2, 0) : number]
            step = np.eye(4) if len(before) < 2 else np.linalg.inv(poses[-2]) @ poses[-1]
            took_s = before[1].time_s - before[0].time_s if len(before) == 2 else 1.0
            poses.append(register(_points(drive, scan, settings, step, took_s)))
            bar.advance()
    T = T_ego_sensor @ np.stack(poses) @ np.linalg.inv(T_ego_sensor)
    return _beyond(np.array([scan.time_s for scan in scans]), T, drive)


def kiss_icp(settings: OccupancySettings) -> Register:
    """KISS-ICP, with one thread: several add up in another order each time, and shards need the same poses.

    Raises:
        MissingExtra: kiss-icp is not installed.
    """
    try:
        # Compiled in parts, without stubs.
        from kiss_icp.config import KISSConfig  # ty: ignore[import-not-found]
        from kiss_icp.kiss_icp import KissICP  # ty: ignore[import-not-found]
    except ImportError:
        raise MissingExtra("kiss-icp", "poses", "poses from scans alone") from None
    found = KissICP(
        KISSConfig(
            data={"max_range": _FARTHEST_M, "min_range": settings.moving.nearest_m, "deskew": False},
            mapping={"voxel_size": _VOXEL_M},
            registration={"max_num_threads": 1},
        )
    )

    def register(points: Float64[np.ndarray, "p 3"]) -> Float64[np.ndarray, "4 4"]:
        found.register_frame(points, np.zeros(0))
        return np.array(found.last_pose)

    return register


def _sees_most(drive: Scans) -> str:
    """The LiDAR with most returns in its first scan."""
    first: dict[str, ScanName] = {}
    for scan in drive.scans:
        first.setdefault(scan.sensor, scan)
    return max(first, key=lambda sensor: len(drive.read(first[sensor]).points))


def _points(
    drive: Scans, name: ScanName, settings: OccupancySettings, step: Float64[np.ndarray, "4 4"], took_s: float
) -> Float64[np.ndarray, "p 3"]:
    """Returns of a scan in its sensor's frame at the scan's time, if the vehicle goes on as in the step before."""
    scan = drive.read(name)
    after_s = times_within(drive, scan, name, settings)
    points = placed(scan.points, after_s, 0.0, lambda times: _parts(step, times / took_s))[0]
    if not len(points):
        remedy = "Take it out of its folder, or write its returns."
        raise InputError(file=drive.files(name)[0], field="points", expected="returns", found="none", remedy=remedy)
    return points


def _parts(step: Float64[np.ndarray, "4 4"], share: Float[np.ndarray, "m"]) -> Float64[np.ndarray, "m 4 4"]:
    """Parts of a step, turning evenly and moving straight; more than all of it, and back."""
    turn, still = quaternion(step[:3, :3]), np.array([1.0, 0, 0, 0])
    found = np.tile(np.eye(4), (len(share), 1, 1))
    turns = slerp(np.tile(still, (len(share), 1)), np.tile(turn, (len(share), 1)), share)
    for pose, part, rotation in zip(found, share, turns):
        pose[:3, :3], pose[:3, 3] = quaternion_rotation(rotation), part * step[:3, 3]
    return found


def _beyond(times: Float64[np.ndarray, "n"], T: Float64[np.ndarray, "n 4 4"], drive: Scans) -> Track:
    """A track that goes on at both ends, for returns before the first and after the last scan's time."""
    if len(times) < 2 or any(later <= earlier for earlier, later in pairwise(times)):
        raise InputError(
            file=drive.files(drive.scans[0])[0],
            field="scans",
            expected="two at least, at different times",
            found=f"{len(times)}",
            remedy="Poses come from the motion between scans.",
        )
    ends = []
    for one, other in ((1, 0), (-2, -1)):
        step = np.linalg.inv(T[one]) @ T[other]
        ends.append(T[other] @ _parts(step, np.array([_AFTER_S / abs(times[other] - times[one])]))[0])
    return Track.of(
        "world",
        drive.frame,
        np.concatenate([[times[0] - _AFTER_S], times, [times[-1] + _AFTER_S]]),
        np.concatenate([ends[:1], T, ends[1:]]),
    )
