"""Which scans a key frame's volume is built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voxway.data.recordings import Frame, ScanName
from voxway.prepare.occupancy.work import DriveWork

_OWN_S = 0.1
"""How far from the frame's time its own scan of each LiDAR may be."""
_MOST_PICTURES = 40
"""Moments whose pictures say what voxels of a frame are, at most."""
_SAME_S = 1e-3
"""Times closer than this are of one time."""


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
    own = own_scans(work, frame)
    for scans, times in work.by_sensor.values():
        low, high = np.searchsorted(times, (begin - _SAME_S, end + _SAME_S))
        found += _thinned(work, scans[low:high])
    first, last = drive.scans[0].time_s, drive.scans[-1].time_s
    lacking = round(max(first - begin, 0.0), 3), round(max(end - last, 0.0), 3)
    return Chosen(tuple(sorted({*found, *own})), own, lacking)


def own_scans(work: DriveWork, frame: Frame) -> frozenset[ScanName]:
    """Each LiDAR's own scan of a frame."""
    found = set()
    for scans, times in work.by_sensor.values():
        nearest = int(np.abs(times - frame.time_s).argmin())
        if abs(times[nearest] - frame.time_s) <= _OWN_S:
            found.add(scans[nearest])
    return frozenset(found)


def pictured(work: DriveWork, frame: Frame) -> tuple[Frame, ...]:
    """Frames around a key frame, and itself, of whose pixels classes are known, evenly spread."""
    settings, drive = work.settings, work.drive
    begin, end = frame.time_s - settings.before_s - _SAME_S, frame.time_s + settings.after_s + _SAME_S
    there = [one for one in drive.frames if begin <= one.time_s <= end and drive.class_map_files(one)]
    own = [frame] if frame in there else []
    if len(there) > _MOST_PICTURES:
        there = [there[i] for i in np.linspace(0, len(there) - 1, _MOST_PICTURES).astype(int)]
    return tuple(dict.fromkeys([*there, *own]))


def _thinned(work: DriveWork, scans: Sequence[ScanName]) -> list[ScanName]:
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
