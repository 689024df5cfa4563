"""The vehicle itself around each LiDAR, learnt from scans spread over the stretches on which it moves."""

from __future__ import annotations

import logging

import numpy as np

from voxway.data.recordings import Drive, ScanName
from voxway.truth.moving.ego_body import FEWEST, EgoBody, learn

_MOST = 200
_MOVING_M_S = 1.0
_TRAVEL_M = 10.0


def bodies(drive: Drive) -> dict[str, EgoBody]:
    """The vehicle around each LiDAR of a drive; says what was found."""
    found = {}
    chosen = looked_at(drive)
    for sensor in dict.fromkeys(scan.sensor for scan in drive.scans):
        turn = drive.T_ego_sensor(sensor)[:3, :3].T
        found[sensor] = learn(drive.read(name).points @ turn for name in chosen if name.sensor == sensor)
        _tell(drive.name, sensor, found[sensor])
    return found


def looked_at(drive: Drive) -> list[ScanName]:
    """The scans that tell the vehicle in a drive."""
    sensors = dict.fromkeys(scan.sensor for scan in drive.scans)
    return [name for one in sensors for name in _chosen(drive, [scan for scan in drive.scans if scan.sensor == one])]


def _chosen(drive: Drive, scans: list[ScanName]) -> list[ScanName]:
    """Scans that were taken while the vehicle moved, evenly spread; none where it did not move far enough."""
    times = np.array([scan.time_s for scan in scans])
    places = drive.track.at(times)[:, :3, 3]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    speeds = steps / np.maximum(np.diff(times), 1e-3)
    moving = np.flatnonzero(speeds > _MOVING_M_S)
    if len(moving) < FEWEST or steps[moving].sum() < _TRAVEL_M:
        return []
    return [scans[index] for index in moving[np.linspace(0, len(moving) - 1, min(_MOST, len(moving))).astype(int)]]


def _tell(drive: str, sensor: str, body: EgoBody) -> None:
    box = body.box_m
    log = logging.getLogger(__name__)
    if body.voxels is None:
        log.info("%s: too few scans of a moving car to know it by; what %s sees within 3 m is left out", drive, sensor)
    elif box is None:
        log.info("%s: %s does not see the vehicle itself", drive, sensor)
    else:
        log.info("%s: %s sees the vehicle itself from %s to %s m, which is left out", drive, sensor, *box)
