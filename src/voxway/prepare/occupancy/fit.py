"""Whether a drive's poses fit its scans, and which thresholds suit them."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from voxway.core.errors import InputError
from voxway.core.geometry_faults import drive_fault
from voxway.data.recordings import Drive, ScanName
from voxway.prepare.occupancy.placing import Placing
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.truth.moving.ego_body import EgoBody
from voxway.truth.moving.fit import Fit, fit

_PAIRS = 12
_NOISY_M, _NOISY_DEG = 0.05, 0.1
_LEAST_SHARE = 0.4
_STEP_S = 0.1
_MOVED_M = 3.0
_REMEDY = "Give poses of the vehicle in metres, to the world from the vehicle's frame, on the clock of the scans."


def checked(drive: Drive, settings: OccupancySettings) -> OccupancySettings:
    """Settings with thresholds that suit a drive's poses; says how well these put scans on each other.

    Args:
        drive: the recording.
        settings: with thresholds for good poses.

    Raises:
        InputError: poses are not those of a vehicle, or of the scans.
    """
    _check_track(drive)
    placing = Placing(drive, settings, {scan.sensor: EgoBody(None) for scan in drive.scans})
    _check_frame(drive, placing)
    fits = [_fit(placing, *pair) for pair in _pairs(drive)]
    fits = [one for one in fits if one.matched >= 100]
    if not fits:
        return settings
    shift, turn = (float(np.median([getattr(one, name) for one in fits])) for name in ("shift_m", "turn_deg"))
    share = float(np.median([one.share for one in fits]))
    if share < _LEAST_SHARE:
        found = f"scans 0.1 s apart that do not lie on each other: {100 * share:.0f} % of returns do"
        raise _bad(drive, f"poses that put scans on each other, {100 * _LEAST_SHARE:.0f} % of returns at least", found)
    noisy = shift > _NOISY_M or turn > _NOISY_DEG
    logging.getLogger(__name__).info(
        "%s: from scan to scan, poses are off by %.1f cm and %.3f degrees%s",
        drive.name,
        100 * shift,
        turn,
        "; thresholds for noisy poses are taken, which miss more of what moves" if noisy else "",
    )
    return replace(settings, moving=settings.moving.cautious()) if noisy else settings


def _pairs(drive: Drive) -> list[tuple[ScanName, ScanName]]:
    """Neighbours in time of one LiDAR, spread over the drive."""
    scans = [scan for scan in drive.scans if scan.sensor == drive.scans[0].sensor]
    numbers = np.unique(np.linspace(0, len(scans) - 2, _PAIRS).astype(int)) if len(scans) > 1 else []
    return [(scans[number], scans[number + 1]) for number in numbers]


def _fit(placing: Placing, first: ScanName, second: ScanName) -> Fit:
    one, other = (placing.read(name) for name in (first, second))
    return fit(one.points[one.used], other.points[other.used])


def _check_track(drive: Drive) -> None:
    begin, end = drive.scans[0].time_s, drive.scans[-1].time_s
    poses = drive.track.at(np.arange(begin, end + 1e-6, _STEP_S))
    if (wrong := drive_fault(poses)) is not None:
        raise _bad(drive, wrong.expected, wrong.found)


def _check_frame(drive: Drive, placing: Placing) -> None:
    """Refuse scans that lie in the world already: around the origin of their own frame, there must be the vehicle."""
    places = drive.track.at(np.array([scan.time_s for scan in drive.scans]))[:, :3, 3]
    far = int(np.argmax(np.linalg.norm(places, axis=1)))
    name = drive.scans[far]
    T_world_sensor = drive.track.at(np.array([name.time_s]))[0] @ drive.T_ego_sensor(name.sensor)
    if np.linalg.norm(T_world_sensor[:2, 3]) < _MOVED_M:
        return
    points = drive.read(name).points.astype(np.float64)
    own, moved = (_rings(points - centre) for centre in (np.zeros(3), T_world_sensor[:3, 3]))
    if moved > 2 * own:
        raise InputError(
            file=drive.files(name)[0],
            field="points",
            expected="metres in the sensor's own frame",
            found="points that lie around the place of the vehicle in the world",
            remedy="Write each scan as its LiDAR saw it; poses say where it was.",
        )


def _rings(points: np.ndarray) -> float:
    """Share of the returns within 12 m along the road, of which a LiDAR always has most around itself."""
    return float((np.hypot(points[:, 0], points[:, 1]) < 12.0).mean()) + 1e-3


def _bad(drive: Drive, expected: object, found: object) -> InputError:
    return InputError(
        file=drive.files(drive.scans[0])[1], field="poses", expected=expected, found=found, remedy=_REMEDY
    )
