"""Which scans a key frame's volume is built from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxway.data.recordings import Frame, ScanName
from voxway.prepare.occupancy.work import DriveWork

_OWN_S = 0.1
"""How far from the frame's time its own scan of each LiDAR may be."""


@dataclass(frozen=True)
class Chosen:
    """Scans of a key frame.

    Attributes:
        scans: all, by time.
        own: of these, each LiDAR's own scan of the frame.
        lacking_s: time before and after the frame that was asked for and is not in the recording.
    """

    scans: tuple[ScanName, ...]
    own: frozenset[ScanName]
    lacking_s: tuple[float, float]


def chosen_scans(work: DriveWork, frame: Frame) -> Chosen:
    """Scans around a key frame, of each LiDAR one for each stretch that the vehicle went, and the frame's own.

    Args:
        work: on the drive.
        frame: the key frame.
    """
    settings, drive = work.settings, work.drive
    begin, end = frame.time_s - settings.before_s, frame.time_s + settings.after_s
    found: list[ScanName] = []
    own: set[ScanName] = set()
    for sensor in dict.fromkeys(scan.sensor for scan in drive.scans):
        scans = [scan for scan in drive.scans if scan.sensor == sensor]
        late = [abs(scan.time_s - frame.time_s) for scan in scans]
        nearest = int(np.argmin(late))
        if late[nearest] <= _OWN_S:
            own.add(scans[nearest])
        near = [scan for scan in scans if begin - 1e-3 <= scan.time_s <= end + 1e-3]
        found += _thinned(work, near)
    first, last = drive.scans[0].time_s, drive.scans[-1].time_s
    lacking = round(max(first - begin, 0.0), 3), round(max(end - last, 0.0), 3)
    return Chosen(tuple(sorted({*found, *own})), frozenset(own), lacking)


def _thinned(work: DriveWork, scans: list[ScanName]) -> list[ScanName]:
    """One scan each time that the vehicle has gone `travel_m`, and no more than `most_scans`, evenly spread."""
    if not scans:
        return []
    places = work.drive.track.at(np.array([scan.time_s for scan in scans]))[:, :3, 3]
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    step = np.floor(gone / work.settings.travel_m) if work.settings.travel_m else np.arange(len(scans))
    kept = np.flatnonzero(np.diff(step, prepend=-1) > 0)
    if len(kept) > work.settings.most_scans:
        kept = kept[np.linspace(0, len(kept) - 1, work.settings.most_scans).astype(int)]
    return [scans[index] for index in kept]
